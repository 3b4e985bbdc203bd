"""Chooses a candidate for each node."""

from __future__ import annotations

from collections.abc import Mapping

from tinyml import kernels, ops
from tinyml.graph.ir import Graph, NodeView
from tinyml.kernels.base import GENERAL, Candidate, Options
from tinyml.ops.base import as_calls


def choose(graph: Graph, options: Options) -> Mapping[int, Candidate]:
    """A candidate for every node that has work to do; a node without one is a view.

    Args:
        graph: every node passed its rules.
        options: what the user asked for.
    """
    offers = {view.index: _offers(view, options) for view in graph.views()}
    return {
        index: min(found, key=lambda candidate: candidate.instructions)
        for index, found in offers.items()
        if found
    }


def _offers(node: NodeView, options: Options) -> list[Candidate]:
    """The candidates of a node, the general one last; [] for a view."""
    operator = ops.find(node.node.operator)
    lowered = operator.lower(node)
    if lowered is None:
        return []
    general = Candidate(GENERAL, as_calls(lowered), _general_instructions(node))
    if options.optimize == "size":
        return [general]
    special = [
        candidate
        for specialisation in kernels.specialisations()
        if node.node.operator in specialisation.operators
        and options.library in ("auto", specialisation.library)
        for candidate in specialisation.candidates(node, options.core)
    ]
    return [*special, general]


def _general_instructions(node: NodeView) -> int:
    """A rough estimate; only its order against specialised kernels matters."""
    macs = ops.find(node.node.operator).macs(node)
    elements = sum(tensor.elements for tensor in node.outputs)
    return 4 * macs + 40 * elements
