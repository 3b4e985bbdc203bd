"""An independent check of a memory plan: the program is replayed byte by byte.

It shares no lifetime and no distance with the planner. Every byte of the arena remembers which tensor
wrote it; a node that finds a foreign byte in what it reads is an error. So is one that writes over its
input, unless its kernel's schedule says for each of the bytes that no later step reads it.
States have no place in the arena, and no two share a byte of their own block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinyml.graph.ir import ABSENT, Graph
from tinyml.memory.lifetimes import reads
from tinyml.memory.planner import ALIGNMENT, Plan
from tinyml.memory.regions import Region
from tinyml.memory.replay import SCRATCH, PlanError, Replay
from tinyml.memory.state import StatePlan
from tinyml.ops.base import Calls, in_place, moves, overlaps

_NOBODY = -1


def check(
    graph: Graph, calls: Mapping[int, Calls], plan: Plan, regions: Sequence[Region] = ()
) -> None:
    """Replay the graph over the plan.

    Raises:
        PlanError: a value is overwritten before its last reader, or a buffer leaves the arena.
    """
    strips = {s.output for r in regions for s in r.stages if s.output not in r.whole}
    spans = {t: _span(graph, plan, plan.places, t) for t in plan.places if t not in strips}
    owner = np.full(plan.arena_bytes, _NOBODY, np.int64)
    # Whose bytes a tensor has: its own, its input's, or (an array) several's.
    value: dict[int, Any] = {tensor: tensor for tensor in graph.inputs}
    for tensor in graph.inputs:
        owner[spans[tensor]] = tensor
    inside = {stage.node: region for region in regions for stage in region.stages}
    for index in range(len(graph.nodes)):
        if index not in inside:
            _execute(graph, calls, plan, spans, index, owner, value)
        elif index == inside[index].first:
            _replay(graph, inside[index], plan, owner, value)
    for tensor in graph.outputs:
        _must_hold(graph, owner[spans[tensor]] == value[tensor], tensor, len(graph.nodes))


def _execute(
    graph: Graph,
    calls: Mapping[int, Calls],
    plan: Plan,
    spans: Mapping[int, slice],
    index: int,
    owner: np.ndarray,
    value: dict[int, Any],
) -> None:
    """Execute a node."""
    node = graph.nodes[index]
    for tensor in reads(graph, index):
        _must_hold(graph, owner[spans[tensor]] == value[tensor], tensor, index)
    if index not in calls:
        _check_view(graph, spans, index)
        value[node.outputs[0]] = value[node.inputs[0]]
        return
    value.update(_made(graph, calls[index], spans, index, value))
    _check_writes(graph, calls[index], spans, index)
    for buffer, offset in zip(plan.buffers, plan.offsets):
        if buffer.scratch_of == index:
            scratch = slice(offset, offset + buffer.nbytes)
            _check_scratch(graph, spans, index, scratch, plan.arena_bytes)
            owner[scratch] = SCRATCH
    for output in node.outputs:
        owner[spans[output]] = value[output]
    for output in node.outputs:
        _must_hold(graph, owner[spans[output]] == value[output], output, index + 1)


def _replay(
    graph: Graph, region: Region, plan: Plan, owner: np.ndarray, value: dict[int, Any]
) -> None:
    """Execute a region, after which its whole outputs are there."""
    Replay(graph, region, plan, owner, value).run()
    for tensor in sorted(region.whole):
        value[tensor] = tensor
        begin = plan.places[tensor]
        intact = owner[begin : begin + graph.tensors[tensor].nbytes] == tensor
        _must_hold(graph, intact, tensor, region.end)


def check_states(graph: Graph, plan: Plan, states: StatePlan) -> None:
    """Check that nothing but its own operators can write a state.

    Raises:
        PlanError: a state is in the arena, has no place, or shares one.
    """
    in_arena = {tensor for buffer in plan.buffers for tensor in buffer.tensors}
    owner = np.full(states.nbytes, _NOBODY, np.int64)
    inputs = {i for node in graph.nodes for i in node.inputs if i != ABSENT}
    for tensor in sorted(i for i in inputs if graph.tensors[i].is_state):
        name = f"state {graph.tensors[tensor].name}"
        if tensor in in_arena or tensor not in states.offsets:
            raise PlanError(f"{name} is not in the block of states")
        start, end = states.offsets[tensor], states.offsets[tensor] + graph.tensors[tensor].nbytes
        if start < 0 or end > states.nbytes or start % ALIGNMENT:
            raise PlanError(f"{name} lies outside the block of states or between words")
        if (owner[start:end] != _NOBODY).any():
            raise PlanError(f"{name} shares memory with another")
        owner[start:end] = tensor


def _span(graph: Graph, plan: Plan, place: Mapping[int, int], tensor: int) -> slice:
    end = place[tensor] + graph.tensors[tensor].nbytes
    if place[tensor] < 0 or end > plan.arena_bytes:
        raise PlanError(f"tensor {graph.tensors[tensor].name} lies outside the arena")
    return slice(place[tensor], end)


def _must_hold(graph: Graph, intact: np.ndarray, tensor: int, index: int) -> None:
    if not intact.all():
        raise PlanError(
            f"tensor {graph.tensors[tensor].name} is overwritten before node {index} reads it"
        )


def _check_view(graph: Graph, spans: Mapping[int, slice], index: int) -> None:
    node = graph.nodes[index]
    if spans[node.outputs[0]] != spans[node.inputs[0]]:
        raise PlanError(f"view {node.name} does not lie on its input")


def _overlap(a: slice, b: slice) -> bool:
    return bool(a.start < b.stop and b.start < a.stop)


def _check_writes(graph: Graph, calls: Calls, spans: Mapping[int, slice], index: int) -> None:
    """Of the outputs only the first may lie on an input, where the kernel is done with that."""
    node = graph.nodes[index]
    for position, tensor in enumerate(node.inputs):
        for number, output in enumerate(node.outputs):
            if tensor not in spans or not _overlap(spans[tensor], spans[output]):
                continue
            if _stays(calls, position, number, spans[tensor], spans[output]):
                continue
            if number or not _in_time(calls, position, spans[tensor], spans[output]):
                name = graph.tensors[tensor].name
                raise PlanError(f"node {index} writes over its own input {name}")


def _made(
    graph: Graph, calls: Calls, spans: Mapping[int, slice], index: int, value: Mapping[int, Any]
) -> dict[int, Any]:
    """The values of a node's outputs: what is only copied to where it is remains its input's."""
    node = graph.nodes[index]
    found: dict[int, Any] = {output: output for output in node.outputs}
    for position, tensor in enumerate(node.inputs):
        for number, output in enumerate(node.outputs):
            move = moves(calls, position, number)
            if tensor not in spans or not move:
                continue
            if _stays(calls, position, number, spans[tensor], spans[output]):
                whole = np.broadcast_to(value[tensor], _length(spans[tensor]))
                made = np.broadcast_to(found[output], _length(spans[output])).copy()
                part = whole[move.source : move.source + move.nbytes]
                made[move.target : move.target + move.nbytes] = part
                found[output] = made
    return found


def _stays(calls: Calls, position: int, number: int, source: slice, target: slice) -> bool:
    """True when the bytes that input and output share are exactly those that are copied to where they are."""
    move = moves(calls, position, number)
    if move is None:
        return False
    begin = source.start + move.source
    shared = (max(source.start, target.start), min(source.stop, target.stop))
    return begin == target.start + move.target and shared == (begin, begin + move.nbytes)


def _in_time(calls: Calls, position: int, source: slice, target: slice) -> bool:
    """True when no shared byte is written before the last step that reads it as input `position`."""
    if position in in_place(calls) and source == target:
        return True
    for claim in overlaps(calls):
        if claim.input == position:
            last_read, first_write = claim.schedule()
            if len(last_read) != _length(source) or len(first_write) != _length(target):
                raise PlanError(f"the schedule of input {position} has another size")
            start, stop = max(source.start, target.start), min(source.stop, target.stop)
            read = last_read[start - source.start : stop - source.start]
            written = first_write[start - target.start : stop - target.start]
            return bool((written >= read).all())
    return False


def _length(span: slice) -> int:
    return int(span.stop - span.start)


def _check_scratch(
    graph: Graph, spans: Mapping[int, slice], index: int, span: slice, arena_bytes: int
) -> None:
    if span.start < 0 or span.stop > arena_bytes:
        raise PlanError(f"scratch of node {index} lies outside the arena")
    for tensor in (*reads(graph, index), *graph.nodes[index].outputs):
        if _overlap(spans[tensor], span):
            raise PlanError(f"scratch of node {index} lies on {graph.tensors[tensor].name}")
