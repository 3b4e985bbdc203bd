"""Several functions of one int8 value as one table."""

from __future__ import annotations

from tinyml import ops
from tinyml.graph.ir import Graph, Node, NodeView, Tensor
from tinyml.ops.elementwise import quantization_fault
from tinyml.ops.table import Attributes
from tinyml.passes.functions import applied, every_value, has_one_reader, is_function


def fold_tables(graph: Graph) -> Graph:
    """The graph in which functions that follow each other, from int8 to int8, are one table.

    What lies between them may be of any type, float32 included.
    """
    index = 0
    while index < len(graph.nodes):
        chain = _chain(graph, graph.view(index))
        if sum(_has_code(view) for view in chain) > 1:
            graph = _with_table(graph, chain)
        index += 1
    return graph


def _chain(graph: Graph, first: NodeView) -> list[NodeView]:
    """The functions from a node on whose results only the next one reads, up to the last of int8."""
    if not is_function(first) or not _is_int8(first.input(0)):
        return []
    chain = [first]
    while has_one_reader(graph, chain[-1].node.outputs[0]):
        (reader,) = graph.readers(chain[-1].node.outputs[0])
        if not is_function(reader):
            break
        chain.append(reader)
    while chain and not _is_int8(chain[-1].output):
        chain.pop()
    return chain


def _is_int8(tensor: Tensor) -> bool:
    return not quantization_fault(tensor, ("int8",))


def _has_code(view: NodeView) -> bool:
    return ops.find(view.node.operator).lower(view) is not None


def _with_table(graph: Graph, chain: list[NodeView]) -> Graph:
    """The graph with a table in place of a chain's first node, and without the others."""
    values = every_value(chain[0].input(0))
    assert values is not None, "int8"
    last = chain[-1].node
    outputs = tuple(applied(chain, values).tolist())
    made_of = tuple(view.node.operator for view in chain)
    table = Node(
        "TABLE", last.name, chain[0].node.inputs, last.outputs, Attributes(made_of, outputs)
    )
    gone = [view.index for view in chain[1:]]
    nodes = [
        table if index == chain[0].index else node
        for index, node in enumerate(graph.nodes)
        if index not in gone
    ]
    return graph.with_nodes(tuple(nodes))
