"""SHAPE: the sizes of a tensor, which are known at export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import Array, KernelCall, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def int32_sizes(node: NodeView) -> str:
    """The output is int32, of a tensor with at least one dimension. Remedy: convert the model again."""
    if not node.input(0).shape:
        return "a scalar"
    return "" if node.output.dtype == "int32" else node.output.dtype


class Shape(Operator):
    """Always folded, unless it is an output of the model."""

    name = "SHAPE"
    summary = "the sizes of a tensor; with fixed shapes a constant, of which nothing is left"
    rules = (movement.inputs_and_outputs(1, 1), int32_sizes)
    reads_values = False

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return ((len(node.input(0).shape),),)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [np.array(node.input(0).shape, np.int32)]

    def lower(self, node: NodeView) -> KernelCall:
        sizes = np.array(node.input(0).shape, np.int32)
        # One element, as large as all sizes together.
        params = (("value", Array("sizes", sizes)), ("bytes", sizes.nbytes), ("elements", 1))
        return KernelCall("tinyml_fill", params, inputs=())


OPERATOR = Shape()
