"""MAX_POOL_2D: the largest value of a window, padding left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic, windows
from tinyml.ops import average_pool_2d as pools
from tinyml.ops.base import KernelCall, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


class MaxPool2D(Operator):
    """Max pooling (reference_integer_ops::MaxPool)."""

    name = "MAX_POOL_2D"
    summary = "maximum over a window"
    rules = pools.AveragePool2D.rules

    def parse(self, options: Any) -> pools.Attributes:
        return pools.parse_pool(options)

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return pools.pool_shapes(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        window = pools.window_of(node)
        inside = windows.inside_mask(window)[..., np.newaxis]
        seen = np.where(inside, windows.gather(inputs[0], 0, window), arithmetic.LIMITS["int16"][0])
        low, high = arithmetic.activation_range(node.attributes.activation, node.output)
        return [np.clip(seen.max(axis=(3, 4)), low, high).astype(node.output.dtype)]

    def lower(self, node: NodeView) -> KernelCall:
        return pools.pool_call("tinyml_max_pool", node)


OPERATOR = MaxPool2D()
