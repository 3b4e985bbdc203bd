"""SPLIT: a tensor cut into equal parts along one dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import KernelCall, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

TYPES = ("int8", "int16", "int32", "float32")


def _axis(node: NodeView) -> int | None:
    return movement.positive_axis(movement.numbers(node, 0)[0], len(node.input(1).shape))


def equal_parts(node: NodeView) -> str:
    """The dimension exists and divides into the outputs. Remedy: convert the model again."""
    axis, shape = _axis(node), node.input(1).shape
    if axis is not None and node.input(0).elements == 1 and shape[axis] % len(node.outputs) == 0:
        return ""
    return f"{shape} into {len(node.outputs)} along {list(movement.numbers(node, 0))}"


def cut(
    node: NodeView, data: int, axis: int, sizes: list[int] | tuple[int, ...]
) -> tuple[KernelCall, ...]:
    """The copies of the parts of input `data` to the outputs."""
    parts = movement.along(node.input(data).shape, axis, sizes)
    return tuple(
        movement.copy(node, source, movement.whole(source.shape), input_=data, output=position)
        for position, source in enumerate(parts)
    )


class Split(Operator):
    """A copy an output."""

    name = "SPLIT"
    summary = "a tensor cut into equal parts along one dimension"
    rules = (
        movement.inputs_and_outputs(2, 2, outputs=True),
        *movement.moves(TYPES, slice(1, 2)),
        movement.constant(0, "axis"),
        equal_parts,
    )

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        shape, count = list(node.input(1).shape), len(node.outputs)
        shape[movement.numbers(node, 0)[0]] //= count
        return (tuple(shape),) * count

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return np.split(inputs[1], len(node.outputs), movement.numbers(node, 0)[0])

    def lower(self, node: NodeView) -> tuple[KernelCall, ...]:
        axis = movement.numbers(node, 0)[0]
        return cut(node, 1, axis, [output.shape[axis] for output in node.outputs])


OPERATOR = Split()
