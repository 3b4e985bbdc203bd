"""SQUEEZE: leaves out dimensions of size 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tinyml.ops import movement

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """The dimensions to leave out; none means all of size 1."""

    dimensions: tuple[int, ...]


def of_size_one(node: NodeView) -> str:
    """The dimensions left out exist and have size 1. Remedy: convert the model again."""
    shape = node.input(0).shape
    for axis in node.attributes.dimensions:
        found = movement.positive_axis(axis, len(shape))
        if found is None or shape[found] != 1:
            return f"dimension {axis} of {shape}"
    return ""


class Squeeze(movement.View):
    """A view."""

    name = "SQUEEZE"
    summary = "leaves out dimensions of size 1; costs nothing"
    rules = (
        movement.inputs_and_outputs(1, 1),
        *movement.moves(("int8", "uint8", "int16", "int32", "float32")),
        of_size_one,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.SqueezeOptions import SqueezeOptions

        stored = SqueezeOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(tuple(stored.SqueezeDims(i) for i in range(stored.SqueezeDimsLength())))

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        shape = node.input(0).shape
        dropped = {axis % len(shape) for axis in node.attributes.dimensions}
        if not dropped:
            dropped = {axis for axis, size in enumerate(shape) if size == 1}
        return (tuple(size for axis, size in enumerate(shape) if axis not in dropped),)


OPERATOR = Squeeze()
