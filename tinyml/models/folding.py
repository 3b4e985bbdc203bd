"""Batch normalisation folded into the layer before it: the same function, with fewer parts.

TFF does not update batch-norm statistics, so a model is folded before it is federated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml.errors import InputError
from tinyml.models.flattening import has_graph
from tinyml.models.references import references, replaced
from tinyml.models.runtime import tensorflow

_FOLDABLE = ("Conv2D", "DepthwiseConv2D", "Dense")
_NORM = "BatchNormalization"
_REMEDY = "put it right after a Conv2D, DepthwiseConv2D or Dense without activation, or remove it"


def fold_batch_norm(model: Any) -> Any:
    """A functional copy of `model` without BatchNormalization; inference outputs agree to 1e-5.

    Args:
        model: a built functional or Sequential Keras model in which every BatchNormalization comes
            right after a Conv2D, DepthwiseConv2D or Dense of linear activation that feeds nothing
            else.

    Raises:
        InputError: a batch norm that cannot be folded, a model nested in the model, or a subclassed
            model, whose graph Keras does not know.
    """
    tf = tensorflow()
    if not has_graph(model):
        raise InputError(model.name, "is not a built functional or Sequential model", "make it one")
    for layer in model.layers:
        if isinstance(layer, tf.keras.Model):
            raise InputError(model.name, f"has a model '{layer.name}' inside it", "flatten it")
    config = tf.keras.Model(model.inputs, model.outputs, name=model.name).get_config()
    absorbed = _absorbed_norms(config)
    folded = tf.keras.Model.from_config(_without_norms(config, absorbed))
    _copy_weights(model, folded, absorbed)
    return folded


def _absorbed_norms(config: dict[str, Any]) -> dict[str, str]:
    """Name of each batch norm to the name of the layer it folds into."""
    layers = {layer["name"]: layer for layer in config["layers"]}
    ends = [*(layer["inbound_nodes"] for layer in config["layers"]), config["output_layers"]]
    uses = [name for name, _, _ in references(ends)]
    found = {}
    for name, layer in layers.items():
        if layer["class_name"] == _NORM:
            sources = list(references(layer["inbound_nodes"]))
            if len(sources) != 1:
                raise InputError(name, "batch norm is used in more than one place", _REMEDY)
            source = sources[0][0]
            _check_foldable(name, layers[source], uses.count(source))
            found[name] = source
    return found


def _check_foldable(norm: str, before: dict[str, Any], uses: int) -> None:
    kind = before["class_name"]
    if kind not in _FOLDABLE:
        raise InputError(norm, f"batch norm after a {kind} cannot be folded", _REMEDY)
    activation = before["config"]["activation"]
    if activation != "linear":
        raise InputError(norm, f"batch norm after the activation {activation}", _REMEDY)
    if uses != 1 or len(before["inbound_nodes"]) != 1:
        raise InputError(norm, f"'{before['name']}' before it feeds other layers too", _REMEDY)


def _without_norms(config: dict[str, Any], absorbed: dict[str, str]) -> dict[str, Any]:
    def redirected(name: str, call: int, tensor: int) -> list[Any]:
        return [absorbed.get(name, name), call, tensor]

    layers = []
    for layer in config["layers"]:
        if layer["name"] in absorbed:
            continue
        nodes = replaced(layer["inbound_nodes"], redirected)
        settings = dict(layer["config"])
        if layer["name"] in absorbed.values():
            settings["use_bias"] = True
        layers.append({**layer, "config": settings, "inbound_nodes": nodes})
    outputs = replaced(config["output_layers"], redirected)
    return {**config, "layers": layers, "output_layers": outputs}


def _copy_weights(model: Any, folded: Any, absorbed: dict[str, str]) -> None:
    norms = {target: model.get_layer(norm) for norm, target in absorbed.items()}
    for layer in folded.layers:
        if layer.name in norms:
            original = model.get_layer(layer.name)
            layer.set_weights(_folded_weights(original, norms[layer.name]))
        elif layer.weights:
            layer.set_weights(model.get_layer(layer.name).get_weights())


def _folded_weights(layer: Any, norm: Any) -> list[np.ndarray]:
    """Kernel and bias of norm(layer(x)), computed in float64.

    y = gamma (kernel x + bias - mean) / sqrt(variance + epsilon) + beta, channels on the last axis.
    """
    mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
    gamma = norm.gamma.numpy() if norm.scale else np.ones_like(mean)
    beta = norm.beta.numpy() if norm.center else np.zeros_like(mean)
    factor = gamma / np.sqrt(variance.astype(np.float64) + norm.epsilon)
    kernel, *rest = layer.get_weights()
    bias = rest[0] if rest else np.zeros_like(mean)
    depthwise = type(layer).__name__ == "DepthwiseConv2D"  # its last two axes make the channels
    spread = factor.reshape(kernel.shape[2:]) if depthwise else factor
    return [
        (kernel * spread).astype(kernel.dtype),
        ((bias - mean) * factor + beta).astype(kernel.dtype),
    ]
