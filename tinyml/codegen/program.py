"""From a graph to a program: checked nodes, kernel calls and a memory plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from tinyml import ops, passes
from tinyml.errors import InputError
from tinyml.graph import tflite_reader
from tinyml.graph.ir import Graph, NodeView
from tinyml.kernels import choice
from tinyml.kernels.base import Candidate, Options
from tinyml.memory import checker, lifetimes, planner, state, streaming
from tinyml.memory.regions import Region
from tinyml.memory.sharing import Sharing, stays
from tinyml.ops.base import Calls
from tinyml.passes import effects

_MAX_ARENA = (
    64 << 20
)  # bytes; more than any target has, and the checker's memory is a multiple of it


@dataclass(frozen=True)
class Program:
    """A graph ready to be written as C; nodes without an entry in `chosen` are views.

    `passes` says what each pass took out of the model.
    """

    graph: Graph
    options: Options
    chosen: Mapping[int, Candidate]
    plan: planner.Plan
    states: state.StatePlan
    regions: tuple[Region, ...] = ()
    passes: tuple[effects.Effect, ...] = ()

    def region_of(self, node: int) -> int | None:
        """The number of the region that computes a node, if one does."""
        numbers = (n for n, r in enumerate(self.regions) if r.first <= node < r.end)
        return next(numbers, None)

    @property
    def lowered(self) -> Mapping[int, Calls]:
        """The kernel calls of every node that has any."""
        return {index: candidate.calls for index, candidate in self.chosen.items()}

    @cached_property
    def calls(self) -> Mapping[int, Calls]:
        """The same without copies of what lies where it should."""
        places = self.plan.places
        return {
            index: tuple(c for c in parts if not stays(c, self.graph.nodes[index], places))
            for index, parts in self.lowered.items()
        }

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(ops.find(v.node.operator).macs(v) for v in self.graph.views())


def compile_model(
    path: Path,
    disabled: Collection[str] = (),
    after: Callable[[str, Graph], None] = lambda name, graph: None,
    options: Options | None = None,
) -> Program:
    """Read, check, simplify, lower and plan a .tflite.

    Args:
        path: the file.
        disabled: names of passes to leave out.
        after: called with each pass' name and the graph it gave.
        options: for which core, with which kernels; by default the fastest for a Cortex-M4.

    Raises:
        InputError: the file is bad, a node cannot be exported, or `disabled` names no pass.
    """
    graph = tflite_reader.read(path)
    graphs = [("", graph)]

    def note(name: str, graph: Graph) -> None:
        graphs.append((name, graph))
        after(name, graph)

    graph = passes.run(graph, passes.BEFORE_RULES, disabled, note)
    problems = find_problems(graph)
    if problems:
        raise InputError(path, problems[0].what, problems[0].remedy)
    checked = len(graphs) - 1
    graph = passes.run(graph, passes.AFTER_RULES, disabled, note)
    compiled = compile_graph(graph, options or Options())
    return replace(compiled, passes=effects.of(graphs, checked))


def compile_graph(graph: Graph, options: Options) -> Program:
    """Lower and plan a graph whose nodes all passed their rules."""
    states, sharing = state.plan(graph), Sharing(graph)

    def layout(calls: Mapping[int, Calls], spans: choice.Spans) -> choice.Layout:
        regions = streaming.build(graph, calls, spans)
        return _layout(_plan(graph, calls, sharing, regions, thorough=False), states)

    def streamed(calls: Mapping[int, Calls], limit: float) -> choice.Spans:
        if options.streamed:
            return streaming.everything(graph, calls, options.streamed)
        return streaming.search(graph, calls, partial(layout, calls), limit)

    chosen, spans = choice.choose(graph, options, layout, streamed)
    calls = {index: candidate.calls for index, candidate in chosen.items()}
    regions = streaming.build(graph, calls, spans)
    plan = _plan(graph, calls, sharing, regions)
    if plan.arena_bytes > _MAX_ARENA:
        raise InputError(
            graph.name,
            f"needs {plan.arena_bytes:,} bytes of working memory",
            f"no target has more than {_MAX_ARENA:,}: use a smaller input",
        )
    checker.check(graph, calls, plan, regions)
    checker.check_states(graph, plan, states)
    return Program(graph, options, chosen, plan, states, regions)


def _plan(
    graph: Graph,
    calls: Mapping[int, Calls],
    sharing: Sharing,
    regions: Sequence[Region] = (),
    thorough: bool = True,
) -> planner.Plan:
    buffers = lifetimes.buffers(graph, calls, regions)
    return planner.plan(buffers, sharing.pairs(calls, buffers, regions), thorough)


def _layout(plan: planner.Plan, states: state.StatePlan) -> choice.Layout:
    """The size of arena and states, and the nodes that execute while a buffer at its end is live."""
    peak: set[int] = set()
    for buffer, offset in zip(plan.buffers, plan.offsets):
        if offset + planner.aligned(buffer.nbytes) == plan.arena_bytes:
            peak.update(range(buffer.first, buffer.last))
    return choice.Layout(plan.arena_bytes + states.nbytes, frozenset(peak))


@dataclass(frozen=True)
class Problem:
    """Why a node cannot be exported; the rule is "" when its operator is not supported at all."""

    node: NodeView
    rule: str
    found: str
    remedy: str

    @property
    def what(self) -> str:
        """The node and what is wrong with it."""
        if not self.rule:
            return f"{self.node.label} is not supported"
        return f"{self.node.label}: {self.rule}; found {self.found}"


def find_problems(graph: Graph) -> list[Problem]:
    """Everything that keeps a graph from being exported, in the order of the nodes."""
    problems = []
    for view in graph.views():
        if not ops.known(view.node.operator):
            problems.append(Problem(view, "", view.node.operator, _remedy(view.node.operator)))
            continue
        for broken in ops.find(view.node.operator).check(view):
            problems.append(Problem(view, broken.rule, broken.found, broken.remedy))
    return problems


def _remedy(operator: str) -> str:
    """What to do about an operator that is not supported."""
    if operator in ("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"):
        # What the converter makes of a dilation that may meet any batch.
        return "convert with a fixed batch size of 1, which leaves the dilation in the convolution"
    return f"supported operators are {', '.join(ops.of_tflite())}"
