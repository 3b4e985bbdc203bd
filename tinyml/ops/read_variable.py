"""READ_VARIABLE: the value of a resource variable at this point of the inference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import states
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def same_size(node: NodeView) -> str:
    """The output has the variable's type and number of elements. Remedy: convert the model again."""
    return states.difference(node.input(0), node.output)


class ReadVariable(Operator):
    """A copy, as a later assignment must not change what was read (TFLM copies, too)."""

    name = "READ_VARIABLE"
    summary = "a copy of a resource variable"
    rules = (input_count(1, 1), states.is_assigned, same_size)
    states = (0,)

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return (node.output.shape,)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [inputs[0].reshape(node.output.shape).copy()]

    def lower(self, node: NodeView) -> KernelCall:
        return states.copy(node.output.nbytes, inputs=(0,))


OPERATOR = ReadVariable()
