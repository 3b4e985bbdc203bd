"""Regions: runs of nodes computed a few rows at a time, so that of what lies between them only strips exist.

In each turn of a region's loop every node, in order, makes the rows that the nodes after it need next
(cmsis_glue/tinyml_band.h says which). A tensor that nothing else needs is a strip of rows, which slide down
when the first are no longer needed. Nothing is computed twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from tinyml.graph.ir import ABSENT, Graph
from tinyml.ops.base import Band, Calls, KernelCall, Overlap, Schedule

_MOST_ROWS = (1 << 15) - 1  # tinyml_band_node counts in 16 bits


@dataclass(frozen=True, eq=False)
class Stage:
    """A node of a region.

    Attributes:
        node: its index.
        call: its only kernel call.
        inputs: the tensors whose rows it reads.
        output: the tensor that it makes.
        rows: how many it makes; of one that gathers, those of its input.
        input_rows: of each input.
    """

    node: int
    call: KernelCall
    inputs: tuple[int, ...]
    output: int
    rows: int
    input_rows: int

    @property
    def band(self) -> Band:
        """How its call computes some rows."""
        assert self.call.band is not None
        return self.call.band

    def reads(self, begin: int, end: int) -> tuple[int, int]:
        """The input rows [low, high) that rows [begin, end) are made of."""
        low = begin * self.band.stride - self.band.before
        high = (end - 1) * self.band.stride + self.band.reach - self.band.before
        return max(low, 0), min(high, self.input_rows)

    def possible(self, available: int) -> int:
        """How many rows can be made of so many input rows."""
        if available == self.input_rows:
            return self.rows
        seen = available + self.band.before - self.band.reach
        return max(seen // self.band.stride + 1, 0)

    def scratch_bytes(self, rows: int) -> int:
        """For a band of so many rows."""
        return self.band.scratch(rows) if self.band.scratch else self.call.scratch_bytes


class Work(NamedTuple):
    """One band: stage number `stage` makes rows [begin, end); its strip then begins at row `first`."""

    turn: int
    stage: int
    begin: int
    end: int
    first: int


@dataclass(frozen=True)
class Strip:
    """The rows of a tensor that exist at a time.

    Attributes:
        rows: the most of them.
        kept: some stay from turn to turn.
    """

    rows: int
    kept: bool


@dataclass(frozen=True, eq=False)
class Region:
    """Nodes computed together.

    Attributes:
        stages: in the order of the graph, without gaps.
        rows: that the last stage makes in a turn.
        whole: the outputs that have memory of their own for every row.
    """

    stages: tuple[Stage, ...]
    rows: int
    whole: frozenset[int]

    @property
    def first(self) -> int:
        """Its first node."""
        return self.stages[0].node

    @property
    def end(self) -> int:
        """One past its last node."""
        return self.stages[-1].node + 1

    @cached_property
    def sources(self) -> tuple[int, ...]:
        """The tensors made elsewhere, in order of use."""
        made = {stage.output for stage in self.stages}
        return tuple(
            dict.fromkeys(t for stage in self.stages for t in stage.inputs if t not in made)
        )

    @cached_property
    def most(self) -> tuple[int, ...]:
        """The rows that each stage makes in a turn at most: as many as those after it use up."""
        found = {self.stages[-1].output: self.rows}
        for stage in reversed(self.stages):
            for tensor in stage.inputs:
                rows = found[stage.output] * stage.band.stride
                found[tensor] = max(found.get(tensor, 0), rows)
        return tuple(found[stage.output] for stage in self.stages)

    @cached_property
    def works(self) -> tuple[Work, ...]:
        """All bands in order."""
        return tuple(_works(self))

    @cached_property
    def strips(self) -> Mapping[int, Strip]:
        """The tensors that exist in part."""
        rows: dict[int, int] = {}
        kept = set()
        made: dict[int, Work] = {}  # the last bands
        for work in self.works:
            stage = self.stages[work.stage]
            for tensor in set(stage.inputs) & set(made):
                band, low = made[tensor], stage.reads(work.begin, work.end)[0]
                if band.turn != work.turn or low < band.begin:
                    kept.add(tensor)
            made[stage.output] = work
            rows[stage.output] = max(rows.get(stage.output, 0), work.end - work.first)
        return {t: Strip(n, t in kept) for t, n in rows.items() if t not in self.whole}

    def scratch_bytes(self, stage: int) -> int:
        """Of the largest band of a stage."""
        bands = (work.end - work.begin for work in self.works if work.stage == stage)
        return max(map(self.stages[stage].scratch_bytes, bands))


def _works(region: Region) -> Iterator[Work]:
    """What tinyml_band_turn and tinyml_band_next do."""
    stages = region.stages
    producer = {stage.output: number for number, stage in enumerate(stages)}
    made = [0] * len(stages)
    for turn in itertools.count():
        goal = _goals(region, producer, made)
        if goal == made:
            return
        first = [0 if stage.output in region.whole else n for stage, n in zip(stages, made)]
        for stage, rows in zip(stages, made):
            for source in (producer[t] for t in stage.inputs if t in producer):
                first[source] = min(first[source], stage.reads(rows, rows + 1)[0])
        for number in range(len(stages)):
            if goal[number] > made[number]:
                yield Work(turn, number, made[number], goal[number], first[number])
        made = goal


def _goals(region: Region, producer: Mapping[int, int], made: Sequence[int]) -> list[int]:
    """How many rows each stage has made after a turn."""
    stages, goal = region.stages, list(made)
    goal[-1] = min(made[-1] + region.rows, stages[-1].rows)
    ends = goal[-1] == stages[-1].rows
    for number in reversed(range(len(stages))):
        stage = stages[number]
        if ends and stage.output in region.whole:
            goal[number] = stage.rows
        for source in (producer[t] for t in stage.inputs if t in producer):
            if goal[number]:
                goal[source] = max(goal[source], stage.reads(0, goal[number])[1])
    for number, stage in enumerate(stages):
        available = (goal[producer[t]] for t in stage.inputs if t in producer)
        possible = min(map(stage.possible, available), default=stage.rows)
        goal[number] = min(goal[number], made[number] + region.most[number], possible)
    return goal


def find(
    graph: Graph, calls: Mapping[int, Calls], first: int, end: int, rows: int
) -> Region | None:
    """The region of nodes [first, end), `rows` a turn; None when it cannot be one."""
    found = [stage(graph, calls, index) for index in range(first, end)]
    stages = tuple(s for s in found if s is not None)
    if len(stages) < len(found) or len(stages) < 2:
        return None
    if any(s.band.gathers for s in stages[:-1]) or _unread(stages):
        return None
    region = Region(stages, rows, _whole(graph, stages))
    return region if all(_sees(region.stages[w.stage], w) for w in region.works) else None


def stage(graph: Graph, calls: Mapping[int, Calls], index: int) -> Stage | None:
    """A node as part of a region, if it can be one: one call that computes bands, on single images."""
    parts, node = calls.get(index, ()), graph.nodes[index]
    if len(parts) != 1 or parts[0].band is None or len(node.outputs) != 1:
        return None
    inputs = tuple(node.inputs[position] for position in parts[0].inputs)
    output, read = graph.tensors[node.outputs[0]], [graph.tensors[i] for i in inputs]
    images = read if parts[0].band.gathers else [output, *read]
    if not read or not all(t.is_activation and _is_image(t.shape) for t in images):
        return None
    others = (i for i in node.inputs if i != ABSENT and i not in inputs)
    heights = {t.shape[1] for t in read}
    if any(graph.tensors[i].data is None for i in others) or len(heights) > 1:
        return None
    (height,) = heights
    rows = height if parts[0].band.gathers else output.shape[1]
    if max(height, rows) > _MOST_ROWS:
        return None
    return Stage(index, parts[0], inputs, node.outputs[0], rows, height)


def row_bytes(graph: Graph, tensor: int) -> int:
    """The bytes of one row of an image."""
    return graph.tensors[tensor].nbytes // graph.tensors[tensor].shape[1]


def schedule(graph: Graph, region: Region, source: int, target: int, exact: bool) -> Schedule:
    """When the region reads the bytes of `source` for the last time, and writes those of `target`.

    Args:
        graph: the graph.
        region: reads the one and makes the other whole.
        source: a tensor.
        target: a tensor.
        exact: both begin at one place, where some kernels may write over what they read.
    """
    last_read = np.full(graph.tensors[source].shape[1], -1)
    first_write = np.zeros(_rows_written(region, target))
    for step, work in enumerate(region.works):
        at = region.stages[work.stage]
        if source in at.inputs:
            low, high = at.reads(work.begin, work.end)
            last_read[low:high] = 2 * step + 1
        if at.output == target:
            over = exact and source in at.inputs and over_input(graph, at, source)
            first_write[0 if at.band.gathers else slice(work.begin, work.end)] = 2 * step + over
    return Schedule(
        _bytes(last_read, graph.tensors[source].nbytes),
        _bytes(first_write, graph.tensors[target].nbytes),
    )


def over_input(graph: Graph, at: Stage, source: int) -> bool:
    """Whether a band of a stage may be written exactly over the rows of `source` that it is made of."""
    if (at.band.stride, at.band.reach, at.band.before) != (1, 1, 0) or at.band.gathers:
        return False
    if row_bytes(graph, source) != row_bytes(graph, at.output):
        return False
    positions = [p for p in at.call.inputs if graph.nodes[at.node].inputs[p] == source]
    return all(p in at.call.in_place or _follows(at.call, p) for p in positions)


def _follows(call: KernelCall, position: int) -> bool:
    """Whether no byte is written before the byte at its place is read, and so none of any row."""
    claims = [claim for claim in call.overlaps if claim.input == position]
    return bool(claims) and _in_step(claims[0])


@lru_cache(maxsize=256)
def _in_step(claim: Overlap) -> bool:
    last_read, first_write = claim.schedule()
    same = len(last_read) == len(first_write)
    return same and bool((first_write >= last_read).all())


def _rows_written(region: Region, target: int) -> int:
    (at,) = (s for s in region.stages if s.output == target)
    return 1 if at.band.gathers else at.rows


def _bytes(rows: np.ndarray, nbytes: int) -> np.ndarray:
    return np.repeat(rows.astype(np.int32), nbytes // len(rows))


def _is_image(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and shape[0] == 1


def _unread(stages: Sequence[Stage]) -> bool:
    """Whether some stage before the last makes what no other reads: nothing would ask for its rows."""
    read = {tensor for s in stages for tensor in s.inputs}
    return any(s.output not in read for s in stages[:-1])


def _whole(graph: Graph, stages: Sequence[Stage]) -> frozenset[int]:
    """The outputs that something else needs."""
    inside = {s.node for s in stages}
    elsewhere = {
        tensor
        for index, node in enumerate(graph.nodes)
        if index not in inside
        for tensor in node.inputs
    }
    outputs = {s.output for s in stages}
    return frozenset(outputs & (elsewhere | set(graph.outputs))) | {stages[-1].output}


def _sees(at: Stage, work: Work) -> bool:
    """Whether every row of a band sees some row of the input: kernels take no image without rows."""
    low, high = at.reads(work.begin, work.end)
    return low < high
