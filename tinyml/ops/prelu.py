"""PRELU: negative values are multiplied by a learnt alpha."""

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
    quantization_fault,
    scale_ratio,
    whole_operands,
)
from tinyml.ops.mul import effective_scale
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def int8_alpha(node: NodeView) -> str:
    """Input and output are both int8 or both int16 (zero point 0), alpha is int8, with one scale and zero
    point each. Remedy: quantize the model first, e.g. `tinyml quantize MODEL --calibration DATA -o
    model.tflite`.
    """
    wide = ("int8", "int16")
    faults = (
        quantization_fault(node.input(0), wide),
        quantization_fault(node.output, (node.input(0).dtype,)),
        quantization_fault(node.input(1), ("int8",)),
    )
    return next(filter(None, faults), "")


def product_in_range(node: NodeView) -> str:
    """The input's scale times alpha's is below 2^15 times the output's. Remedy: quantize the model again."""
    factor = effective_scale(node)
    return "" if factor < LARGEST_RATIO else f"{factor:g}"


def _factors(node: NodeView) -> tuple[tuple[int, int], tuple[int, int]]:
    """(multiplier, shift) of values from 0 on, and of negative ones times alpha."""
    plain = node.input(0).q.scale / node.output.q.scale
    return (
        arithmetic.quantize_multiplier(plain),
        arithmetic.quantize_multiplier(effective_scale(node)),
    )


class Prelu(Operator):
    """A rectifier with a slope (reference_ops::BroadcastPrelu4DSlow)."""

    name = "PRELU"
    summary = "negative values times an alpha that broadcasts"
    elementwise = True
    rules = (
        input_count(2, 2),
        int8_alpha,
        broadcastable,
        scale_ratio,
        product_in_range,
    )

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return broadcast_shape(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        x, alpha = (
            part.astype(np.int64) - node.input(i).q.zero_point for i, part in enumerate(inputs)
        )
        plain, sloped = _factors(node)
        scaled = np.where(
            x >= 0, arithmetic.requantize(x, *plain), arithmetic.requantize(x * alpha, *sloped)
        )
        limits = arithmetic.LIMITS[node.output.dtype]
        return [np.clip(scaled + node.output.q.zero_point, *limits).astype(node.output.dtype)]

    def lower(self, node: NodeView) -> KernelCall:
        plain, sloped = _factors(node)
        return KernelCall(
            kernel="tinyml_prelu_s8" if node.output.dtype == "int8" else "tinyml_prelu_s16",
            params=(
                ("broadcast", broadcast_fields(node)),
                ("input_zero_point", node.input(0).q.zero_point),
                ("alpha_zero_point", node.input(1).q.zero_point),
                ("output_zero_point", node.output.q.zero_point),
                ("multiplier", plain[0]),
                ("shift", plain[1]),
                ("alpha_multiplier", sloped[0]),
                ("alpha_shift", sloped[1]),
            ),
            inputs=(0, 1),
            in_place=whole_operands(node),
        )


OPERATOR = Prelu()
