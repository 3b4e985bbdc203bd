"""ASSIGN_VARIABLE: gives a resource variable a value, for the nodes after it and the next inference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import states
from tinyml.ops.base import KernelCall, Operator

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


def two_inputs(node: NodeView) -> str:
    """It has 2 inputs and no output. Remedy: convert the model again."""
    right = len(node.inputs) == 2 and None not in node.inputs and not node.outputs
    return "" if right else f"{len(node.inputs)} inputs and {len(node.outputs)} outputs"


def same_size(node: NodeView) -> str:
    """Every value of a variable has the same type and number of elements. Remedy: convert the model again."""
    return states.difference(node.input(0), node.input(1))


class AssignVariable(Operator):
    """A copy."""

    name = "ASSIGN_VARIABLE"
    summary = "a resource variable's next value"
    rules = (two_inputs, states.is_assigned, same_size)
    states = (0,)
    has_effects = True

    def parse(self, options: Any) -> None:
        return None

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        return ()

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        inputs[0][...] = inputs[1].reshape(inputs[0].shape)
        return []

    def lower(self, node: NodeView) -> KernelCall:
        return states.copy(node.input(0).nbytes, inputs=(1, 0))


OPERATOR = AssignVariable()
