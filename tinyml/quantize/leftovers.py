"""What TFLite's converter cannot make integer: loops, on which it crashes, and what it leaves in float."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tinyml.errors import InputError
from tinyml.graph.tflite_reader import operator_name
from tinyml.models.runtime import tensorflow

_FLOAT32 = 0  # TensorType
_CONVERSIONS = {"QUANTIZE", "DEQUANTIZE", "CAST"}


def require_no_loop(model: Any, name: object) -> None:
    """Check that no layer of a Keras model, also of one inside it, becomes a loop.

    An LSTM with Keras' defaults becomes one operator; other recurrent layers become a WHILE over lists of
    tensors, and calibrating that ends the process.

    Raises:
        InputError: there is such a layer.
    """
    for layer in _recurrent(model):
        if not layer.unroll and not _is_one_operator(layer):
            raise InputError(
                name,
                f"layer '{layer.name}' ({type(layer).__name__}) becomes a loop, which TFLite cannot quantize",
                "give it unroll=True (the weights stay), or take an LSTM with Keras' default activations",
            )


def float_operators(content: bytes) -> list[str]:
    """The operators of a `.tflite` that compute in float32, without repetition, in their order."""
    import tflite

    model = tflite.Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)
    found = []
    for index in range(graph.OperatorsLength()):
        node = graph.Operators(index)
        name = operator_name(model.OperatorCodes(node.OpcodeIndex()))
        outputs = [graph.Tensors(node.Outputs(i)).Type() for i in range(node.OutputsLength())]
        if _FLOAT32 in outputs and name not in _CONVERSIONS:
            found.append(name)
    return list(dict.fromkeys(found))


def _recurrent(model: Any) -> Iterator[Any]:
    layers = tensorflow().keras.layers
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, layers.RNN):
            yield layer


def _is_one_operator(layer: Any) -> bool:
    keras = tensorflow().keras
    return (
        isinstance(layer, keras.layers.LSTM)
        and layer.activation is keras.activations.tanh
        and layer.recurrent_activation is keras.activations.sigmoid
        and layer.use_bias
        and not layer.recurrent_dropout
    )
