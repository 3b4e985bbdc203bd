"""PACK: tensors of one shape side by side along a new dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import KernelCall, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_MOST = 64  # a limit of ours: a copy each


@dataclass(frozen=True)
class Attributes:
    """The new dimension, counted from either end, and the number of inputs."""

    axis: int
    count: int


def one_shape(node: NodeView) -> str:
    """The inputs have one shape, as many as the options say, and the new dimension is within the output's.
    Remedy: convert the model again.
    """
    a, shapes = node.attributes, {node.input(i).shape for i in range(len(node.inputs))}
    right = len(shapes) == 1 and a.count == len(node.inputs)
    if right and movement.positive_axis(a.axis, len(node.input(0).shape) + 1) is not None:
        return ""
    return f"{a.count} of {' and '.join(map(str, sorted(shapes)))} along {a.axis}"


class Pack(Operator):
    """A copy an input."""

    name = "PACK"
    summary = "tensors of one shape side by side along a new dimension"
    rules = (
        movement.inputs_and_outputs(1, _MOST),
        *movement.moves(("int8", "int16", "int32", "float32"), movement.EVERY),
        one_shape,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.PackOptions import PackOptions

        stored = PackOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(stored.Axis(), stored.ValuesCount())

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        shape = node.input(0).shape
        axis = node.attributes.axis % (len(shape) + 1)
        return ((*shape[:axis], len(node.inputs), *shape[axis:]),)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [np.stack(inputs, node.attributes.axis)]

    def lower(self, node: NodeView) -> tuple[KernelCall, ...]:
        count = len(node.inputs)
        targets = movement.along(node.output.shape, node.attributes.axis, [1] * count)
        return tuple(
            movement.copy(node, movement.whole(target.shape), target, input_=position)
            for position, target in enumerate(targets)
        )


OPERATOR = Pack()
