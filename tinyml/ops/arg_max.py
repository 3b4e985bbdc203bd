"""ARG_MAX: where the greatest value is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def int8_to_int32(node: NodeView) -> str:
    """The input is int8 with at least one dimension, the output int32. Remedy: quantize the model first,
    and convert it with output_type=tf.int32.
    """
    found = (node.input(0).dtype, node.output.dtype)
    if found != ("int8", "int32"):
        return " to ".join(found)
    return "" if node.input(0).shape else "a scalar"


def constant_axis(node: NodeView) -> str:
    """The axis is one constant int32 that the input has. Remedy: convert the model with a fixed axis."""
    axis, rank = node.input(1), len(node.input(0).shape)
    if axis.data is None or axis.dtype != "int32" or axis.elements != 1:
        return f"'{axis.name}', {axis.dtype} of shape {axis.shape}"
    return "" if -rank <= int(axis.data.ravel()[0]) < rank else f"{axis.data.ravel()[0]}"


@dataclass(frozen=True)
class _Split:
    """The input's shape as [outer][size][inner], and the axis in the middle."""

    axis: int
    outer: int
    size: int
    inner: int


def _split(node: NodeView) -> _Split:
    axis = node.input(1).data
    assert axis is not None
    shape = node.input(0).shape
    place = int(axis.ravel()[0]) % len(shape)
    return _Split(place, math.prod(shape[:place]), shape[place], math.prod(shape[place + 1 :]))


class ArgMax(Operator):
    """The first place of the greatest raw value (reference_ops::ArgMinMax)."""

    name = "ARG_MAX"
    summary = "first place of the greatest value along a dimension"
    rules = (input_count(2, 2), int8_to_int32, constant_axis)

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        shape, axis = node.input(0).shape, _split(node).axis
        return (shape[:axis] + shape[axis + 1 :],)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        places = np.argmax(inputs[0], axis=_split(node).axis)
        return [np.asarray(places, np.int32).reshape(node.output.shape)]

    def lower(self, node: NodeView) -> KernelCall:
        split = _split(node)
        return KernelCall(
            kernel="tinyml_arg_max_s8",
            params=(("outer", split.outer), ("size", split.size), ("inner", split.inner)),
            inputs=(0,),
        )


OPERATOR = ArgMax()
