"""Lifetimes, shared bytes, planner and the independent checker."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import fuzz_graphs
import model_builder as mb
import numpy as np
import pytest

from tinyml.codegen import program
from tinyml.kernels.base import GENERAL, Options
from tinyml.memory import checker, planner
from tinyml.memory.lifetimes import Buffer
from tinyml.memory.sharing import Pairs, Sharing, Shifts, safe_shifts
from tinyml.ops.base import KernelCall, Overlap, Schedule

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"
NO_PAIRS: Pairs = MappingProxyType({})


def random_buffers(rng: np.random.Generator, count: int, most: int = 200) -> tuple[Buffer, ...]:
    """Buffers with random sizes and half-open lives."""
    found = []
    for index in range(count):
        first = int(rng.integers(0, 10))
        last = first + int(rng.integers(1, 6))
        found.append(Buffer(f"b{index}", int(rng.integers(1, most)), first, last))
    return tuple(found)


def random_chain(
    rng: np.random.Generator, count: int, most: int = 200
) -> tuple[tuple[Buffer, ...], Pairs]:
    """Buffers of which each may share bytes with the one before, and some that are live with them."""
    chain = [
        Buffer(f"c{index}", int(rng.integers(1, most)), index, index + 2) for index in range(count)
    ]
    pairs = {(i, i + 1): random_shifts(rng, *chain[i : i + 2]) for i in range(count - 1)}
    others = random_buffers(rng, int(rng.integers(0, 3)), most)
    return (*chain, *others), pairs


def random_shifts(rng: np.random.Generator, source: Buffer, output: Buffer) -> Shifts:
    """As a schedule of these sizes could have them."""
    return Shifts(
        int(rng.integers(0, output.nbytes + 1)),
        int(rng.integers(0, source.nbytes + 1)),
        0 if rng.random() < 0.5 else None,
    )


def clashes(plan: planner.Plan, pairs: Pairs = NO_PAIRS) -> list[tuple[str, str]]:
    """Buffers that are live together and share a byte that no pair allows them."""
    found = []
    for i, j in itertools.combinations(range(len(plan.buffers)), 2):
        a, b, p, q = plan.buffers[i], plan.buffers[j], plan.offsets[i], plan.offsets[j]
        share = a.first < b.last and b.first < a.last and p < q + b.nbytes and q < p + a.nbytes
        if share and not any(allowed(pairs, s, o, plan.offsets) for s, o in ((i, j), (j, i))):
            found.append((a.name, b.name))
    return found


def allowed(pairs: Pairs, source: int, output: int, offsets: tuple[int, ...]) -> bool:
    if (source, output) not in pairs:
        return False
    shifts, shift = pairs[source, output], offsets[source] - offsets[output]
    return shift >= shifts.lead or -shift >= shifts.lag or shift == shifts.at


@pytest.mark.parametrize("seed", range(60))
def test_plans_never_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = planner.plan(random_buffers(rng, int(rng.integers(1, 20))))
    assert clashes(plan) == []
    assert plan.arena_bytes >= plan.lower_bound
    assert all(offset % planner.ALIGNMENT == 0 for offset in plan.offsets)


@pytest.mark.parametrize("seed", range(60))
def test_plans_overlap_only_where_pairs_allow_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    buffers, pairs = random_chain(rng, int(rng.integers(2, 14)))
    plan = planner.plan(buffers, pairs)
    assert clashes(plan, pairs) == []
    assert plan.arena_bytes <= planner.plan(buffers).arena_bytes
    assert plan.arena_bytes >= planner._least(planner._Problem(buffers, pairs))
    assert all(offset % planner.ALIGNMENT == 0 for offset in plan.offsets)


@pytest.mark.parametrize("seed", range(20))
def test_small_plans_are_optimal(seed: int) -> None:
    """Against all offsets of all buffers."""
    buffers, pairs = random_chain(np.random.default_rng(seed), 3, most=25)
    found = planner.plan(buffers, pairs)
    for height in range(0, found.arena_bytes, planner.ALIGNMENT):
        for offsets in itertools.product(*(places(buffer, height) for buffer in buffers)):
            assert clashes(replace(found, offsets=offsets), pairs), f"{height} bytes suffice"


def places(buffer: Buffer, height: int) -> range:
    """The offsets at which a buffer ends by `height`."""
    return range(0, height - planner.aligned(buffer.nbytes) + 1, planner.ALIGNMENT)


def test_half_open_neighbours_share_memory() -> None:
    plan = planner.plan((Buffer("a", 64, 0, 2), Buffer("b", 64, 2, 4)))
    assert plan.arena_bytes == 64


def test_a_chain_of_overlaps_walks_down() -> None:
    """Each of four equal buffers begins 16 bytes below the one before."""
    buffers = tuple(Buffer(f"b{i}", 800, i, i + 2) for i in range(4))
    pairs = {(i, i + 1): Shifts(16, 800, None) for i in range(3)}
    plan = planner.plan(buffers, pairs)
    assert plan.arena_bytes == 800 + 3 * 16
    assert plan.lower_bound == 1600


# Schedules


def random_schedule(rng: np.random.Generator) -> Schedule:
    """Reads and writes that more or less move upwards, as those of a kernel do."""
    sizes, steps = rng.integers(1, 12, 2), int(rng.integers(1, 12))
    arrays = [np.arange(n) * steps // n + rng.integers(-2, 3, n) for n in sizes]
    last_read, first_write = (np.clip(a, 0, steps - 1).astype(np.int32) for a in arrays)
    last_read[rng.random(len(last_read)) < 0.1] = -1
    return Schedule(last_read, first_write)


def survives(schedule: Schedule, shift: int) -> bool:
    """The steps carried out: True when every byte still holds its own mark whenever it is read."""
    source, output = max(shift, 0), max(-shift, 0)
    reads, writes = schedule
    memory = np.full(40, -1)
    memory[source : source + len(reads)] = np.arange(len(reads))
    for step in range(int(max(reads.max(), writes.max())) + 1):
        needed = np.flatnonzero(reads >= step)
        if (memory[source + needed] != needed).any():
            return False
        memory[output + np.flatnonzero(writes == step)] = -2
    return True


@pytest.mark.parametrize("seed", range(200))
def test_safe_distances_and_the_checker_against_the_steps_carried_out(seed: int) -> None:
    schedule = random_schedule(np.random.default_rng(seed))
    shifts = safe_shifts(schedule)
    truth = {shift: survives(schedule, shift) for shift in range(-12, 13)}
    down, up = range(-12, 0), range(1, 13)
    assert all(truth[shift] for shift in up if shift >= shifts.lead)
    assert all(truth[shift] for shift in down if -shift >= shifts.lag)
    assert not shifts.lead or not truth[shifts.lead - 1]
    assert not shifts.lag or not truth[1 - shifts.lag]
    assert (shifts.at == 0) == truth[0]
    calls = (KernelCall("kernel", (), (0,), overlaps=(Overlap(0, lambda: schedule),)),)
    for shift, safe in truth.items():
        source, output = 20 + shift, 20
        spans = (slice(source, source + len(schedule[0])), slice(output, output + len(schedule[1])))
        if checker._overlap(*spans):
            assert checker._in_time(calls, 0, *spans) == safe, shift


# The checker on whole models


@pytest.fixture(scope="module")
def small() -> program.Program:
    return program.compile_model(MODEL)


def test_checker_accepts_the_real_plan(small: program.Program) -> None:
    checker.check(small.graph, small.lowered, small.plan)


def moved(compiled: program.Program, buffer: int, offset: int) -> planner.Plan:
    """The plan with one buffer elsewhere, in an arena with room for it."""
    offsets = list(compiled.plan.offsets)
    offsets[buffer] = offset
    return replace(
        compiled.plan, offsets=tuple(offsets), arena_bytes=compiled.plan.arena_bytes + 4096
    )


def pairs_of(compiled: program.Program) -> Pairs:
    return Sharing(compiled.graph).pairs(compiled.lowered, compiled.plan.buffers)


def test_checker_finds_every_harmful_move(small: program.Program) -> None:
    """Each buffer is laid onto each that it meets, at every distance; the replay must notice the harm."""
    plan, pairs = small.plan, pairs_of(small)
    anywhere = dict.fromkeys(pairs, Shifts(0, 0, 0))  # what a schedule decides is for other tests
    refused = 0
    for index, other in itertools.permutations(range(len(plan.buffers)), 2):
        if not plan.buffers[index].meets(plan.buffers[other]):
            continue
        low = max(plan.offsets[other] - plan.buffers[index].nbytes, 0)
        for offset in range(low, plan.offsets[other] + plan.buffers[other].nbytes, 8):
            broken = moved(small, index, offset)
            if not clashes(broken, pairs):
                checker.check(small.graph, small.lowered, broken)
            elif clashes(broken, anywhere):
                refused += 1
                with pytest.raises(checker.PlanError):
                    checker.check(small.graph, small.lowered, broken)
    assert refused > 500


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs_are_planned_and_checked(tmp_path: Path, seed: int) -> None:
    """The checker follows the pairs' distances exactly: as close as they say, and no step closer."""
    path = tmp_path / "model.tflite"
    path.write_bytes(fuzz_graphs.content(seed, fuzz_graphs.size(seed)))
    compiled = program.compile_model(path)
    pairs = pairs_of(compiled)
    assert clashes(compiled.plan, pairs) == []
    for (source, output), shifts in pairs.items():
        for shift in {shifts.lead, -shifts.lag, max(shifts.lead - 1, 0), min(1 - shifts.lag, 0), 0}:
            apart = alone(compiled.plan, source, output, shift)
            if clashes(apart, pairs):
                with pytest.raises(checker.PlanError, match="writes over its own input"):
                    checker.check(compiled.graph, compiled.lowered, apart)
            else:
                checker.check(compiled.graph, compiled.lowered, apart)


def alone(plan: planner.Plan, source: int, output: int, shift: int) -> planner.Plan:
    """Every buffer has its own bytes, but that two begin `shift` bytes from each other."""
    offsets, top = [], 0
    for buffer in plan.buffers:
        offsets.append(top)
        top += buffer.nbytes
    offsets[source], offsets[output] = top + max(shift, 0), top + max(-shift, 0)
    end = max(offsets[i] + plan.buffers[i].nbytes for i in (source, output))
    return replace(plan, offsets=tuple(offsets), arena_bytes=end)


def test_checker_refuses_a_plan_that_leaves_the_arena(small: program.Program) -> None:
    broken = replace(small.plan, arena_bytes=small.plan.arena_bytes - 1)
    with pytest.raises(checker.PlanError, match="outside the arena"):
        checker.check(small.graph, small.lowered, broken)


def test_checker_refuses_a_schedule_of_another_size(small: program.Program) -> None:
    (call,) = small.lowered[0]
    schedule = Schedule(np.zeros(3, np.int32), np.zeros(3, np.int32))
    claims = replace(call, overlaps=(Overlap(0, lambda: schedule),))
    image, output = (home(small, tensor) for tensor in (0, small.graph.nodes[0].outputs[0]))
    onto = moved(small, image, small.plan.offsets[output])
    with pytest.raises(checker.PlanError, match="another size"):
        checker.check(small.graph, {**small.lowered, 0: (claims,)}, onto)


def home(compiled: program.Program, tensor: int) -> int:
    """The number of a tensor's buffer."""
    return next(i for i, b in enumerate(compiled.plan.buffers) if tensor in b.tensors)


def test_sum_takes_over_an_operand_and_reshape_costs_nothing(small: program.Program) -> None:
    for index, view in enumerate(small.graph.views()):
        places = {home(small, tensor) for tensor in view.node.inputs[:1] + view.node.outputs}
        if view.node.operator == "RESHAPE":
            assert index not in small.lowered
            assert len(places) == 1
        if view.node.operator == "ADD":
            offsets = [small.plan.offsets[home(small, t)] for t in view.node.inputs]
            assert small.plan.offsets[home(small, view.node.outputs[0])] in offsets


def convolutions(
    m: mb.ModelBuilder, window: tuple[int, int], twice: bool
) -> tuple[list[int], list[int]]:
    """Two convolutions of one width; the first one's output is read once more afterwards, or not."""
    rng = np.random.default_rng(0)
    shape = (1, 8, 8, 8)
    source = m.tensor(shape, scale=0.1, zero_point=3)
    first, _ = mb.convolution(m, rng, source, shape, 8, window=window)
    second, _ = mb.convolution(m, rng, first, shape, 8, window=window)
    if not twice:
        return [source], [second]
    total = m.tensor(shape, scale=0.2)
    m.node("ADD", [first, second], total, kind="AddOptions", fusedActivationFunction=0)
    return [source], [total]


@pytest.mark.parametrize(
    ("window", "twice", "arena", "bound"),
    [
        ((1, 1), False, 512 + 8, 2 * 512 + 8),
        ((1, 1), True, 2 * 512 + 8, 3 * 512),
        ((3, 3), False, 512 + 2 * 72, 2 * 512 + 72),
        ((3, 3), True, 2 * 512 + 72, 3 * 512),
    ],
)
def test_only_what_dies_is_written_over(
    tmp_path: Path, window: tuple[int, int], twice: bool, arena: int, bound: int
) -> None:
    """A 1x1 convolution works in place, but for a pixel's scratch. A 3x3 window needs the row above and the
    pixel to the left, 9 pixels of 8 bytes; so large is its scratch.
    """
    m = mb.ModelBuilder()
    path = m.save(tmp_path / "model.tflite", *convolutions(m, window, twice))
    plan = program.compile_model(path, options=Options(library=GENERAL)).plan
    assert (plan.arena_bytes, plan.lower_bound) == (arena, bound)
