"""RESHAPE: the same bytes under another shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops.base import Operator
from tinyml.ops.rules import input_count, int8_activations, same_quantization

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def constant_shape(node: NodeView) -> str:
    """The new shape is constant and has as many elements. Remedy: convert the model with fixed shapes."""
    shape = node.optional(1)
    if shape is not None and not shape.is_constant:
        return f"a computed shape '{shape.name}'"
    same = node.input(0).elements == node.output.elements
    return "" if same else f"{node.input(0).shape} to {node.output.shape}"


class Reshape(Operator):
    """A view: no code, no memory."""

    name = "RESHAPE"
    summary = "another shape of the same bytes; costs nothing"
    rules = (input_count(1, 2), int8_activations, constant_shape, same_quantization)

    def parse(self, options: Any) -> None:
        return None  # the output's own shape says it all

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return (node.output.shape,)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [inputs[0].reshape(node.output.shape)]

    def lower(self, node: NodeView) -> None:
        return None


OPERATOR = Reshape()
