"""How an output may lie on an input that dies with it: safe distances, from the kernels' schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.graph.ir import Graph
from tinyml.memory.lifetimes import Buffer, reads
from tinyml.ops.base import Calls, Overlap, Schedule, in_place, overlaps

# Of an input or output whose schedule is looked at; no board has as much RAM, and the arrays are several
# times as large.
_MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class Shifts:
    """The safe distances in bytes between the beginnings of an input and the output that ends its life.

    Attributes:
        lead: the output may begin this many bytes below the input, or more.
        lag: the output may begin this many bytes above the input, or more.
        exact: both may begin at the same byte.
    """

    lead: int
    lag: int
    exact: bool

    def and_also(self, other: Shifts) -> Shifts:
        """What is safe by both."""
        return Shifts(
            max(self.lead, other.lead), max(self.lag, other.lag), self.exact and other.exact
        )


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
        exact=bool((first_write[:both] >= last_read[:both]).all()),
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

    def pairs(self, calls: Mapping[int, Calls], buffers: Sequence[Buffer]) -> Pairs:
        """The buffers that may share bytes at a node: that of a dying input, and that of the first output."""
        home = {tensor: i for i, buffer in enumerate(buffers) for tensor in buffer.tensors}
        found: dict[tuple[int, int], Shifts] = {}
        for index, parts in calls.items():
            outputs = self._graph.nodes[index].outputs
            if not outputs or buffers[home[outputs[0]]].first != index:
                continue
            for source in {home[tensor] for tensor in reads(self._graph, index)}:
                shifts = self._of_buffer(parts, index, buffers[source].tensors)
                if shifts is not None and buffers[source].last == index + 1:
                    found[source, home[outputs[0]]] = shifts
        return found

    def _of_buffer(self, calls: Calls, index: int, source: Sequence[int]) -> Shifts | None:
        """What is safe for all inputs of a node that lie in one buffer; None when one may not share."""
        node, tensors = self._graph.nodes[index], self._graph.tensors
        found = Shifts(0, 0, True)
        for position, tensor in enumerate(node.inputs):
            if tensor in source:
                sizes = tensors[tensor].nbytes, tensors[node.outputs[0]].nbytes
                shifts = self._of_input(calls, position, *sizes)
                if shifts is None:
                    return None
                found = found.and_also(shifts)
        return found

    def _of_input(self, calls: Calls, position: int, nbytes: int, size: int) -> Shifts | None:
        """What is safe for one input of `nbytes` and an output of `size` bytes."""
        if position in in_place(calls) and nbytes == size:
            return Shifts(size, size, True)
        for claim in overlaps(calls):
            if claim.input == position and max(nbytes, size) <= _MOST_BYTES:
                if claim not in self._known:
                    self._known[claim] = safe_shifts(claim.schedule())
                return self._known[claim]
        return None
