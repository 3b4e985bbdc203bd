"""Chooses a candidate for each node: the best plan within limits of flash and RAM.

The best has the least instructions * flash^thrift: a percent of flash is worth `thrift` percent of speed. It
is looked for among the choices that no other beats in both, for each set of kernels whose code one pays for.
The arena comes after: while it is too high, the node at its peak is changed that lowers it most, each
change judged by a real memory plan.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from tinyml import kernels, ops
from tinyml.graph.ir import Graph, NodeView
from tinyml.kernels import cmsis_nn, cost
from tinyml.kernels.base import GENERAL, Candidate, Options
from tinyml.ops.base import Calls, as_calls

_BALANCED_WEIGHTS = 1.25  # times what the general kernels take
_BALANCED_ARENA = 1.10
_SMALL_ARENA = 2048  # bytes more are allowed to models whose tenth is less
_THRIFT = {"speed": 0.0, "balanced": 0.5, "ram": 0.5, "size": 16.0}
_RAM_ARENA = 1.125  # times the least, for the sake of speed
_MOST_OPTIONAL = 10  # kernels that may be done without; all of their sets are looked at
_MOST_STATES = 500  # partial choices kept; beyond that the search is approximate


@dataclass(frozen=True)
class Layout:
    """The bytes of arena and states, and the nodes that execute where the arena is highest."""

    arena_bytes: int
    peak: frozenset[int]


class Span(NamedTuple):
    """Nodes [first, end) that are computed row by row, `rows` of the last one's at a time."""

    first: int
    end: int
    rows: int


@dataclass(frozen=True)
class _Limits:
    """Bytes; 0 asks for as few as possible. Within them, `thrift` is what flash is worth."""

    constants: float = math.inf
    flash: float = math.inf
    arena: float = math.inf
    thrift: float = 0.0

    def badness(self, instructions: int, flash: int) -> float:
        """What the best choice has least of."""
        return math.log(max(instructions, 1)) + self.thrift * math.log(max(flash, 1))


Choice = Mapping[int, Candidate]
Offers = Mapping[int, list[Candidate]]
_State = tuple[int, int, tuple[Candidate, ...]]
Spans = tuple[Span, ...]
Planned = Callable[[Mapping[int, Calls], Spans], Layout]
Streamed = Callable[[Mapping[int, Calls], float], Spans]


def choose(
    graph: Graph, options: Options, planned: Planned, streamed: Streamed
) -> tuple[Choice, Spans]:
    """A candidate for every node that has work to do, and what is computed row by row; a node without a
    candidate is a view.

    Args:
        graph: every node passed its rules.
        options: what the user asked for. Limits that cannot be reached are approached as far as possible.
        planned: lays out the arena for the calls of every node, some computed row by row.
        streamed: the nodes to compute row by row, so that the arena gets down to a limit.
    """
    offers = {view.index: found for view in graph.views() if (found := _offers(view, options))}
    limits = _limits(offers, options, planned)
    if options.streamed:
        chosen = _best(_banded(offers), limits)
        return chosen, streamed(_calls(chosen), 0)
    chosen = _fitted(_whole(offers), limits, planned)
    if options.optimize != "ram" and options.ram is None:
        return chosen, ()
    if planned(_calls(chosen), ()).arena_bytes <= limits.arena:
        return chosen, ()
    return min(
        (chosen, ()),
        _streamed(offers, limits, planned, streamed),
        key=lambda found: planned(_calls(found[0]), found[1]).arena_bytes,
    )


def _streamed(
    offers: Offers, limits: _Limits, planned: Planned, streamed: Streamed
) -> tuple[Choice, Spans]:
    """The choice when nodes may be computed row by row: only these need kernels that can."""
    banded = _banded(offers)
    spans = streamed(_calls(_best(banded, limits)), limits.arena)
    inside = {index for span in spans for index in range(span.first, span.end)}
    kept = {**_whole(offers), **{index: banded[index] for index in inside}}
    chosen = _lowered(_best(kept, limits), kept, limits, planned, spans)
    if limits.arena:
        return chosen, spans
    least = planned(_calls(chosen), spans).arena_bytes
    return _lowered(
        _best(kept, limits), kept, replace(limits, arena=_RAM_ARENA * least), planned, spans
    ), spans


def _whole(offers: Offers) -> Offers:
    """The candidates without those that are of use in regions alone."""
    return {index: [c for c in found if not _gathers(c)] for index, found in offers.items()}


def _banded(offers: Offers) -> Offers:
    """The candidates that can compute some rows, where there are any; best those that need to keep none."""
    banded = {
        index: [c for c in found if all(call.band for call in c.calls)] or found
        for index, found in offers.items()
    }
    return {index: [c for c in found if _gathers(c)] or found for index, found in banded.items()}


def _gathers(candidate: Candidate) -> bool:
    return any(call.band is not None and call.band.gathers for call in candidate.calls)


def _offers(node: NodeView, options: Options) -> list[Candidate]:
    """The candidates of a node, last the one that limits are relative to; [] for a view."""
    lowered = ops.find(node.node.operator).lower(node)
    if lowered is None:
        return []
    general = Candidate(GENERAL, as_calls(lowered), cost.general(node, options.core))
    if options.cmsis_nn is None:
        return _ours(node, options, general)
    arm = cmsis_nn.offer(node, options)
    if isinstance(arm, str):
        return [replace(ours, why=arm) for ours in _ours(node, options, general)]
    # Last, so that where Arm's kernels are the faster, a balanced plan is held against theirs.
    return [arm] if options.library == "cmsis-nn" else [*_ours(node, options, general), arm]


def _ours(node: NodeView, options: Options, general: Candidate) -> list[Candidate]:
    """The candidates that need no other library, the general one last."""
    has_room = options.optimize == "speed" or not (options.flash is None and options.ram is None)
    special = [
        candidate
        for specialisation in kernels.specialisations()
        if node.node.operator in specialisation.operators and options.library != GENERAL
        for candidate in specialisation.candidates(node, options.core)
        if has_room or not candidate.roomy
    ]
    return [*special, general]


def _limits(offers: Offers, options: Options, planned: Planned) -> _Limits:
    """The user's budgets; without any, what the mode stands for."""
    if options.flash is not None or options.ram is not None:
        return _Limits(
            flash=math.inf if options.flash is None else options.flash - cost.FIRMWARE_BYTES,
            arena=math.inf if options.ram is None else options.ram,
        )
    thrift = _THRIFT[options.optimize]
    if options.optimize in ("speed", "size"):
        return _Limits(thrift=thrift)
    general = {index: found[-1] for index, found in offers.items()}
    constants = _BALANCED_WEIGHTS * _constants(general)
    arena = 0.0
    if options.optimize == "balanced":
        least = planned(_calls(general), ()).arena_bytes
        arena = max(_BALANCED_ARENA * least, least + _SMALL_ARENA)
    return _Limits(constants=constants, arena=arena, thrift=thrift)


def _fitted(offers: Offers, limits: _Limits, planned: Planned) -> Choice:
    return _lowered(_best(offers, limits), offers, limits, planned)


def _best(offers: Offers, limits: _Limits) -> Choice:
    """The best choice within the limits of flash; if there is none, the one that takes the least."""
    sets = [(_smallest(kept), kept, code) for kept, code in _kernel_sets(offers)]
    # No choice of a set is better than its fastest candidates at the flash of its smallest.
    bounds = [
        limits.badness(
            sum(min(c.instructions for c in found) for found in kept.values()),
            _constants(smallest) + code,
        )
        for smallest, kept, code in sets
    ]
    best: Choice | None = None
    least = math.inf
    for number in sorted(range(len(sets)), key=lambda n: bounds[n]):
        if bounds[number] >= least:
            break
        _, kept, code = sets[number]
        for size, work, choice in _frontier(kept, min(limits.constants, limits.flash - code)):
            if limits.badness(work, size + code) < least:
                best, least = dict(zip(kept, choice)), limits.badness(work, size + code)
    return best or min((smallest for smallest, _, _ in sets), key=_flash)


def _kernel_sets(offers: Offers) -> Iterator[tuple[Offers, int]]:
    """What is left of the offers when some kernels are not to be used, and the code of those that may be."""
    used = {index: [_kernels(c) for c in found] for index, found in offers.items()}
    every = frozenset[str]().union(*(names for found in used.values() for names in found))
    needed = frozenset[str]().union(
        *(frozenset[str].intersection(*found) for found in used.values())
    )
    optional = sorted(every - needed, key=lambda name: (-cost.code_bytes(name), name))
    for count in range(min(len(optional), _MOST_OPTIONAL) + 1):
        for without in itertools.combinations(optional[:_MOST_OPTIONAL], count):
            kept = {
                index: [c for c in found if not _kernels(c) & set(without)]
                for index, found in offers.items()
            }
            if all(kept.values()):
                yield kept, sum(cost.code_bytes(name) for name in every - set(without))


def _frontier(offers: Offers, limit: float) -> list[_State]:
    """(constants, instructions, choice) of all choices within the limit that no other beats in both."""
    states: list[_State] = [(0, 0, ())]
    for found in offers.values():
        grown = [
            (size + c.constant_bytes, work + c.instructions, (*taken, c))
            for size, work, taken in states
            for c in found
        ]
        grown.sort(key=lambda state: state[:2])
        states = []
        for state in grown:
            if state[0] <= limit and (not states or state[1] < states[-1][1]):
                states.append(state)
        states = _thinned(states)
    return states


def _thinned(states: list[_State]) -> list[_State]:
    """At most about _MOST_STATES of them, the smallest and the fastest included."""
    step = 1 + len(states) // _MOST_STATES
    return states if step == 1 else [*states[:-1:step], states[-1]]


def _smallest(offers: Offers) -> Choice:
    """The candidates with the fewest constants, then instructions."""
    return {
        index: min(found, key=lambda c: (c.constant_bytes, c.instructions))
        for index, found in offers.items()
    }


def _lowered(
    chosen: Choice, offers: Offers, limits: _Limits, planned: Planned, spans: Spans = ()
) -> Choice:
    """The choice after changes of the nodes at the arena's peak that lower it, down to its limit."""

    def height(layout: Layout) -> tuple[float, int]:
        """Bytes above the limit, and how many nodes are to blame."""
        above = max(layout.arena_bytes - limits.arena, 0)
        return above, len(layout.peak) if above else 0

    layout = planned(_calls(chosen), spans)
    while height(layout)[0]:
        found = [
            (changed, planned(_calls(changed), spans))
            for changed in _changes(chosen, offers, layout.peak)
            if _constants(changed) <= limits.constants and _flash(changed) <= limits.flash
        ]
        lower = [pair for pair in found if height(pair[1]) < height(layout)]
        if not lower:
            break
        chosen, layout = min(lower, key=lambda pair: (height(pair[1]), _instructions(pair[0])))
    return chosen


def _changes(chosen: Choice, offers: Offers, nodes: frozenset[int]) -> Iterator[Choice]:
    """Choices that differ in one of the nodes."""
    for index in sorted(nodes & set(offers)):
        for candidate in offers[index]:
            if candidate is not chosen[index]:
                yield {**chosen, index: candidate}


def _kernels(candidate: Candidate) -> frozenset[str]:
    return frozenset(call.kernel for call in candidate.calls)


def _calls(chosen: Choice) -> Mapping[int, Calls]:
    return {index: candidate.calls for index, candidate in chosen.items()}


def _instructions(chosen: Choice) -> int:
    return sum(candidate.instructions for candidate in chosen.values())


def _constants(chosen: Choice) -> int:
    return sum(candidate.constant_bytes for candidate in chosen.values())


def _flash(chosen: Choice) -> int:
    used = frozenset[str]().union(*map(_kernels, chosen.values()))
    return _constants(chosen) + sum(cost.code_bytes(kernel) for kernel in used)
