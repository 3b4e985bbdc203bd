"""The static block of what outlives an inference, apart from the arena: one place a state, for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinyml.graph.ir import Graph
from tinyml.memory.planner import aligned


@dataclass(frozen=True)
class StatePlan:
    """offsets[t] is where state tensor t begins; nbytes is the end of the last."""

    offsets: Mapping[int, int]
    nbytes: int


def plan(graph: Graph) -> StatePlan:
    """Place the states that a node uses, in the order of their tensors."""
    used = {index for node in graph.nodes for index in node.inputs}
    offsets, end = {}, 0
    for index, tensor in enumerate(graph.tensors):
        if tensor.is_state and index in used:
            offsets[index] = end
            end += aligned(tensor.nbytes)
    return StatePlan(offsets, end)
