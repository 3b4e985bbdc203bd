"""PAD: a border around a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import Array, KernelCall, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def two_each(node: NodeView) -> str:
    """There are two sizes of 0 or more for each dimension. Remedy: convert the model again."""
    sizes, rank = movement.numbers(node, 1), len(node.input(0).shape)
    return (
        "" if len(sizes) == 2 * rank and min(sizes) >= 0 else f"{list(sizes)} for {rank} dimensions"
    )


def one_value(node: NodeView) -> str:
    """A value for the border is one constant of the tensor's type, scale and zero point. Remedy: convert
    the model again.
    """
    value = node.optional(2)
    if value is None:
        return ""
    if value.data is None or value.elements != 1:
        return f"'{value.name}' of shape {value.shape}" + (
            "" if value.is_constant else ", computed"
        )
    if value.dtype != node.output.dtype:
        return value.dtype
    same = value.dtype != "int8" or value.quantization == node.output.quantization
    return "" if same else f"{value.quantization}"


def int8_zero_point(node: NodeView) -> str:
    """The zero point of an int8 tensor lies in -128 to 127. Remedy: quantize the model again."""
    output = node.output
    if output.dtype != "int8" or output.quantization is None:
        return ""
    return "" if -128 <= output.q.zero_point <= 127 else f"{output.q.zero_point}"


def widths(node: NodeView) -> tuple[tuple[int, int], ...]:
    """Elements before and after the input, for each dimension."""
    sizes = movement.numbers(node, 1)
    return tuple(zip(sizes[::2], sizes[1::2]))


def border(node: NodeView) -> np.ndarray:
    """What the border consists of, one element. Only int8 pads with its zero point; int16 pads with 0."""
    output, value = node.output, node.optional(2)
    if value is not None and value.data is not None:
        return value.data.reshape(1)
    is_int8 = output.dtype == "int8" and output.quantization is not None
    return np.array([output.q.zero_point if is_int8 else 0], output.dtype)


class Pad(Operator):
    """Everything is set to the border's value, then the input copied inside."""

    name = "PAD"
    summary = "a border around a tensor"
    rules = (
        movement.inputs_and_outputs(2, 3),
        *movement.moves(("int8", "int16", "int32", "float32")),
        movement.most_dimensions(5),
        movement.constant(1, "padding"),
        two_each,
        one_value,
        int8_zero_point,
    )

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return (tuple(n + a + b for n, (a, b) in zip(node.input(0).shape, widths(node))),)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [np.pad(inputs[0], widths(node), constant_values=border(node)[0])]

    def lower(self, node: NodeView) -> tuple[KernelCall, ...]:
        value, shape = border(node), node.input(0).shape
        params = (
            ("value", Array("value", value)),
            ("bytes", value.itemsize),
            ("elements", node.output.elements),
        )
        befores = [before for before, _ in widths(node)]
        inside = movement.part(node.output.shape, befores, shape)
        return (
            KernelCall("tinyml_fill", params, inputs=()),
            movement.copy(node, movement.whole(shape), inside, only=False),
        )


OPERATOR = Pad()
