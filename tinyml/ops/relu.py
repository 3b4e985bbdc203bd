"""RELU: negative values become 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.ops import arithmetic
from tinyml.ops.base import KernelCall
from tinyml.ops.elementwise import quantized, scale_ratio
from tinyml.ops.leaky_relu import wide_call
from tinyml.ops.lookup import Lookup
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def _factor(node: NodeView) -> tuple[int, int]:
    """(multiplier, shift). TFLM divided the scales in float32 until 2026; now in double."""
    return arithmetic.quantize_multiplier(node.input(0).q.scale / node.output.q.scale)


class Relu(Lookup):
    """A rectifier (ReluQuantized)."""

    name = "RELU"
    summary = "negative values become 0"
    rules = (input_count(1, 1), quantized("int8", "int16"), scale_ratio)

    def results(self, node: NodeView, values: np.ndarray) -> np.ndarray:
        zero_point = node.output.q.zero_point
        scaled = arithmetic.requantize(values, *_factor(node)) + zero_point
        return np.clip(scaled, zero_point, arithmetic.LIMITS[node.output.dtype][1])

    def lower_wide(self, node: NodeView) -> KernelCall:
        return wide_call(node, _factor(node), (0, 0), 1)


OPERATOR = Relu()
