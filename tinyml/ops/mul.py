"""MUL: element-wise product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.elementwise import (
    LARGEST_RATIO,
    broadcast_fields,
    broadcast_shape,
    broadcastable,
    quantized,
    whole_operands,
)
from tinyml.ops.rules import fused_activation, input_count
from tinyml.ops.sums import Attributes, parse_activation

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def effective_scale(node: NodeView) -> float:
    """What a product of raw values, less zero points, is multiplied by; in double, as in TFLM."""
    return node.input(0).q.scale * node.input(1).q.scale / node.output.q.scale


def product_in_range(node: NodeView) -> str:
    """The product of the operands' scales is below 2^15 times the output's. Remedy: quantize the model
    again.
    """
    factor = effective_scale(node)
    return "" if factor < LARGEST_RATIO else f"{factor:g}"


class Mul(Operator):
    """A product (reference_integer_ops::Mul)."""

    name = "MUL"
    summary = "element-wise product of two tensors that broadcast"
    elementwise = True
    rules = (
        input_count(2, 2),
        quantized("int8", "int16"),
        broadcastable,
        fused_activation,
        product_in_range,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.MulOptions import MulOptions

        return parse_activation(MulOptions(), options)

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return broadcast_shape(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        a, b = (part.astype(np.int64) - node.input(i).q.zero_point for i, part in enumerate(inputs))
        scaled = arithmetic.requantize(
            a * b, *arithmetic.quantize_multiplier(effective_scale(node))
        )
        low, high = arithmetic.activation_range(node.attributes.activation, node.output)
        return [np.clip(scaled + node.output.q.zero_point, low, high).astype(node.output.dtype)]

    def lower(self, node: NodeView) -> KernelCall:
        multiplier, shift = arithmetic.quantize_multiplier(effective_scale(node))
        low, high = arithmetic.activation_range(node.attributes.activation, node.output)
        return KernelCall(
            kernel="tinyml_mul_s8" if node.output.dtype == "int8" else "tinyml_mul_s16",
            params=(
                ("broadcast", broadcast_fields(node)),
                ("first_zero_point", node.input(0).q.zero_point),
                ("second_zero_point", node.input(1).q.zero_point),
                ("output_zero_point", node.output.q.zero_point),
                ("multiplier", multiplier),
                ("shift", shift),
                ("activation_min", low),
                ("activation_max", high),
            ),
            inputs=(0, 1),
            in_place=whole_operands(node),
        )


OPERATOR = Mul()
