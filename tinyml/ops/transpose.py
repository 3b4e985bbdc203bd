"""TRANSPOSE: the dimensions in another order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import KernelCall, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def permutation(node: NodeView) -> str:
    """The order names each dimension once, counted from the front. Remedy: convert the model again."""
    order, rank = movement.numbers(node, 1), len(node.input(0).shape)
    return "" if sorted(order) == list(range(rank)) else f"{list(order)} for {rank} dimensions"


class Transpose(Operator):
    """A copy; a view when only dimensions of size 1 change their places."""

    name = "TRANSPOSE"
    summary = "the dimensions in another order"
    rules = (
        movement.inputs_and_outputs(2, 2),
        *movement.moves(("int8", "int16", "float32")),
        movement.most_dimensions(5),
        movement.constant(1, "order"),
        permutation,
    )

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return (tuple(node.input(0).shape[axis] for axis in movement.numbers(node, 1)),)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [inputs[0].transpose(movement.numbers(node, 1))]

    def lower(self, node: NodeView) -> KernelCall | None:
        source, order = movement.whole(node.input(0).shape), movement.numbers(node, 1)
        turned = movement.Part(
            0,
            tuple(source.shape[axis] for axis in order),
            tuple(source.strides[axis] for axis in order),
        )
        return movement.copy_or_view(node, turned)


OPERATOR = Transpose()
