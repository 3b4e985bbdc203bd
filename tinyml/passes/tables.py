"""Several functions of one int8 value as one table."""

from __future__ import annotations

from tinyml import ops
from tinyml.graph.ir import Graph, Node, NodeView, Tensor
from tinyml.ops.elementwise import quantization_fault
from tinyml.ops.table import Attributes
from tinyml.passes.functions import applied, every_value, operands, producer

_LEAST = 256  # elements from which on a table, as large, replaces a single sum or product
_MOST = 32  # nodes of a region, a limit of ours: it is grown node by node


def fold_tables(graph: Graph) -> Graph:
    """The graph in which element-wise nodes that compute an int8 value of another one are a table.

    Such are functions that follow each other, what lies between them of any type, float32 included; x times
    a function of x, as in swish; and sums with a constant.
    """
    index = len(graph.nodes) - 1
    while index >= 0:
        region = _region(graph, graph.view(index))
        if _pays(region):
            graph = _with_table(graph, region)
            index -= len(region) - 1
        index -= 1
    return graph


def _region(graph: Graph, last: NodeView) -> list[NodeView]:
    """The most nodes, in order, that compute an int8 value of one other, and nothing else that is read."""
    best: list[NodeView] = []
    region: list[NodeView] = []
    view: NodeView | None = last if last.outputs and _is_int8(last.output) else None
    while view is not None and operands(view) and len(region) < _MOST:
        region.insert(0, view)
        open_ends = _open_ends(region)
        if len(open_ends) == 1 and _is_int8(graph.tensors[open_ends[0]]):
            best = list(region)
        view = _next(graph, region, open_ends)
    return best


def _open_ends(region: list[NodeView]) -> list[int]:
    """What a region reads but does not compute."""
    computed = {view.node.outputs[0] for view in region}
    return sorted({tensor for view in region for tensor in operands(view)} - computed)


def _next(graph: Graph, region: list[NodeView], open_ends: list[int]) -> NodeView | None:
    """The last node before a region whose output nobody needs outside."""
    inside = {view.index for view in region}
    found = [
        before
        for tensor in open_ends
        if (before := producer(graph, tensor)) is not None
        and tensor not in graph.outputs
        and inside.issuperset(reader.index for reader in graph.readers(tensor))
    ]
    return max(found, key=lambda view: view.index, default=None)


def _is_int8(tensor: Tensor) -> bool:
    return not quantization_fault(tensor, ("int8",))


def _pays(region: list[NodeView]) -> bool:
    """True for several nodes with code, or one that does arithmetic on many elements."""
    if len(region) == 1:
        (view,) = region
        return len(view.inputs) > 1 and view.output.elements >= _LEAST
    return sum(ops.find(view.node.operator).lower(view) is not None for view in region) > 1


def _with_table(graph: Graph, region: list[NodeView]) -> Graph:
    """The graph with a table in place of a region's last node, and without the others."""
    last, (source,) = region[-1], _open_ends(region)
    values = every_value(graph.tensors[source])
    assert values is not None, "int8"
    made_of = tuple(view.node.operator for view in region)
    outputs = tuple(applied(region, source, values).tolist())
    attributes = Attributes(made_of, outputs)
    table = Node("TABLE", last.node.name, (source,), last.node.outputs, attributes)
    gone = {view.index for view in region[:-1]}
    nodes = [
        table if index == last.index else node
        for index, node in enumerate(graph.nodes)
        if index not in gone
    ]
    return graph.with_nodes(tuple(nodes))
