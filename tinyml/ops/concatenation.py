"""CONCATENATION: tensors side by side along one dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import movement
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.rules import activation_name

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_MOST = 10  # TFLM's limit


@dataclass(frozen=True)
class Attributes:
    """The dimension, counted from either end, and the fused activation."""

    axis: int
    activation: str


def no_activation(node: NodeView) -> str:
    """There is no fused activation. Remedy: make the activation a layer of its own."""
    activation = node.attributes.activation
    return "" if activation == "NONE" else str(activation)


def int16_symmetric(node: NodeView) -> str:
    """int16 values have zero point 0. Remedy: quantize the model again."""
    quantization = node.output.quantization
    if node.output.dtype != "int16" or quantization is None:
        return ""
    return "" if not any(quantization.zero_points) else f"zero point {quantization.zero_point}"


def shapes_fit(node: NodeView) -> str:
    """The dimension exists, and the inputs differ in no other. Remedy: convert the model again."""
    shapes = [node.input(position).shape for position in range(len(node.inputs))]
    axis = movement.positive_axis(node.attributes.axis, len(shapes[0]))
    if axis is not None and len(set(map(len, shapes))) == 1:
        others = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
        if len(others) == 1:
            return ""
    return f"{' and '.join(map(str, shapes))} along {node.attributes.axis}"


def _sizes(node: NodeView) -> list[int]:
    """The size of each input along the dimension."""
    return [node.input(i).shape[node.attributes.axis] for i in range(len(node.inputs))]


class Concatenation(Operator):
    """A copy an input."""

    name = "CONCATENATION"
    summary = f"up to {_MOST} tensors side by side along one dimension"
    rules = (
        movement.inputs_and_outputs(1, _MOST),
        *movement.moves(("int8", "int16", "int32", "float32"), movement.EVERY),
        no_activation,
        int16_symmetric,
        shapes_fit,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.ConcatenationOptions import ConcatenationOptions

        stored = ConcatenationOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(stored.Axis(), activation_name(stored.FusedActivationFunction()))

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        shape = list(node.input(0).shape)
        shape[node.attributes.axis] = sum(_sizes(node))
        return (tuple(shape),)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [np.concatenate(inputs, node.attributes.axis)]

    def lower(self, node: NodeView) -> tuple[KernelCall, ...]:
        targets = movement.along(node.output.shape, node.attributes.axis, _sizes(node))
        return tuple(
            movement.copy(node, movement.whole(target.shape), target, input_=position)
            for position, target in enumerate(targets)
        )


OPERATOR = Concatenation()
