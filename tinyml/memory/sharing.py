"""How an output may lie on an input that dies with it: safe distances, from the kernels' schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.graph.ir import Graph
from tinyml.memory.lifetimes import Buffer, reads
from tinyml.ops.base import Calls, Schedule, in_place, overlaps

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
    lowest, highest = _still_read(last_read, int(first_write.max()))
    written = np.arange(len(first_write))
    pending = lowest[first_write] < len(last_read)  # something is still to be read by then
    down = written - lowest[first_write]
    up = highest[first_write] - written
    both = min(len(last_read), len(first_write))
    return Shifts(
        lead=max(int(down[pending].max(initial=-1)) + 1, 0),
        lag=max(int(up[pending].max(initial=-1)) + 1, 0),
        exact=bool((first_write[:both] >= last_read[:both]).all()),
    )


def _still_read(last_read: np.ndarray, last_step: int) -> tuple[np.ndarray, np.ndarray]:
    """For each step the lowest and highest byte that a later step reads; (size, -1) when none does."""
    size = len(last_read)
    steps = max(int(last_read.max()), last_step) + 2
    lowest, highest = np.full(steps + 1, size), np.full(steps + 1, -1)
    # By the last step that reads it, counted from 1: of equal indices the last assignment stays.
    places = np.arange(size)
    lowest[last_read[::-1] + 1] = places[::-1]
    highest[last_read + 1] = places
    lowest = np.minimum.accumulate(lowest[::-1])[::-1]
    highest = np.maximum.accumulate(highest[::-1])[::-1]
    return lowest[2:], highest[2:]


# (number of the input's buffer, number of the output's) -> what is safe
Pairs = Mapping[tuple[int, int], Shifts]


def pairs(graph: Graph, calls: Mapping[int, Calls], buffers: Sequence[Buffer]) -> Pairs:
    """The buffers that may share bytes though both are live at a node: its dying inputs and first output."""
    home = {tensor: number for number, buffer in enumerate(buffers) for tensor in buffer.tensors}
    found: dict[tuple[int, int], Shifts] = {}
    for index, parts in calls.items():
        outputs = graph.nodes[index].outputs
        if not outputs or buffers[home[outputs[0]]].first != index:
            continue
        for source in {home[tensor] for tensor in reads(graph, index)}:
            shifts = _shifts(graph, parts, index, buffers[source].tensors)
            if shifts is not None and buffers[source].last == index + 1:
                found[source, home[outputs[0]]] = shifts
    return found


def _shifts(graph: Graph, calls: Calls, index: int, source: Sequence[int]) -> Shifts | None:
    """What is safe for all inputs of a node that lie in one buffer; None when one of them may not share."""
    node = graph.nodes[index]
    size = graph.tensors[node.outputs[0]].nbytes
    claims = {overlap.input: overlap for overlap in overlaps(calls)}
    found = Shifts(0, 0, True)
    for position, tensor in enumerate(node.inputs):
        if tensor not in source:
            continue
        nbytes = graph.tensors[tensor].nbytes
        if position in in_place(calls) and nbytes == size:
            found = found.and_also(Shifts(size, size, True))
        elif position in claims and max(nbytes, size) <= _MOST_BYTES:
            found = found.and_also(safe_shifts(claims[position].schedule()))
        else:
            return None
    return found
