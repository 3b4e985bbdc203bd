"""SLICE: a box out of a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import KernelCall, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def box_inside(node: NodeView) -> str:
    """Begin and size have a number for each dimension, and the box lies inside. Remedy: convert again."""
    begins, sizes, shape = movement.numbers(node, 1), movement.numbers(node, 2), node.input(0).shape
    if len(begins) == len(sizes) == len(shape):
        ends = [begin + size for begin, size in zip(begins, _sizes(node))]
        if all(0 <= b < e <= n for b, e, n in zip(begins, ends, shape)):
            return ""
    return f"{list(sizes)} from {list(begins)} of shape {shape}"


def _sizes(node: NodeView) -> tuple[int, ...]:
    """The box's sizes; -1 means all the rest."""
    found = zip(node.input(0).shape, movement.numbers(node, 1), movement.numbers(node, 2))
    return tuple(n - begin if size == -1 else size for n, begin, size in found)


class Slice(Operator):
    """A copy; a view when it is all of the tensor."""

    name = "SLICE"
    summary = "a box out of a tensor"
    rules = (
        movement.inputs_and_outputs(3, 3),
        *movement.moves(("int8", "int16", "int32", "float32")),
        movement.most_dimensions(5),
        movement.constant(1, "begin", ("int32", "int64")),
        movement.constant(2, "size", ("int32", "int64")),
        box_inside,
    )

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return (_sizes(node),)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        box = zip(movement.numbers(node, 1), _sizes(node))
        return [inputs[0][tuple(slice(begin, begin + size) for begin, size in box)]]

    def lower(self, node: NodeView) -> KernelCall | None:
        box = movement.part(node.input(0).shape, movement.numbers(node, 1), _sizes(node))
        return movement.copy_or_view(node, box)


OPERATOR = Slice()
