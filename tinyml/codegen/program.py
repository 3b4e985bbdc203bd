"""From a graph to a program: checked nodes, kernel calls and a memory plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinyml import ops, passes
from tinyml.errors import InputError
from tinyml.graph import tflite_reader
from tinyml.graph.ir import Graph
from tinyml.memory import checker, lifetimes, planner
from tinyml.ops.base import KernelCall


@dataclass(frozen=True)
class Program:
    """A graph ready to be written as C; nodes without a call are views."""

    graph: Graph
    calls: Mapping[int, KernelCall]
    plan: planner.Plan

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(ops.find(v.node.operator).macs(v) for v in self.graph.views())


def compile_model(path: Path) -> Program:
    """Read, check, lower and plan a .tflite.

    Raises:
        InputError: the file is bad, or a node cannot be exported.
    """
    graph = tflite_reader.read(path)
    problems = find_problems(graph)
    if problems:
        raise InputError(path, *problems[0])
    return compile_graph(passes.run(graph))


def compile_graph(graph: Graph) -> Program:
    """Lower and plan a graph whose nodes all passed their rules."""
    lowered = {view.index: ops.find(view.node.operator).lower(view) for view in graph.views()}
    calls = {index: call for index, call in lowered.items() if call is not None}
    plan = planner.plan(lifetimes.buffers(graph, calls))
    checker.check(graph, calls, plan)
    return Program(graph, calls, plan)


def find_problems(graph: Graph) -> list[tuple[str, str]]:
    """(what, remedy) for everything that keeps a graph from being exported."""
    problems = []
    for view in graph.views():
        if not ops.known(view.node.operator):
            known = ", ".join(ops.registry())
            problems.append((f"{view.label} is not supported", f"supported operators are {known}"))
            continue
        for broken in ops.find(view.node.operator).check(view):
            problems.append((f"{view.label}: {broken.rule}; found {broken.found}", broken.remedy))
    return problems
