"""Conversions to other units or types and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.graph.ir import Graph, Node, NodeView
from tinyml.passes.functions import applied, every_value, producer, same_units

_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE", "CAST")
_LONGEST = 4  # nodes of a chain: converters write two


def fold_quantize(graph: Graph) -> Graph:
    """The graph in which nobody reads the end of a chain of conversions that gives every value back.

    Conversions that nothing reads any more are left to the pass for dead nodes.
    """
    index = 0
    while index < len(graph.nodes):
        shorter = _without(graph, graph.view(index))
        if shorter is graph:
            index += 1
        graph = shorter
    return graph


def _without(graph: Graph, last: NodeView) -> Graph:
    """The graph without the last conversion of a chain, or the same when the chain changes something."""
    chain: list[NodeView] = []
    end: NodeView | None = last
    while end is not None and end.node.operator in _CONVERSIONS and len(chain) < _LONGEST:
        chain.insert(0, end)
        if _changes_nothing(chain):
            return _merged(graph, end.node.inputs[0], last)
        end = producer(graph, end.node.inputs[0])
    return graph


def _changes_nothing(chain: list[NodeView]) -> bool:
    source, result = chain[0].input(0), chain[-1].output
    values = every_value(source)
    if values is None or not same_units(source, result):
        return False
    return np.array_equal(applied(chain, chain[0].node.inputs[0], values), values)


def _merged(graph: Graph, source: int, last: NodeView) -> Graph:
    """The graph without the node `last`, whose output is the same as `source`, if one of both can go."""
    kept, gone = source, last.node.outputs[0]
    if gone in graph.outputs:
        kept, gone = gone, kept
        if gone in (*graph.inputs, *graph.outputs) or not graph.tensors[gone].is_activation:
            return graph
    nodes = [_renamed(node, gone, kept) for node in graph.nodes]
    del nodes[last.index]
    return graph.with_nodes(tuple(nodes))


def _renamed(node: Node, old: int, new: int) -> Node:
    inputs, outputs = (
        tuple(new if index == old else index for index in indices)
        for indices in (node.inputs, node.outputs)
    )
    return replace(node, inputs=inputs, outputs=outputs)
