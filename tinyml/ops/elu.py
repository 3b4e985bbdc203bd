"""ELU: x, and exp(x) - 1 where x is negative."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tinyml.ops.elementwise import quantized, scale_ratio
from tinyml.ops.lookup import Lookup
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


class Elu(Lookup):
    """A table in TFLM, too, computed in float32."""

    name = "ELU"
    summary = "x, and exp(x) - 1 where x is negative"
    rules = (input_count(1, 1), quantized("int8"), scale_ratio)

    def results(self, node: NodeView, values: np.ndarray) -> np.ndarray:
        real = np.float32(node.input(0).q.scale) * values.astype(np.float32)
        # exp in double, rounded to float32: what a good expf gives
        below = np.array([math.exp(min(float(x), 0.0)) for x in real], np.float32) - np.float32(1)
        scaled = np.where(real < 0, below, real) * (np.float32(1) / np.float32(node.output.q.scale))
        rounded = np.copysign(np.floor(np.abs(scaled.astype(np.float64)) + 0.5), scaled)
        shifted = rounded.astype(np.float32) + np.float32(node.output.q.zero_point)
        return np.clip(shifted.astype(np.int64), -128, 127)


OPERATOR = Elu()
