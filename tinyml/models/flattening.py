"""Models inside a model, a backbone under a head for example, put in their place layer by layer.

tfmot trains no nested model, and what looks for batch norms or for the pooled layer looks at layers.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tinyml.models.references import is_reference, listed, references, replaced
from tinyml.models.runtime import tensorflow

_INPUT = "InputLayer"


@dataclass(frozen=True)
class _Call:
    """What the references in an inner model become at one of its calls."""

    number: int
    given: list[list[Any]]
    inputs: list[str]
    names: dict[str, str]
    calls: dict[str, int]  # of each layer, each time that the model is called

    def __call__(self, name: str, call: int, tensor: int) -> list[Any]:
        if name in self.inputs:
            return self.given[self.inputs.index(name)]
        return [self.names[name], self.number * self.calls[name] + call, tensor]


class _KeptError(Exception):
    """An inner model is called in a way that layers cannot be."""


@dataclass(frozen=True)
class _Graph:
    """A functional configuration, and the layer that each name's weights are from."""

    config: dict[str, Any]
    layers: dict[str, Any]


def has_graph(model: Any) -> bool:
    """True for a built functional or Sequential model, whose graph Keras knows."""
    kinds = (tensorflow().keras.Sequential, _functional())
    return isinstance(model, kinds) and bool(model.built)


@lru_cache(maxsize=1)
def _functional() -> Any:
    """The class of functional models, which Keras does not export by name."""
    keras = tensorflow().keras
    x = keras.Input((1,))
    return type(keras.Model(x, x))


def flattened(model: Any) -> Any:
    """The same function of the same weights, without models inside.

    Args:
        model: any Keras model. One without a functional or Sequential model in it is given back as it is, and
            so is one that gives an inner model a mask or named inputs.

    A layer keeps its name; where two have the same, that of the inner model becomes MODEL_LAYER.
    """
    if not has_graph(model) or not any(map(has_graph, model.layers)):
        return model
    try:
        graph = _graph(model)
    except _KeptError:
        return model
    flat = tensorflow().keras.Model.from_config(graph.config)
    for layer in flat.layers:
        layer.set_weights(graph.layers[layer.name].get_weights())
    return flat


def _graph(model: Any) -> _Graph:
    """The graph of a model, its inner models in their place."""
    config = tensorflow().keras.Model(model.inputs, model.outputs, name=model.name).get_config()
    originals = {layer.name: layer for layer in [*model.layers, *_input_layers(model)]}
    inner = {name for name, layer in originals.items() if has_graph(layer)}
    layers = {name: layer for name, layer in originals.items() if name not in inner}
    parts: list[dict[str, Any]] = []
    ends: dict[tuple[str, int, int], list[Any]] = {}  # of inner models, by their outputs' names
    for part in config["layers"]:
        if part["name"] in inner:
            parts += _in_place(part, originals[part["name"]], layers, ends)
        else:
            parts.append(part)

    def of_layers(*reference: Any) -> list[Any]:
        while reference in ends:
            reference = tuple(ends[reference])
        return list(reference)

    for part in parts:
        part["inbound_nodes"] = replaced(part["inbound_nodes"], of_layers)
    outputs = replaced(config["output_layers"], of_layers)
    return _Graph({**config, "layers": parts, "output_layers": outputs}, layers)


def _input_layers(model: Any) -> list[Any]:
    """A Sequential model does not count them among its layers."""
    return [tensor._keras_history.layer for tensor in model.inputs]


def _in_place(
    called: dict[str, Any],
    model: Any,
    layers: dict[str, Any],
    ends: dict[tuple[str, int, int], list[Any]],
) -> list[dict[str, Any]]:
    """The layers of an inner model, called as often as it is.

    Adds them to `layers`, by the names that they get, and the model's outputs, call for call, to `ends`.
    """
    graph = _graph(model)
    inner = [part for part in graph.config["layers"] if part["class_name"] != _INPUT]
    names = {}
    for part in inner:
        names[part["name"]] = _free(part["name"], model.name, layers)
        layers[names[part["name"]]] = graph.layers[part["name"]]
    nodes: dict[str, list[Any]] = {part["name"]: [] for part in inner}
    # Call 0 is the model's own making, where it was made of tensors.
    first = int(model.get_config()["layers"][0]["class_name"] == _INPUT)
    inputs = [end[0] for end in listed(graph.config["input_layers"])]
    calls = {part["name"]: len(part["inbound_nodes"]) for part in inner}
    for number, node in enumerate(called["inbound_nodes"]):
        given, training = _arguments(node)
        if len(given) != len(inputs):
            raise _KeptError
        call = _Call(number, given, inputs, names, calls)
        for part in inner:
            told = training if _takes_training(graph.layers[part["name"]]) else {}
            nodes[part["name"]] += [
                _with_keywords(replaced(one, call), told) for one in part["inbound_nodes"]
            ]
        for tensor, end in enumerate(listed(graph.config["output_layers"])):
            ends[called["name"], first + number, tensor] = call(*end)
    return [
        {
            **part,
            "name": names[part["name"]],
            "config": {**part["config"], "name": names[part["name"]]},
            "inbound_nodes": nodes[part["name"]],
        }
        for part in inner
    ]


def _free(name: str, model: str, taken: dict[str, Any]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        candidate = f"{model}_{name}" if number == 1 else f"{model}_{name}_{number}"
        number += 1
    return candidate


def _arguments(node: Any) -> tuple[list[list[Any]], dict[str, Any]]:
    """Inputs of an inner model's call, [layer, call, tensor] each, and `training` where it is given."""
    if not isinstance(node, (list, tuple)) or not all(map(is_reference, node)):
        raise _KeptError
    keywords: dict[str, Any] = {}
    for reference in node:
        keywords.update(*reference[3:])
    keywords = {key: value for key, value in keywords.items() if value is not None}
    if set(keywords) - {"training"} or list(references(list(keywords.values()))):
        raise _KeptError
    return [list(reference[:3]) for reference in node], keywords


def _takes_training(layer: Any) -> bool:
    return "training" in inspect.signature(layer.call).parameters


def _with_keywords(node: Any, keywords: dict[str, Any]) -> Any:
    """A call with keyword arguments added to its own."""
    if not keywords:
        return node
    return [
        [*reference[:3], {**keywords, **(reference[3] if len(reference) > 3 else {})}]
        for reference in node
    ]
