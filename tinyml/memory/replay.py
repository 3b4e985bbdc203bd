"""Replays a region band by band for the checker; it shares no size and no order of bands with the planner.

Every byte of the arena remembers whose it is: of a strip it remembers the row, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyml.graph.ir import Graph
from tinyml.memory.planner import Plan
from tinyml.memory.regions import Region, Stage
from tinyml.ops.base import KernelCall

SCRATCH = -2


class PlanError(Exception):
    """The plan would corrupt a value: a defect of the planner, never of the user's model."""


class Replay:
    """One region over one arena, whose bytes' owners change as the region executes."""

    def __init__(
        self, graph: Graph, region: Region, plan: Plan, owner: np.ndarray, value: Mapping[int, Any]
    ) -> None:
        self._graph, self._region, self._plan = graph, region, plan
        self._owner, self._value = owner, value
        self._rooms = {t: i for i, b in enumerate(plan.buffers) for t in b.tensors}
        self._scratch = {b.scratch_of: i for i, b in enumerate(plan.buffers)}
        self._made = {stage.output: 0 for stage in region.stages}
        self._first = dict.fromkeys(self._made, 0)  # the row at a strip's beginning

    def run(self) -> None:
        """Execute every turn.

        Raises:
            PlanError: a row is not there when it is read, or something leaves its place.
        """
        while (goals := self._goals()) != self._made:
            for stage in self._region.stages:
                self._slide(stage)
            for stage in self._region.stages:
                if goals[stage.output] > self._made[stage.output]:
                    self._make(stage, goals[stage.output])
        for stage in self._region.stages:
            if stage.output in self._region.whole and self._made[stage.output] != stage.rows:
                raise PlanError(f"node {stage.node} is not computed to its end")

    def _goals(self) -> dict[int, int]:
        """How many rows of each output there are after the next turn: those wanted, as far as possible."""
        stages = self._region.stages
        goals: dict[int, int] = {}
        wanted = self._wanted()
        for stage, most in zip(stages, self._region.most):
            done = self._made[stage.output]
            goal = min(wanted[stage.output], done + most)
            while goal > done and not self._can_see(stage, goals, goal):
                goal -= 1
            goals[stage.output] = goal
        return goals

    def _wanted(self) -> dict[int, int]:
        """The rows that the last stage's next ones are made of, through all stages."""
        last = self._region.stages[-1]
        goal = min(self._made[last.output] + self._region.rows, last.rows)
        wanted = {**self._made, last.output: goal}
        for stage in reversed(self._region.stages):
            if goal == last.rows and stage.output in self._region.whole:
                wanted[stage.output] = stage.rows
            if wanted[stage.output]:
                rows = _bottom(stage, wanted[stage.output])
                for tensor in set(stage.inputs) & set(wanted):
                    wanted[tensor] = max(wanted[tensor], rows)
        return wanted

    def _can_see(self, stage: Stage, goals: Mapping[int, int], goal: int) -> bool:
        """Whether the inputs of rows up to `goal` are there."""
        return all(_bottom(stage, goal) <= goals.get(t, stage.input_rows) for t in stage.inputs)

    def _slide(self, stage: Stage) -> None:
        """Drop the rows of a strip that no stage looks at again."""
        tensor = stage.output
        if tensor in self._region.whole:
            return
        needed = [
            max(self._made[reader.output] * reader.band.stride - reader.band.before, 0)
            for reader in self._region.stages
            if tensor in reader.inputs
        ]
        first = min(*needed, self._made[tensor])
        held = self._rows(tensor, first, self._made[tensor])
        begin = self._plan.places[tensor]
        self._owner[begin : begin + held.stop - held.start] = self._owner[held].copy()
        self._first[tensor] = first

    def _make(self, stage: Stage, goal: int) -> None:
        """One band."""
        made, tensor = self._made[stage.output], stage.output
        low = max(made * stage.band.stride - stage.band.before, 0)
        high = _bottom(stage, goal)
        spans = {t: self._read(stage, t, low, high) for t in stage.inputs}
        target = self._target(stage, made, goal)
        scratch = self._use_scratch(stage, goal - made)
        for source, span in spans.items():
            if _meet(span, scratch) or (
                _meet(span, target) and not _over(stage, source, span, target, self._graph)
            ):
                raise PlanError(f"node {stage.node} writes over its own input")
        if _meet(scratch, target):
            raise PlanError(f"node {stage.node} writes over its own scratch")
        self._owner[scratch] = SCRATCH - 1 - stage.node
        for row in range(made, goal):
            if not stage.band.gathers:
                self._owner[self._rows(tensor, row, row + 1)] = self._token(tensor, row)
        if stage.band.gathers and goal == stage.rows:
            self._owner[target] = tensor
        self._made[tensor] = goal

    def _read(self, stage: Stage, tensor: int, low: int, high: int) -> slice:
        """The bytes of some rows, which must be there."""
        name = f"rows {low} to {high} of {self._graph.tensors[tensor].name}"
        if tensor in self._made and not self._first[tensor] <= low < high <= self._made[tensor]:
            raise PlanError(f"{name} are not there when node {stage.node} reads them")
        for row in range(low, high):
            span = self._rows(tensor, row, row + 1)
            if (self._owner[span] != self._expected(tensor, row)).any():
                raise PlanError(f"{name} are overwritten before node {stage.node} reads them")
        return self._rows(tensor, low, high)

    def _expected(self, tensor: int, row: int) -> Any:
        """Whose the bytes of a row are."""
        if tensor in self._made:
            return self._token(tensor, row)
        size = self._row_bytes(tensor)
        whole = np.broadcast_to(self._value[tensor], self._graph.tensors[tensor].nbytes)
        return whole[row * size : (row + 1) * size]

    def _token(self, tensor: int, row: int) -> int:
        """What stands for a row; a whole output is one value, as for the nodes after the region."""
        return tensor if tensor in self._region.whole else (tensor + 1 << 32) + row

    def _target(self, stage: Stage, made: int, goal: int) -> slice:
        """Where a band goes, within the room for its tensor."""
        tensor = stage.output
        if stage.band.gathers:
            begin = self._plan.places[tensor]
            span = slice(begin, begin + self._graph.tensors[tensor].nbytes)
            return span if goal == stage.rows else slice(begin, begin)
        span, room = self._rows(tensor, made, goal), self._rooms[tensor]
        if span.stop > self._plan.offsets[room] + self._plan.buffers[room].nbytes:
            raise PlanError(f"a strip of {self._graph.tensors[tensor].name} is too short")
        return self._inside(span)

    def _use_scratch(self, stage: Stage, rows: int) -> slice:
        """The scratch of a band; that of one that gathers still has what it had."""
        needed = stage.scratch_bytes(rows)
        if not needed:
            return slice(0, 0)
        number = self._scratch.get(stage.node)
        if number is None or self._plan.buffers[number].nbytes < needed:
            raise PlanError(f"scratch of node {stage.node} is too small")
        begin = self._plan.offsets[number]
        span = self._inside(slice(begin, begin + needed))
        later = stage.band.gathers and self._made[stage.output] > 0
        if later and (self._owner[span] != SCRATCH - 1 - stage.node).any():
            raise PlanError(f"scratch of node {stage.node} is overwritten between its bands")
        return span

    def _rows(self, tensor: int, begin: int, end: int) -> slice:
        """The bytes of rows [begin, end) where they lie now."""
        size, first = self._row_bytes(tensor), self._first.get(tensor, 0)
        place = self._plan.places[tensor]
        return slice(place + (begin - first) * size, place + (end - first) * size)

    def _row_bytes(self, tensor: int) -> int:
        stored = self._graph.tensors[tensor]
        return stored.nbytes // stored.shape[1]

    def _inside(self, span: slice) -> slice:
        if span.start < 0 or span.stop > self._plan.arena_bytes:
            raise PlanError("a region leaves the arena")
        return span


def _bottom(stage: Stage, rows: int) -> int:
    """One past the last input row that the first `rows` rows see."""
    seen = (rows - 1) * stage.band.stride - stage.band.before + stage.band.reach
    return min(seen, stage.input_rows)


def _meet(a: slice, b: slice) -> bool:
    return bool(max(a.start, b.start) < min(a.stop, b.stop))


def _over(stage: Stage, source: int, span: slice, target: slice, graph: Graph) -> bool:
    """Whether the kernel may write exactly over what it reads: pixel on pixel, none before it is read."""
    band, inputs = stage.band, graph.nodes[stage.node].inputs
    if (band.stride, band.reach, band.before) != (1, 1, 0) or band.gathers or span != target:
        return False
    positions = [p for p in stage.call.inputs if inputs[p] == source]
    return all(p in stage.call.in_place or _read_in_time(stage.call, p) for p in positions)


def _read_in_time(call: KernelCall, position: int) -> bool:
    """Whether the call on whole images may write over its input, and then does so byte by byte."""
    schedules = [claim.schedule() for claim in call.overlaps if claim.input == position]
    return any(
        len(s.last_read) == len(s.first_write) and bool((s.last_read <= s.first_write).all())
        for s in schedules
    )
