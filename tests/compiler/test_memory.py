"""Lifetimes, planner and the independent checker."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinyml.codegen import program
from tinyml.memory import checker, planner
from tinyml.memory.lifetimes import Buffer

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"


def random_buffers(rng: np.random.Generator, count: int) -> tuple[Buffer, ...]:
    """Buffers with random sizes and half-open lives."""
    found = []
    for index in range(count):
        first = int(rng.integers(0, 10))
        last = first + int(rng.integers(1, 6))
        found.append(Buffer(f"b{index}", int(rng.integers(1, 200)), first, last))
    return tuple(found)


def overlaps(plan: planner.Plan) -> list[tuple[str, str]]:
    """Pairs of buffers that are live together and share a byte."""
    placed = list(zip(plan.buffers, plan.offsets))
    return [
        (a.name, b.name)
        for (a, p), (b, q) in itertools.combinations(placed, 2)
        if a.first < b.last and b.first < a.last and p < q + b.nbytes and q < p + a.nbytes
    ]


@pytest.mark.parametrize("seed", range(60))
def test_plans_never_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = planner.plan(random_buffers(rng, int(rng.integers(1, 20))))
    assert overlaps(plan) == []
    assert plan.arena_bytes >= plan.lower_bound
    assert all(offset % planner.ALIGNMENT == 0 for offset in plan.offsets)


def test_small_plans_are_optimal() -> None:
    """Against all orders of first-fit placement, which contain an optimum."""
    for seed in range(15):
        buffers = random_buffers(np.random.default_rng(seed), 5)
        best = min(planner._placed(buffers, order)[0] for order in itertools.permutations(range(5)))
        assert planner.plan(buffers).arena_bytes == best, f"seed {seed}"


def test_half_open_neighbours_share_memory() -> None:
    plan = planner.plan((Buffer("a", 64, 0, 2), Buffer("b", 64, 2, 4)))
    assert plan.arena_bytes == 64


def test_checker_accepts_the_real_plan() -> None:
    compiled = program.compile_model(MODEL)
    checker.check(compiled.graph, compiled.calls, compiled.plan)


def test_checker_finds_every_harmful_shift() -> None:
    """Each buffer is laid onto each one it meets; the replay must notice, whichever it is."""
    compiled = program.compile_model(MODEL)
    plan = compiled.plan
    tried = 0
    for victim, other in itertools.permutations(range(len(plan.buffers)), 2):
        if not plan.buffers[victim].meets(plan.buffers[other]):
            continue
        offsets = list(plan.offsets)
        offsets[victim] = offsets[other]
        broken = replace(plan, offsets=tuple(offsets), arena_bytes=plan.arena_bytes + 4096)
        tried += 1
        with pytest.raises(checker.PlanError):
            checker.check(compiled.graph, compiled.calls, broken)
    assert tried >= 10


def test_checker_refuses_a_plan_that_leaves_the_arena() -> None:
    compiled = program.compile_model(MODEL)
    broken = replace(compiled.plan, arena_bytes=compiled.plan.arena_bytes - 1)
    with pytest.raises(checker.PlanError, match="outside the arena"):
        checker.check(compiled.graph, compiled.calls, broken)


def test_sum_takes_over_an_operand_and_reshape_costs_nothing() -> None:
    compiled = program.compile_model(MODEL)
    homes = [set(buffer.tensors) for buffer in compiled.plan.buffers]
    for index, view in enumerate(compiled.graph.views()):
        output = view.node.outputs[0]
        if view.node.operator == "RESHAPE":
            assert index not in compiled.calls
            assert any({output, view.node.inputs[0]} <= home for home in homes)
        if view.node.operator == "ADD":
            assert any(output in home and home & set(view.node.inputs) for home in homes)
