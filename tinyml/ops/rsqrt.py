"""RSQRT: one over the square root."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.ops import arithmetic, fixed_point
from tinyml.ops.elementwise import quantized
from tinyml.ops.lookup import Lookup
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_SHIFT = 20  # of the root in between, to keep it an integer


def no_negative_input(node: NodeView) -> str:
    """The input's zero point is -128, so that none of its values is negative. Remedy: take the root of
    what cannot be negative, and quantize the model again.
    """
    zero_point = node.input(0).q.zero_point
    return "" if zero_point == -128 else f"zero point {zero_point}"


class Rsqrt(Lookup):
    """One over the root (elementwise.cc: RsqrtEvalQuantized); of 0 it is the largest value."""

    name = "RSQRT"
    summary = "one over the square root"
    rules = (input_count(1, 1), quantized("int8"), no_negative_input)

    def results(self, node: NodeView, values: np.ndarray) -> np.ndarray:
        # As TFLM: the product in float32, its reciprocal in double
        product = np.sqrt(np.float32(node.input(0).q.scale)) * np.float32(node.output.q.scale)
        multiplier, shift = arithmetic.quantize_multiplier(1.0 / float(product))
        found = []
        for value in values.tolist():
            factor, exponent = fixed_point.inverse_root(value)
            root = arithmetic.requantize(np.array([1], np.int64), factor, exponent + _SHIFT)
            found.append(int(arithmetic.requantize(root, multiplier, shift - _SHIFT)[0]))
        clipped = np.clip(np.array(found) + node.output.q.zero_point, -128, 127)
        return np.where(values == 0, 127, clipped)


OPERATOR = Rsqrt()
