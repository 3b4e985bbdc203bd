"""UNPACK: the slices of a tensor along one dimension, which is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.split import TYPES, cut

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """The dimension, counted from either end, and the number of outputs."""

    axis: int
    count: int


def as_many_outputs(node: NodeView) -> str:
    """The dimension exists and has as many elements as there are outputs. Remedy: convert the model again."""
    a, shape = node.attributes, node.input(0).shape
    axis = movement.positive_axis(a.axis, len(shape))
    if axis is not None and shape[axis] == a.count == len(node.outputs):
        return ""
    return f"{a.count} of {shape} along {a.axis} for {len(node.outputs)} outputs"


class Unpack(Operator):
    """A copy an output."""

    name = "UNPACK"
    summary = "the slices of a tensor along one dimension, which is left out"
    rules = (
        movement.inputs_and_outputs(1, 1, outputs=True),
        *movement.moves(TYPES),
        as_many_outputs,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.UnpackOptions import UnpackOptions

        stored = UnpackOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(stored.Axis(), stored.Num())

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        shape = node.input(0).shape
        axis = node.attributes.axis % len(shape)
        return ((*shape[:axis], *shape[axis + 1 :]),) * len(node.outputs)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return list(np.moveaxis(inputs[0], node.attributes.axis, 0))

    def lower(self, node: NodeView) -> tuple[KernelCall, ...]:
        return cut(node, 0, node.attributes.axis, [1] * len(node.outputs))


OPERATOR = Unpack()
