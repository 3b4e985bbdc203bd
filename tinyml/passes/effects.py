"""What each pass has taken out of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml import ops
from tinyml.graph.ir import Graph


@dataclass(frozen=True)
class Effect:
    """What a pass has removed.

    Attributes:
        name: the pass.
        nodes: how many fewer there are.
        channels: of computed tensors, those that are not computed any more.
        macs: multiply-accumulates of one inference; None where they are not counted: before all nodes are
            known to be exportable.
    """

    name: str
    nodes: int
    channels: int
    macs: int | None


def of(graphs: Sequence[tuple[str, Graph]], checked: int) -> tuple[Effect, ...]:
    """The effect of every pass.

    Args:
        graphs: the graph as it was read, then each pass' name and the graph it gave.
        checked: the number of the first graph whose nodes all passed their operators' rules.
    """
    pairs = enumerate(zip(graphs, graphs[1:]))
    return tuple(
        Effect(
            name,
            nodes=len(before.nodes) - len(after.nodes),
            channels=_channels(before, after),
            macs=_macs(before) - _macs(after) if number >= checked else None,
        )
        for number, ((_, before), (name, after)) in pairs
    )


def _channels(before: Graph, after: Graph) -> int:
    """Channels that tensors have lost, over all tensors that nodes of both graphs compute."""
    computed = [
        {output for node in graph.nodes for output in node.outputs} for graph in (before, after)
    ]
    return sum(
        before.tensors[index].shape[-1] - after.tensors[index].shape[-1]
        for index in computed[0] & computed[1]
        if before.tensors[index].channels != after.tensors[index].channels
    )


def _macs(graph: Graph) -> int:
    return sum(ops.find(view.node.operator).macs(view) for view in graph.views())
