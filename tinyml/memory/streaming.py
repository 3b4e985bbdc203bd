"""Finds the regions to compute row by row where the arena would otherwise be too high."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tinyml.graph.ir import Graph
from tinyml.kernels.choice import Layout, Span
from tinyml.memory import regions
from tinyml.memory.regions import Region
from tinyml.ops.base import Calls

_MOST_NODES = 40  # of a region; the search looks at every run of nodes up to this
_STEPS = (16, 8, 4, 3, 2)  # rows a turn; more are faster and need longer strips

Planned = Callable[[Sequence[Span]], Layout]


def build(graph: Graph, calls: Mapping[int, Calls], spans: Sequence[Span]) -> tuple[Region, ...]:
    """The regions of some spans, without those that the calls do not allow."""
    found = (regions.find(graph, calls, *span) for span in spans)
    return tuple(region for region in found if region is not None)


def everything(graph: Graph, calls: Mapping[int, Calls], rows: int) -> tuple[Span, ...]:
    """All nodes that can be computed row by row, in regions as long as possible."""
    found: list[Span] = []
    first, count = 0, len(graph.nodes)
    while first < count:
        ends = (
            end
            for end in range(min(count, first + _MOST_NODES), first + 1, -1)
            if regions.find(graph, calls, first, end, rows)
        )
        end = next(ends, None)
        if end is not None:
            found.append(Span(first, end, rows))
        first = first + 1 if end is None else end
    return tuple(found)


def search(
    graph: Graph, calls: Mapping[int, Calls], planned: Planned, limit: float
) -> tuple[Span, ...]:
    """Spans that bring the arena to `limit` bytes, or as low as possible.

    As long as it is too high, the span over a node at its peak that lowers it most is taken; then spans take
    as many rows a turn as leave it there.
    """
    taken: tuple[Span, ...] = ()
    layout = planned(taken)
    while layout.arena_bytes > limit:
        found = [
            (_with(taken, span), planned(_with(taken, span)))
            for span in _spans(graph, calls, layout.peak)
        ]
        lower = [pair for pair in found if _height(pair[1]) < _height(layout)]
        if not lower:
            break
        taken, layout = min(lower, key=lambda pair: (pair[1].arena_bytes, _nodes(pair[0])))
    return _widened(taken, planned, max(limit, layout.arena_bytes))


def _height(layout: Layout) -> tuple[int, int]:
    return layout.arena_bytes, len(layout.peak)


def _nodes(spans: Sequence[Span]) -> int:
    return sum(span.end - span.first for span in spans)


def _with(taken: Sequence[Span], span: Span) -> tuple[Span, ...]:
    """The spans with one more, in place of those that it meets."""
    kept = (s for s in taken if s.end <= span.first or span.end <= s.first)
    return tuple(sorted((*kept, span)))


def _spans(graph: Graph, calls: Mapping[int, Calls], peak: frozenset[int]) -> Iterator[Span]:
    """All spans over a node at the arena's peak that can be a region, one row a turn."""
    able = [regions.stage(graph, calls, index) is not None for index in range(len(graph.nodes))]
    for first in range(len(able)):
        for end in range(first + 1, min(len(able), first + _MOST_NODES) + 1):
            if not able[end - 1]:
                break
            at_peak = not peak.isdisjoint(range(first, end))
            if at_peak and regions.find(graph, calls, first, end, 1) is not None:
                yield Span(first, end, 1)


def _widened(taken: tuple[Span, ...], planned: Planned, limit: float) -> tuple[Span, ...]:
    """The spans with as many rows a turn as the limit allows."""
    for number, span in enumerate(taken):
        for rows in _STEPS:
            wider = (*taken[:number], span._replace(rows=rows), *taken[number + 1 :])
            if planned(wider).arena_bytes <= limit:
                taken = wider
                break
    return taken
