"""Nodes whose outputs are known at export."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml import ops
from tinyml.graph import reference
from tinyml.graph.ir import Graph, NodeView

# Elements of an output, or multiply-accumulates: more than a microcontroller's flash holds, less than numpy
# needs a second for. What goes beyond is left to run time.
_MOST_WORK = 1 << 22


def fold_constants(graph: Graph) -> Graph:
    """The graph without nodes that read nothing but constants and shapes; their references compute the
    outputs.

    A state is no constant. A node stays that breaks a rule, for its error to be told, or that computes an
    output of the model.
    """
    kept = []
    for index, node in enumerate(graph.nodes):
        view = graph.view(index)
        if _is_foldable(graph, view):
            graph = _with_outputs(graph, view)
        else:
            kept.append(node)
    return graph.with_nodes(tuple(kept))


def _is_foldable(graph: Graph, view: NodeView) -> bool:
    present = [tensor for tensor in view.inputs if tensor is not None]
    if set(view.node.outputs).intersection(graph.outputs) or not ops.known(view.node.operator):
        return False
    operator = ops.find(view.node.operator)
    reads = present if operator.reads_values else []
    if not present or not all(tensor.is_constant for tensor in reads) or operator.check(view):
        return False
    work = max(operator.macs(view), *(tensor.elements for tensor in view.outputs))
    return work <= _MOST_WORK


def _with_outputs(graph: Graph, view: NodeView) -> Graph:
    """The graph whose outputs of one node are constants; the node is still there."""
    known = {i: t.data for i, t in enumerate(graph.tensors) if t.data is not None}
    tensors = list(graph.tensors)
    for output, value in zip(view.node.outputs, reference.node_outputs(view, known)):
        tensors[output] = replace(tensors[output], data=np.array(value, order="C"))
    return replace(graph, tensors=tuple(tensors))
