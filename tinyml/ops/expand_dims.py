"""EXPAND_DIMS: one more dimension, of size 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyml.ops import movement

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def one_axis(node: NodeView) -> str:
    """The axis is one number within the output's dimensions. Remedy: convert the model again."""
    values, rank = movement.numbers(node, 1), len(node.input(0).shape) + 1
    right = len(values) == 1 and movement.positive_axis(values[0], rank) is not None
    return "" if right else f"{list(values)} for {rank} dimensions"


class ExpandDims(movement.View):
    """A view."""

    name = "EXPAND_DIMS"
    summary = "one more dimension, of size 1; costs nothing"
    rules = (
        movement.inputs_and_outputs(2, 2),
        *movement.moves(("int8", "int16", "float32")),
        movement.constant(1, "axis"),
        one_axis,
    )

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        shape = node.input(0).shape
        axis = movement.numbers(node, 1)[0] % (len(shape) + 1)
        return ((*shape[:axis], 1, *shape[axis:]),)


OPERATOR = ExpandDims()
