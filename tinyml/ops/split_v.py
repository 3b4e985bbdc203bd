"""SPLIT_V: a tensor cut into parts of given sizes along one dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.split import TYPES, cut

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def sizes_add_up(node: NodeView) -> str:
    """The dimension exists, and there is a size for each output, together the input's. Remedy: convert the
    model again.
    """
    values, shape = movement.numbers(node, 2), node.input(0).shape
    axis = movement.positive_axis(values[0], len(shape))
    if axis is not None and len(values) == 1 and node.input(1).elements == len(node.outputs):
        sizes = _sizes(node)
        if min(sizes) > 0 and sum(sizes) == shape[axis]:
            return ""
    return f"{list(movement.numbers(node, 1))} along {list(values)} of {shape}"


def _sizes(node: NodeView) -> tuple[int, ...]:
    """The sizes of the parts; one -1 stands for the rest. TFLM takes them from the outputs instead."""
    sizes = movement.numbers(node, 1)
    rest = node.input(0).shape[movement.numbers(node, 2)[0]] - sum(s for s in sizes if s != -1)
    return tuple(rest if size == -1 else size for size in sizes)


class SplitV(Operator):
    """A copy an output."""

    name = "SPLIT_V"
    summary = "a tensor cut into parts of given sizes along one dimension"
    rules = (
        movement.inputs_and_outputs(3, 3, outputs=True),
        *movement.moves(TYPES),
        movement.constant(1, "list of sizes", ("int32", "int64")),
        movement.constant(2, "axis"),
        sizes_add_up,
    )

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        shape, axis = node.input(0).shape, movement.numbers(node, 2)[0]
        parts = movement.along(shape, axis, _sizes(node))
        return tuple(part.shape for part in parts)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        ends = np.cumsum(_sizes(node))[:-1].tolist()
        return np.split(inputs[0], ends, movement.numbers(node, 2)[0])

    def lower(self, node: NodeView) -> tuple[KernelCall, ...]:
        return cut(node, 0, movement.numbers(node, 2)[0], _sizes(node))


OPERATOR = SplitV()
