"""LOG_SOFTMAX over the last dimension."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic, fixed_point
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.elementwise import quantized, same_shape
from tinyml.ops.rules import input_count
from tinyml.ops.softmax import classes_fit

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_FRACTION_BITS = 26  # of a scaled difference to the row's maximum, Q5.26


def standard_output(node: NodeView) -> str:
    """The output has scale 1/16 and zero point 127. Remedy: quantize the model again."""
    q = node.output.q
    right = (q.scale, q.zero_point) == (1 / 16, 127)
    return "" if right else f"scale {q.scale:g}, zero point {q.zero_point}"


def scale_in_range(node: NodeView) -> str:
    """The input's scale is from 2^-25 to below 16. Remedy: quantize the model again."""
    scale = node.input(0).q.scale
    return "" if 2**-25 <= scale < 16 else f"{scale:g}"


@dataclass(frozen=True)
class _Scaling:
    """(multiplier, shift) of a difference to Q5.26 and back, and the least difference that counts."""

    forth: tuple[int, int]
    back: tuple[int, int]
    least: int


def _scaling(node: NodeView) -> _Scaling:
    """TFLM's PreprocessLogSoftmaxScalingExp."""
    multiplier, shift = arithmetic.quantize_multiplier(
        node.input(0).q.scale * (1 << _FRACTION_BITS)
    )
    return _Scaling(
        (multiplier, shift),
        arithmetic.quantize_multiplier((1 << (31 - shift)) / multiplier),
        -math.floor(31 * (1 << _FRACTION_BITS) / (1 << shift)),
    )


def _row(scaling: _Scaling, row: np.ndarray) -> np.ndarray:
    difference = row - row.max()
    scaled = arithmetic.requantize(difference, *scaling.forth)
    counts = difference >= scaling.least
    exponential = fixed_point.exp_on_negative(np.where(counts, scaled, 0))
    total = np.where(counts, arithmetic.rounding_shift(exponential, 12), 0).sum()
    logarithm = fixed_point.logarithm(int(total))
    # As far as Q5.26 reaches; a difference beyond is the least value
    lowest = arithmetic.requantize(np.array(logarithm - (1 << 31), np.int64), *scaling.back)
    result = arithmetic.rounding_shift(scaled - logarithm, 22) + 127
    within = difference > max(scaling.least - 1, int(lowest))
    return np.where(within, np.clip(result, -128, 127), -128)


class LogSoftmax(Operator):
    """The logarithm of softmax in fixed point (reference_ops::LogSoftmaxQuantized)."""

    name = "LOG_SOFTMAX"
    summary = "logarithm of softmax over the last dimension"
    rules = (
        input_count(1, 1),
        quantized("int8"),
        standard_output,
        scale_in_range,
        classes_fit,
    )

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return same_shape(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        scaling = _scaling(node)
        rows = inputs[0].astype(np.int64).reshape(-1, inputs[0].shape[-1])
        results = np.array([_row(scaling, row) for row in rows], np.int8)
        return [results.reshape(node.output.shape)]

    def lower(self, node: NodeView) -> KernelCall:
        scaling = _scaling(node)
        return KernelCall(
            kernel="tinyml_log_softmax_s8",
            params=(
                ("rows", node.output.elements // node.output.shape[-1]),
                ("classes", node.output.shape[-1]),
                ("multiplier", scaling.forth[0]),
                ("left_shift", scaling.forth[1]),
                ("least_difference", max(scaling.least, -256)),
                ("back_multiplier", scaling.back[0]),
                ("back_shift", scaling.back[1]),
            ),
            inputs=(0,),
            in_place=(0,),
        )


OPERATOR = LogSoftmax()
