"""ADD and SUB: both operands are scaled to twice the larger scale, summed, and scaled to the output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic
from tinyml.ops.base import Fields, KernelCall, Operator
from tinyml.ops.elementwise import (
    broadcast_fields,
    broadcast_shape,
    broadcastable,
    quantized,
    whole_operands,
)
from tinyml.ops.rules import activation_name, fused_activation, input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_HEADROOM = {"int8": 20, "int16": 15}  # TFLite's left shift of both operands


@dataclass(frozen=True)
class Attributes:
    """The fused activation."""

    activation: str


@dataclass(frozen=True)
class Rescale:
    """(multiplier, shift) of both operands and of the sum, and the left shift of the operands."""

    first: tuple[int, int]
    second: tuple[int, int]
    output: tuple[int, int]
    headroom: int

    def fields(self, node: NodeView) -> Fields:
        """The part of the parameter structs that scales operands of a node."""
        first, second = node.input(0).q.zero_point, node.input(1).q.zero_point
        return (
            ("first_zero_point", first),
            ("first_multiplier", self.first[0]),
            ("first_shift", self.first[1]),
            ("second_zero_point", second),
            ("second_multiplier", self.second[0]),
            ("second_shift", self.second[1]),
        )


def rescale(node: NodeView) -> Rescale:
    """The factors of a node, computed in double as in TFLM."""
    a, b, out = (t.q.scale for t in (node.input(0), node.input(1), node.output))
    headroom = _HEADROOM[node.output.dtype]
    twice_largest = 2 * max(a, b)
    return Rescale(
        first=arithmetic.quantize_multiplier(a / twice_largest),
        second=arithmetic.quantize_multiplier(b / twice_largest),
        output=arithmetic.quantize_multiplier(twice_largest / ((1 << headroom) * out)),
        headroom=headroom,
    )


def scales_comparable(node: NodeView) -> str:
    """Twice the operands' scales are below 2^20 times the output's, for int16 2^15 times. Remedy: quantize
    the model again.
    """
    largest = max(node.input(0).q.scale, node.input(1).q.scale)
    ratio = 2 * largest / ((1 << _HEADROOM[node.output.dtype]) * node.output.q.scale)
    # TFLM aborts as well when the ratio rounds to 1.
    below = arithmetic.quantize_multiplier(ratio)[1] <= 0
    return "" if below else f"{largest:g} against {node.output.q.scale:g}"


class Sum(Operator):
    """A sum or difference (reference_integer_ops::Add, reference_ops::Sub)."""

    sign: int  # of the second operand
    elementwise = True
    rules = (
        input_count(2, 2),
        quantized("int8", "int16"),
        broadcastable,
        fused_activation,
        scales_comparable,
    )

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return broadcast_shape(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        factors = rescale(node)
        first, second = (
            arithmetic.requantize(
                (inputs[i].astype(np.int64) - node.input(i).q.zero_point) << factors.headroom,
                *factor,
            )
            for i, factor in enumerate((factors.first, factors.second))
        )
        total = arithmetic.requantize(first + self.sign * second, *factors.output)
        low, high = arithmetic.activation_range(node.attributes.activation, node.output)
        return [np.clip(total + node.output.q.zero_point, low, high).astype(node.output.dtype)]

    def lower(self, node: NodeView) -> KernelCall:
        factors = rescale(node)
        return KernelCall(
            kernel="tinyml_sum_s8" if node.output.dtype == "int8" else "tinyml_sum_s16",
            params=(
                ("broadcast", broadcast_fields(node)),
                ("headroom", factors.headroom),
                *factors.fields(node),
                ("second_sign", self.sign),
                *output_fields(node, factors),
            ),
            inputs=(0, 1),
            in_place=whole_operands(node),
        )


def output_fields(node: NodeView, factors: Rescale) -> Fields:
    """The part of the parameter structs that scales the sum."""
    low, high = arithmetic.activation_range(node.attributes.activation, node.output)
    return (
        ("output_zero_point", node.output.q.zero_point),
        ("output_multiplier", factors.output[0]),
        ("output_shift", factors.output[1]),
        ("activation_min", low),
        ("activation_max", high),
    )


def parse_activation(stored: Any, options: Any) -> Attributes:
    """The fused activation of an options table, which a file may leave out."""
    if options is None:
        return Attributes("NONE")
    stored.Init(options.Bytes, options.Pos)
    return Attributes(activation_name(stored.FusedActivationFunction()))
