"""Nodes read a resource variable where it is, without a copy, unless it is assigned before they do."""

from __future__ import annotations

from dataclasses import replace

from tinyml import ops
from tinyml.graph.ir import Graph, NodeView, Tensor


def read_variables_in_place(graph: Graph) -> Graph:
    """The graph without the READ_VARIABLE nodes whose value stays in the variable as long as it is read."""
    moved = {
        view.node.outputs[0]: view.node.inputs[0]
        for view in graph.views()
        if view.node.operator == "READ_VARIABLE" and _stays(graph, view)
    }
    nodes = (
        replace(node, inputs=tuple(moved.get(i, i) for i in node.inputs))
        for node in graph.nodes
        if not (node.operator == "READ_VARIABLE" and node.outputs[0] in moved)
    )
    return graph.with_nodes(tuple(nodes))


def _stays(graph: Graph, read: NodeView) -> bool:
    """True when what was read is the variable's value to its last reader, and no reader is a view of it."""
    value, variable = read.node.outputs[0], read.node.inputs[0]
    readers = graph.readers(value)
    if value in graph.outputs or not readers or not _alike(read.output, read.input(0)):
        return False
    between = graph.views()[read.index : readers[-1].index + 1]
    assigned = any(_writes(view, variable) for view in between)
    return not assigned and all(_has_code(view) for view in readers)


def _alike(a: Tensor, b: Tensor) -> bool:
    return (a.shape, a.dtype, a.quantization) == (b.shape, b.dtype, b.quantization)


def _writes(view: NodeView, state: int) -> bool:
    operator = ops.find(view.node.operator)
    written = (view.node.inputs[place] for place in operator.states if operator.has_effects)
    return state in written


def _has_code(view: NodeView) -> bool:
    return ops.find(view.node.operator).lower(view) is not None
