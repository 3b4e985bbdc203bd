"""RESHAPE: the same bytes under another shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyml.ops import movement
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def constant_shape(node: NodeView) -> str:
    """The new shape is constant and has as many elements. Remedy: convert the model with fixed shapes."""
    shape = node.optional(1)
    if shape is not None and not shape.is_constant:
        return f"a computed shape '{shape.name}'"
    same = node.input(0).elements == node.output.elements
    return "" if same else f"{node.input(0).shape} to {node.output.shape}"


class Reshape(movement.View):
    """The output's own shape says it all; TFLM does not look at the second input either."""

    name = "RESHAPE"
    summary = "another shape of the same bytes; costs nothing"
    rules = (
        input_count(1, 2),
        *movement.moves(("int8", "uint8", "int16", "int32", "float32")),
        constant_shape,
    )

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return (node.output.shape,)


OPERATOR = Reshape()
