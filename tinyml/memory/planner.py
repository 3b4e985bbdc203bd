"""Offsets for buffers in one static arena.

Buffers are placed one after the other, each at the lowest offset that the placed ones leave to it:
beside those that are live with it or, where `sharing` says so, partly on them. Several orders are tried,
the best is improved, and on a small graph a search over all orders finds an optimal plan.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tinyml.memory.lifetimes import Buffer
from tinyml.memory.sharing import Pairs, Shifts

ALIGNMENT = 8  # of every buffer: kernels may load words, and the ABI's largest type has 8 bytes
_SEARCH_LIMIT = 8  # buffers; 8! orders are 40,320, pruned to far fewer
_ROUNDS = 300  # of improving an order; fewer where many buffers are live together:
_WORK = 300_000  # pairs of such buffers that are looked at


@dataclass(frozen=True)
class Plan:
    """offsets[i] is where buffers[i] begins; arena_bytes is the end of the last.

    lower_bound is what the buffers need where most are live, each with its own bytes: with inputs and
    outputs that share some, the arena can be below it.
    """

    buffers: tuple[Buffer, ...]
    offsets: tuple[int, ...]
    arena_bytes: int
    lower_bound: int

    @cached_property
    def places(self) -> Mapping[int, int]:
        """Where each tensor begins."""
        placed = zip(self.buffers, self.offsets)
        return {tensor: offset for buffer, offset in placed for tensor in buffer.tensors}


def aligned(nbytes: int) -> int:
    """`nbytes` rounded up to the alignment."""
    return (nbytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def lower_bound(buffers: Sequence[Buffer]) -> int:
    """The most bytes that are live at one position."""
    return max((_live_bytes(buffers, b.first) for b in buffers), default=0)


def plan(buffers: tuple[Buffer, ...], pairs: Pairs | None = None, thorough: bool = True) -> Plan:
    """Place `buffers`; those that are live together share no byte but as `pairs` allows.

    Args:
        buffers: what to place.
        pairs: the inputs and outputs that may share bytes; none without.
        thorough: improve the best of a few orders, rather than take it as it is (in a tenth of the time).
    """
    problem = _Problem(buffers, pairs or {})
    bound = (_least(problem), 0)
    best, order = _of_orders(problem, bound)
    if thorough and best.cost > bound:
        best = _improved(problem, order, bound, best)
    if thorough and best.cost > bound and len(buffers) <= _SEARCH_LIMIT:
        best = _search(problem, bound, best)
    offsets = tuple(best.offsets[i] for i in range(len(buffers)))
    return Plan(buffers, offsets, best.cost[0], lower_bound(buffers))


class _Problem:
    """The buffers, and how each keeps away from those that are live with it."""

    def __init__(self, buffers: tuple[Buffer, ...], pairs: Pairs) -> None:
        first = np.array([b.first for b in buffers])
        last = np.array([b.last for b in buffers])
        self.buffers = buffers
        self.pairs = pairs
        self.moves = [pair for pair in pairs.items() if pair[1].copied]
        self.needs = [aligned(b.nbytes) for b in buffers]
        self.meeting = [
            [int(i) for i in np.flatnonzero((first < b.last) & (last > b.first)) if i != number]
            for number, b in enumerate(buffers)
        ]

        self.work = sum(map(len, self.meeting))

    def forbidden(self, index: int, other: int) -> tuple[int, int, int | None]:
        """(down, up, at): where buffer `index` may not begin, counted from the beginning of `other`: strictly
        between -down and up, except at `at`.
        """
        if (index, other) in self.pairs:
            shifts = self.pairs[index, other]
            return shifts.lag, shifts.lead, shifts.at
        if (other, index) in self.pairs:
            shifts = self.pairs[other, index]
            return shifts.lead, shifts.lag, None if shifts.at is None else -shifts.at
        return self.needs[index], self.needs[other], None


# The end of the highest buffer, and among equal ones the bytes that are copied for lack of a better place
_Cost = tuple[int, int]


@dataclass(frozen=True)
class _Placement:
    """Offsets by buffer, and what they cost."""

    offsets: dict[int, int]
    cost: _Cost


def _length(buffer: Buffer) -> int:
    """Minus the number of positions at which a buffer is live."""
    return buffer.first - buffer.last


def _live_bytes(buffers: Sequence[Buffer], position: int) -> int:
    return sum(aligned(b.nbytes) for b in buffers if b.first <= position < b.last)


def _least(problem: _Problem) -> int:
    """What no plan can be below: at each position the live bytes, less what its pairs can share at most."""
    saved: dict[int, int] = {}
    last: dict[int, int] = {}
    for (source, output), shifts in problem.pairs.items():
        most = _shared(problem.needs[source], problem.needs[output], shifts)
        saved[output] = min(saved.get(output, 0) + most, problem.needs[output])
        last[output] = max(last.get(output, 0), problem.buffers[source].last)
    least = 0
    for position in {b.first for b in problem.buffers}:
        shared = (
            saved[output]
            for output in saved
            if problem.buffers[output].first <= position < last[output]
        )
        least = max(least, _live_bytes(problem.buffers, position) - sum(shared))
    return least


def _shared(source: int, output: int, shifts: Shifts) -> int:
    """The most bytes that an input and an output of these sizes can share."""
    below = max(aligned(shifts.lead) + source, output)
    above = max(aligned(shifts.lag) + output, source)
    at = below if shifts.at is None else max(shifts.at + source, output) - min(shifts.at, 0)
    return source + output - min(below, above, at)


def _orders(buffers: Sequence[Buffer]) -> Iterator[list[int]]:
    """Orders to try: by size, by length of life, by time; each with ties and time in both directions.

    Backwards in time, an output lies low before its input is placed just above it.
    """
    numbers = range(len(buffers))
    for sign in (1, -1):
        yield sorted(numbers, key=lambda i: (-buffers[i].nbytes, sign * buffers[i].first))
        yield sorted(numbers, key=lambda i: (_length(buffers[i]), sign * buffers[i].first))
        yield sorted(numbers, key=lambda i: (sign * buffers[i].first, -buffers[i].nbytes))


def _of_orders(problem: _Problem, bound: _Cost) -> tuple[_Placement, list[int]]:
    """The best placement by one of the orders, and that order."""
    found = []
    for order in _orders(problem.buffers):
        found.append((_placed(problem, order), order))
        if found[-1][0].cost == bound:
            break
    return min(found, key=lambda pair: pair[0].cost)


def _placed(problem: _Problem, order: Sequence[int]) -> _Placement:
    offsets: dict[int, int] = {}
    for index in order:
        offsets[index] = _lowest(problem, offsets, ((index, 0),))
    return _placement(problem, offsets)


def _placement(problem: _Problem, offsets: dict[int, int]) -> _Placement:
    ends = (offset + problem.needs[i] for i, offset in offsets.items())
    copied = (
        shifts.copied
        for (source, output), shifts in problem.moves
        if source in offsets
        and output in offsets
        and offsets[source] - offsets[output] != shifts.at
    )
    return _Placement(offsets, (max(ends, default=0), sum(copied)))


# Buffers that are placed together: (number, where it begins in the group)
_Group = tuple[tuple[int, int], ...]


def _lowest(problem: _Problem, offsets: Mapping[int, int], group: _Group) -> int:
    """The lowest offset at which a group may begin, beside the placed buffers."""
    gaps = [
        (offsets[other] - inside, *problem.forbidden(index, other))
        for index, inside in group
        for other in problem.meeting[index]
        if other in offsets
    ]
    gaps.sort(
        key=lambda gap: gap[0] - gap[1]
    )  # from the lowest beginning on, one round mostly does
    offset, moved = 0, True
    while moved:
        before = offset
        for place, down, up, at in gaps:
            if -down < offset - place < up and offset - place != at:
                offset = _next(offset, place, up, at)
        moved = offset > before
    return offset


def _next(offset: int, place: int, up: int, at: int | None) -> int:
    """Where beside a placed buffer a group may begin above `offset`: at `at`, or beyond `up`."""
    if at is not None and place + at > offset and (place + at) % ALIGNMENT == 0:
        return place + at
    return aligned(place + up)


def _improved(
    problem: _Problem, order: Sequence[int], bound: _Cost, best: _Placement
) -> _Placement:
    """Two buffers of the order change places, any two in turn, as long as nothing gets worse by it."""
    swaps = itertools.cycle(itertools.combinations(range(len(order)), 2))
    for i, j in itertools.islice(swaps, min(_ROUNDS, _WORK // (problem.work + 1))):
        changed = list(order)
        changed[i], changed[j] = order[j], order[i]
        found = _placed(problem, changed)
        if found.cost <= best.cost:
            order, best = changed, found
        if best.cost == bound:
            break
    return best


def _search(problem: _Problem, bound: _Cost, best: _Placement) -> _Placement:
    """Branch and bound over orders of placements, starting from the plan `best`.

    Some order of lowest placements yields an optimal plan: its buffers from the lowest to the highest, those
    of a chain that lie on each other together. Moving one down never forbids the place of a higher one.
    """
    moves = _moves(problem)
    pending: list[dict[int, int]] = [{}]
    seen = set()
    while pending and best.cost > bound:
        offsets = pending.pop()
        for group in moves:
            if any(index in offsets for index, _ in group):
                continue
            offset = _lowest(problem, offsets, group)
            placed = {index: offset + inside for index, inside in group}
            grown = _placement(problem, {**offsets, **placed})
            key = frozenset(grown.offsets.items())
            if grown.cost >= best.cost or key in seen:
                continue
            seen.add(key)
            if len(grown.offsets) == len(problem.buffers):
                best = grown
            else:
                pending.append(grown.offsets)
    return best


def _moves(problem: _Problem) -> list[_Group]:
    """Every buffer, and every chain of buffers each of which may lie at one place on the one before."""
    follows = {
        source: (output, -shifts.at)
        for (source, output), shifts in problem.pairs.items()
        if shifts.at is not None and shifts.at % ALIGNMENT == 0
    }
    found = []
    for index in range(len(problem.buffers)):
        chain = [(index, 0)]
        found.append(_from_zero(chain))
        while chain[-1][0] in follows:
            following, above = follows[chain[-1][0]]
            chain.append((following, chain[-1][1] + above))
            found.append(_from_zero(chain))
    return found


def _from_zero(chain: Sequence[tuple[int, int]]) -> _Group:
    lowest = min(inside for _, inside in chain)
    return tuple((index, inside - lowest) for index, inside in chain)
