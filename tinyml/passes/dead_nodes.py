"""Nodes whose outputs nobody reads."""

from __future__ import annotations

from tinyml.graph.ir import Graph


def drop_dead_nodes(graph: Graph) -> Graph:
    """Keep the nodes that the model's outputs depend on."""
    needed = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            needed.update(node.inputs)
            kept.append(node)
    return graph.with_nodes(tuple(reversed(kept)))
