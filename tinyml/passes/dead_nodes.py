"""Nodes whose outputs nobody reads."""

from __future__ import annotations

from tinyml import ops
from tinyml.graph.ir import Graph


def drop_dead_nodes(graph: Graph) -> Graph:
    """Keep the nodes that the model's outputs depend on, now or through a state in a later inference."""
    needed = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs) or ops.find(node.operator).has_effects:
            needed.update(node.inputs)
            kept.append(node)
    return graph.with_nodes(tuple(reversed(kept)))
