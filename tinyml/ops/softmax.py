"""SOFTMAX over the last dimension."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic, fixed_point
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.rules import input_count, int8_activations

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_INTEGER_BITS = 5  # of the scaled difference to the row's maximum, Q5.26


@dataclass(frozen=True)
class Attributes:
    """The factor on the logits."""

    beta: float


def standard_output(node: NodeView) -> str:
    """The output has scale 1/256 and zero point -128. Remedy: quantize the model again."""
    q = node.output.q
    right = (q.scale, q.zero_point) == (1 / 256, -128)
    return "" if right else f"scale {q.scale:g}, zero point {q.zero_point}"


def scale_in_range(node: NodeView) -> str:
    """beta times the input's scale is above 2^-26. Remedy: quantize the model again."""
    product = node.attributes.beta * node.input(0).q.scale
    return "" if product * (1 << (31 - _INTEGER_BITS)) > 1 else f"{product:g}"


def _scaling(node: NodeView) -> tuple[int, int, int]:
    """(multiplier, left shift, least difference that counts), TFLM's CalculateSoftmaxParams."""
    real = node.attributes.beta * node.input(0).q.scale * (1 << (31 - _INTEGER_BITS))
    multiplier, shift = arithmetic.quantize_multiplier(min(real, (1 << 31) - 1.0))
    radius = ((1 << _INTEGER_BITS) - 1) * (1 << (31 - _INTEGER_BITS)) / (1 << shift)
    return multiplier, shift, -math.floor(radius)


class Softmax(Operator):
    """int8 softmax in fixed point (reference_ops::Softmax<int8_t, int8_t>)."""

    name = "SOFTMAX"
    summary = "softmax over the last dimension"
    rules = (input_count(1, 1), int8_activations, standard_output, scale_in_range)

    def parse(self, options: Any) -> Attributes:
        from tflite.SoftmaxOptions import SoftmaxOptions

        stored = SoftmaxOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(float(stored.Beta()))

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return (node.input(0).shape,)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        multiplier, shift, least = _scaling(node)
        rows = inputs[0].astype(np.int64).reshape(-1, inputs[0].shape[-1])
        difference = rows - rows.max(axis=1, keepdims=True)
        counts = difference >= least
        scaled = arithmetic.doubling_high_mul(
            arithmetic.wrap_int32(np.where(counts, difference, 0) << shift), multiplier
        )
        exponential = fixed_point.exp_on_negative(scaled)
        # Q0.31 to Q12.19, each rounded, then summed
        total = np.where(counts, arithmetic.rounding_shift(exponential, 12), 0).sum(axis=1)
        out = np.full(rows.shape, -128, np.int64)
        for row, value in enumerate(total):
            reciprocal, bits = fixed_point.reciprocal(int(value))
            share = arithmetic.doubling_high_mul(exponential[row], reciprocal)
            out[row] = np.clip(arithmetic.rounding_shift(share, bits + 31 - 8) - 128, -128, 127)
        return [np.where(counts, out, -128).astype(np.int8).reshape(node.output.shape)]

    def lower(self, node: NodeView) -> KernelCall:
        multiplier, shift, least = _scaling(node)
        return KernelCall(
            kernel="tinyml_softmax_s8",
            params=(
                ("rows", node.output.elements // node.output.shape[-1]),
                ("classes", node.output.shape[-1]),
                ("multiplier", multiplier),
                ("left_shift", shift),
                ("least_difference", max(least, -256)),
            ),
            inputs=(0,),
            in_place=(0,),
        )


OPERATOR = Softmax()
