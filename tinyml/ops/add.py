"""ADD: element-wise sum of two tensors of one shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.rules import activation_name, fused_activation, input_count, int8_activations

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_LEFT_SHIFT = 20  # TFLite's headroom for int8 operands


@dataclass(frozen=True)
class Attributes:
    """The fused activation."""

    activation: str


def equal_shapes(node: NodeView) -> str:
    """Both operands are computed and have one shape (no broadcast yet). Remedy: repeat the smaller one."""
    a, b = node.input(0), node.input(1)
    if a.is_constant or b.is_constant:
        return "a constant operand"
    return "" if a.shape == b.shape else f"{a.shape} and {b.shape}"


def scales_comparable(node: NodeView) -> str:
    """The operands' scales are not a million times the output's. Remedy: quantize the model again."""
    largest = max(node.input(0).q.scale, node.input(1).q.scale)
    ratio = 2 * largest / ((1 << _LEFT_SHIFT) * node.output.q.scale)
    return "" if ratio < 1 else f"{largest:g} against {node.output.q.scale:g}"


@dataclass(frozen=True)
class _Rescale:
    first: tuple[int, int]
    second: tuple[int, int]
    output: tuple[int, int]


def _rescale(node: NodeView) -> _Rescale:
    """Multipliers and shifts of both operands and of the sum (TFLM's CalculateOpDataAdd)."""
    a, b, out = node.input(0).q.scale, node.input(1).q.scale, node.output.q.scale
    twice_largest = 2.0 * max(a, b)
    return _Rescale(
        arithmetic.quantize_multiplier(a / twice_largest),
        arithmetic.quantize_multiplier(b / twice_largest),
        arithmetic.quantize_multiplier(twice_largest / ((1 << _LEFT_SHIFT) * out)),
    )


class Add(Operator):
    """int8 addition (reference_integer_ops::Add)."""

    name = "ADD"
    summary = "element-wise sum of two tensors of one shape"
    rules = (input_count(2, 2), int8_activations, equal_shapes, fused_activation, scales_comparable)

    def parse(self, options: Any) -> Attributes:
        from tflite.AddOptions import AddOptions

        stored = AddOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(activation_name(stored.FusedActivationFunction()))

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return (node.input(0).shape,)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        rescale = _rescale(node)
        total = np.zeros(node.output.shape, np.int64)
        for position, factor in enumerate((rescale.first, rescale.second)):
            offset = inputs[position].astype(np.int64) - node.input(position).q.zero_point
            total += arithmetic.requantize(offset << _LEFT_SHIFT, *factor)
        scaled = arithmetic.requantize(total, *rescale.output) + node.output.q.zero_point
        low, high = arithmetic.activation_range(node.attributes.activation, node.output)
        return [np.clip(scaled, low, high).astype(np.int8)]

    def lower(self, node: NodeView) -> KernelCall:
        rescale = _rescale(node)
        low, high = arithmetic.activation_range(node.attributes.activation, node.output)
        return KernelCall(
            kernel="tinyml_add_s8",
            params=(
                ("elements", node.output.elements),
                ("first_zero_point", node.input(0).q.zero_point),
                ("first_multiplier", rescale.first[0]),
                ("first_shift", rescale.first[1]),
                ("second_zero_point", node.input(1).q.zero_point),
                ("second_multiplier", rescale.second[0]),
                ("second_shift", rescale.second[1]),
                ("output_zero_point", node.output.q.zero_point),
                ("output_multiplier", rescale.output[0]),
                ("output_shift", rescale.output[1]),
                ("activation_min", low),
                ("activation_max", high),
            ),
            inputs=(0, 1),
            in_place=(0, 1),
        )


OPERATOR = Add()
