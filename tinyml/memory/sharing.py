"""How an output may lie on an input: distances that are safe by a kernel's schedule; copies that are none."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.graph.ir import Graph, Node
from tinyml.memory.lifetimes import Buffer, reads
from tinyml.memory.regions import Region, over_input, schedule
from tinyml.ops.base import Calls, KernelCall, Overlap, Schedule, in_place, moves, overlaps

# Of an input or output whose schedule is looked at; no board has as much RAM, and the arrays are several
# times as large.
_MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class Shifts:
    """The safe distances in bytes between the beginnings of a node's input and output.

    Attributes:
        lead: the output may begin this many bytes below the input, or more.
        lag: the output may begin this many bytes above the input, or more.
        at: one more safe distance from the output's beginning up to the input's, or None: 0 where a
            kernel works in place.
        copied: bytes that are copied at any other distance.
    """

    lead: int
    lag: int
    at: int | None
    copied: int = 0

    def and_also(self, other: Shifts) -> Shifts:
        """What is safe by both."""
        at = self.at if self.at == other.at else None
        lead, lag = max(self.lead, other.lead), max(self.lag, other.lag)
        return Shifts(lead, lag, at, 0 if at is None else self.copied + other.copied)


def safe_shifts(schedule: Schedule) -> Shifts:
    """The safe distances of a schedule.

    Input byte i and output byte j have one address when the output begins j - i bytes below the input.
    That is unsafe when j is written in a step after which i is still read.
    """
    last_read, first_write = schedule
    steps, first, last = _runs(first_write)
    lowest, highest = _still_read(last_read, int(steps.max()))
    pending = highest[steps] >= 0  # something is still to be read by then
    down = last - lowest[steps]
    up = highest[steps] - first
    both = min(len(last_read), len(first_write))
    return Shifts(
        lead=max(int(down[pending].max(initial=-1)) + 1, 0),
        lag=max(int(up[pending].max(initial=-1)) + 1, 0),
        at=0 if (first_write[:both] >= last_read[:both]).all() else None,
    )


def _still_read(last_read: np.ndarray, last_step: int) -> tuple[np.ndarray, np.ndarray]:
    """For each step the lowest and highest byte that a later step reads; (size, -1) when none does."""
    steps, first, last = _runs(last_read)
    count = max(int(steps.max()), last_step) + 3
    lowest, highest = np.full(count, len(last_read)), np.full(count, -1)
    # By the last step that reads it, counted from 1: of equal indices the last assignment stays.
    lowest[steps[::-1] + 1] = first[::-1]
    highest[steps + 1] = last
    lowest = np.minimum.accumulate(lowest[::-1])[::-1]
    highest = np.maximum.accumulate(highest[::-1])[::-1]
    return lowest[2:], highest[2:]


def _runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of equal values: the values, and the first and last index of each."""
    changes = np.flatnonzero(values[1:] != values[:-1])
    first, last = np.append(0, changes + 1), np.append(changes, len(values) - 1)
    return values[first], first, last


# (number of the input's buffer, number of the output's) -> what is safe
Pairs = Mapping[tuple[int, int], Shifts]


class Sharing:
    """Finds the buffers of a graph that may share bytes, for one choice of kernels or for many."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[Overlap, Shifts] = {}

    def pairs(
        self,
        calls: Mapping[int, Calls],
        buffers: Sequence[Buffer],
        regions: Sequence[Region] = (),
    ) -> Pairs:
        """The buffers of a node's input and output that may share bytes, though both are live there."""
        home = {tensor: i for i, buffer in enumerate(buffers) for tensor in buffer.tensors}
        found: dict[tuple[int, int], Shifts] = {}
        streamed = {stage.node for region in regions for stage in region.stages}
        for index, parts in calls.items():
            if index in streamed:
                continue
            sources = {home[tensor] for tensor in reads(self._graph, index)}
            outputs = self._graph.nodes[index].outputs
            for source, number in itertools.product(sources, range(len(outputs))):
                shifts = self._of_buffer(parts, index, buffers[source], number)
                if shifts is not None:
                    found[source, home[outputs[number]]] = shifts
        for region in regions:
            found.update(self._of_ends(region, buffers, home))
            found.update(self._of_strips(region, home))
        return found

    def _of_ends(self, region: Region, buffers: Sequence[Buffer], home: Mapping[int, int]) -> Pairs:
        """What is read from elsewhere, for the last time, and what is made whole."""
        found: dict[tuple[int, int], Shifts] = {}
        for source, target in itertools.product(region.sources, region.whole):
            size = max(self._graph.tensors[t].nbytes for t in (source, target))
            if buffers[home[source]].last == region.end and size <= _MOST_BYTES:
                shifts, pair = self._through(region, source, target), (home[source], home[target])
                found[pair] = found[pair].and_also(shifts) if pair in found else shifts
        return found

    def _through(self, region: Region, source: int, target: int) -> Shifts:
        """The safe distances over all turns."""
        apart = safe_shifts(schedule(self._graph, region, source, target, False))
        together = safe_shifts(schedule(self._graph, region, source, target, True))
        return Shifts(apart.lead, apart.lag, together.at)

    def _of_strips(self, region: Region, home: Mapping[int, int]) -> Pairs:
        """Strips of one turn: those that a kernel reads last and writes may lie on each other."""
        last = {tensor: stage for stage in region.stages for tensor in stage.inputs}
        found = {}
        for tensor, strip in region.strips.items():
            stage = last[tensor]
            made = region.strips.get(stage.output)
            if strip.kept or made is None or made.kept or made.rows != strip.rows:
                continue
            if over_input(self._graph, stage, tensor):
                size = max(self._graph.tensors[t].nbytes for t in (tensor, stage.output))
                found[home[tensor], home[stage.output]] = Shifts(size, size, 0)
        return found

    def _of_buffer(self, calls: Calls, index: int, source: Buffer, number: int) -> Shifts | None:
        """What is safe for all of a node's inputs that lie in `source`; None when one may not share."""
        node = self._graph.nodes[index]
        found = None
        for position, tensor in enumerate(node.inputs):
            if tensor in source.tensors:
                shifts = self._of_input(calls, index, position, number, source.last == index + 1)
                if shifts is None:
                    return None
                found = shifts if found is None else found.and_also(shifts)
        return found

    def _of_input(
        self, calls: Calls, index: int, position: int, number: int, dies: bool
    ) -> Shifts | None:
        """What is safe for one input and output `number`, whether the input is needed later or not."""
        node = self._graph.nodes[index]
        nbytes = self._graph.tensors[node.inputs[position]].nbytes
        size = self._graph.tensors[node.outputs[number]].nbytes
        move = moves(calls, position, number)
        if move is not None:  # they have the same bytes, so that both may live on
            return Shifts(size, nbytes, move.target - move.source, move.nbytes)
        if number or not dies:
            return None
        if position in in_place(calls) and nbytes == size:
            return Shifts(size, nbytes, 0)
        claims = [claim for claim in overlaps(calls) if claim.input == position]
        if not claims or max(nbytes, size) > _MOST_BYTES:
            return None
        if claims[0] not in self._known:
            self._known[claims[0]] = safe_shifts(claims[0].schedule())
        return self._known[claims[0]]


def stays(call: KernelCall, node: Node, offsets: Mapping[int, int]) -> bool:
    """True when a call has nothing to do: what it copies lies where it should.

    Args:
        call: the call.
        node: whose it is.
        offsets: where tensors begin in the arena; constants have no place there.
    """
    if call.move is None or call.outputs is None:
        return False
    source, output = node.inputs[call.inputs[0]], node.outputs[call.outputs[0]]
    return (
        source in offsets
        and offsets[source] + call.move.source == offsets[output] + call.move.target
    )
