"""MAXIMUM and MINIMUM of raw values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.elementwise import (
    broadcast_fields,
    broadcast_shape,
    broadcastable,
    quantized,
    whole_operands,
)
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


class Extreme(Operator):
    """The greater or lesser of two values (MaximumMinimumBroadcastSlow).

    TFLM compares raw values and looks at no scale; converters give the three tensors the same one.
    """

    choose: np.ufunc
    kernel: str
    elementwise = True
    rules = (input_count(2, 2), quantized("int8", "int16"), broadcastable)

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return broadcast_shape(node)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [self.choose(*inputs).astype(node.output.dtype)]

    def lower(self, node: NodeView) -> KernelCall:
        return KernelCall(
            kernel=f"{self.kernel}_{'s8' if node.output.dtype == 'int8' else 's16'}",
            params=(("broadcast", broadcast_fields(node)),),
            inputs=(0, 1),
            in_place=whole_operands(node),
        )
