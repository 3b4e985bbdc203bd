"""Passes: an ordered list of (name, graph -> graph), the graph verified after each."""

from __future__ import annotations

from collections.abc import Callable

from tinyml.graph.ir import Graph
from tinyml.graph.verifier import verify
from tinyml.passes.dead_nodes import drop_dead_nodes

PASSES: tuple[tuple[str, Callable[[Graph], Graph]], ...] = (("drop-dead-nodes", drop_dead_nodes),)


def run(graph: Graph) -> Graph:
    """Apply every pass in order."""
    for name, transform in PASSES:
        graph = transform(graph)
        verify(graph, f"pass {name}")
    return graph
