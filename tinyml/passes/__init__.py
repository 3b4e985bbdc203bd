"""Passes: an ordered list of (name, graph -> graph), the graph verified after each.

Constants are folded first, in any graph: whether a node can be exported may depend on it. The others rely on
the operators' rules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from tinyml.errors import InputError
from tinyml.graph.ir import Graph
from tinyml.graph.verifier import verify
from tinyml.passes.activations import fold_activations
from tinyml.passes.constant_channels import remove_constant_channels
from tinyml.passes.constants import fold_constants
from tinyml.passes.conversions import fold_quantize
from tinyml.passes.dead_nodes import drop_dead_nodes
from tinyml.passes.pads import fold_pad
from tinyml.passes.tables import fold_tables
from tinyml.passes.variables_in_place import read_variables_in_place

Passes = tuple[tuple[str, Callable[[Graph], Graph]], ...]

BEFORE_RULES: Passes = (("fold-constants", fold_constants),)
AFTER_RULES: Passes = (
    ("fold-quantize", fold_quantize),
    # Next, since a node that nothing reads would count as a reader in the ones that follow
    ("drop-dead-nodes", drop_dead_nodes),
    ("fold-pad", fold_pad),
    ("fold-activations", fold_activations),
    ("fold-tables", fold_tables),
    ("remove-constant-channels", remove_constant_channels),
    ("read-variables-in-place", read_variables_in_place),
)
NAMES = tuple(name for name, _ in (*BEFORE_RULES, *AFTER_RULES))


def run(
    graph: Graph,
    passes: Passes,
    disabled: Collection[str] = (),
    after: Callable[[str, Graph], None] = lambda name, graph: None,
) -> Graph:
    """Apply passes in order.

    Args:
        graph: the graph, verified; for AFTER_RULES, one whose nodes all passed their operators' rules.
        passes: BEFORE_RULES or AFTER_RULES.
        disabled: names of passes to leave out.
        after: called with each pass' name and the graph it gave.

    Raises:
        InputError: `disabled` names no pass.
    """
    unknown = sorted(set(disabled) - set(NAMES))
    if unknown:
        raise InputError(unknown[0], "no such pass", f"the passes are {', '.join(NAMES)}")
    for name, transform in passes:
        if name not in disabled:
            graph = transform(graph)
            verify(graph, f"pass {name}")
            after(name, graph)
    return graph
