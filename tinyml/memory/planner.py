"""Offsets for buffers in one static arena.

Best-fit in order of size first; when that misses the lower bound and the graph is small, a search over
placement orders, which is optimal: some order of first-fit placements yields every optimal plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.memory.lifetimes import Buffer

ALIGNMENT = 8  # of every buffer: kernels may load words, and the ABI's largest type has 8 bytes
_SEARCH_LIMIT = 8  # buffers; 8! orders are 40,320, pruned to far fewer


@dataclass(frozen=True)
class Plan:
    """offsets[i] is where buffers[i] begins; arena_bytes is the end of the last."""

    buffers: tuple[Buffer, ...]
    offsets: tuple[int, ...]
    arena_bytes: int
    lower_bound: int


def aligned(nbytes: int) -> int:
    """`nbytes` rounded up to the alignment."""
    return (nbytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def lower_bound(buffers: Sequence[Buffer]) -> int:
    """The most bytes that are live at one position; no plan without overlaps needs fewer."""
    positions = {buffer.first for buffer in buffers}
    return max(
        (sum(aligned(b.nbytes) for b in buffers if b.first <= p < b.last) for p in positions),
        default=0,
    )


def plan(buffers: tuple[Buffer, ...]) -> Plan:
    """Place `buffers`; those that are live together never share a byte."""
    bound = lower_bound(buffers)
    orders = [
        sorted(range(len(buffers)), key=lambda i: (-buffers[i].nbytes, buffers[i].first)),
        sorted(
            range(len(buffers)),
            key=lambda i: (buffers[i].first - buffers[i].last, buffers[i].first),
        ),
        sorted(range(len(buffers)), key=lambda i: (buffers[i].first, -buffers[i].nbytes)),
    ]
    best = min((_placed(buffers, order) for order in orders), key=lambda found: found[0])
    if best[0] > bound and len(buffers) <= _SEARCH_LIMIT:
        best = _search(buffers, bound, best)
    return Plan(buffers, tuple(best[1][i] for i in range(len(buffers))), best[0], bound)


_Placement = tuple[int, dict[int, int]]  # arena bytes, offset by buffer


def _placed(buffers: tuple[Buffer, ...], order: Sequence[int]) -> _Placement:
    offsets: dict[int, int] = {}
    for index in order:
        offsets[index] = _lowest_gap(buffers, offsets, index)
    return _arena(buffers, offsets), offsets


def _lowest_gap(buffers: tuple[Buffer, ...], offsets: dict[int, int], index: int) -> int:
    """The lowest offset at which a buffer misses all placed ones that it meets in time."""
    need = aligned(buffers[index].nbytes)
    offset = 0
    meeting = [i for i in offsets if buffers[i].meets(buffers[index])]
    for other in sorted(meeting, key=lambda i: offsets[i]):
        if offset + need <= offsets[other]:
            break
        offset = max(offset, offsets[other] + aligned(buffers[other].nbytes))
    return offset


def _arena(buffers: tuple[Buffer, ...], offsets: dict[int, int]) -> int:
    return max((offsets[i] + aligned(buffers[i].nbytes) for i in offsets), default=0)


def _search(buffers: tuple[Buffer, ...], bound: int, best: _Placement) -> _Placement:
    """Branch and bound over placement orders, starting from the plan `best`."""
    pending: list[dict[int, int]] = [{}]
    while pending and best[0] > bound:
        offsets = pending.pop()
        for index in set(range(len(buffers))) - set(offsets):
            grown = {**offsets, index: _lowest_gap(buffers, offsets, index)}
            height = _arena(buffers, grown)
            if height >= best[0]:
                continue
            if len(grown) == len(buffers):
                best = (height, grown)
            else:
                pending.append(grown)
    return best
