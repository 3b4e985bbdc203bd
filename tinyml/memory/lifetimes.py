"""Which buffers a graph needs, and when: half-open intervals [first, last) of node positions.

Position p is the execution of node p; the model's inputs live from position 0, its outputs until the
end. A view shares its input's buffer. Which buffers may share bytes at a node is in `sharing`.

A region executes its positions over and over: what it reads from elsewhere, makes whole, or keeps from turn
to turn is live at all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tinyml.graph.ir import ABSENT, Graph
from tinyml.memory.regions import Region, row_bytes
from tinyml.ops.base import Calls


@dataclass(frozen=True)
class Buffer:
    """Memory for one or more tensors (or a node's scratch), live at positions first <= p < last."""

    name: str
    nbytes: int
    first: int
    last: int
    tensors: tuple[int, ...] = ()
    scratch_of: int | None = None

    def meets(self, other: Buffer) -> bool:
        """True when both are live at some position."""
        return self.first < other.last and other.first < self.last


def buffers(
    graph: Graph, calls: Mapping[int, Calls], regions: Sequence[Region] = ()
) -> tuple[Buffer, ...]:
    """The buffers of a graph, in order of first use.

    Args:
        graph: the graph.
        calls: the kernel calls of every node that has any; a node without is a view.
        regions: of nodes that are computed row by row.
    """
    homes = _homes(graph, calls)
    groups: dict[int, list[int]] = {}
    for tensor, home in homes.items():
        groups.setdefault(home, []).append(tensor)
    found = [_buffer(graph, tensors) for tensors in groups.values()]
    for region in regions:
        found = [_in_region(graph, buffer, region) for buffer in found]
    found += _scratches(calls, regions)
    return tuple(sorted(found, key=lambda b: (b.first, b.last, b.name)))


def _in_region(graph: Graph, buffer: Buffer, region: Region) -> Buffer:
    """A buffer with what a region makes of it."""
    for tensor, strip in region.strips.items():
        if tensor in buffer.tensors:
            size = strip.rows * row_bytes(graph, tensor)
            named = replace(buffer, name=f"{strip.rows} rows of {buffer.name}", nbytes=size)
            return _throughout(named, region) if strip.kept else named
    used = {*region.sources, *region.whole}
    return _throughout(buffer, region) if used & set(buffer.tensors) else buffer


def _throughout(buffer: Buffer, region: Region) -> Buffer:
    """A buffer that is needed in every turn."""
    return replace(buffer, first=min(buffer.first, region.first), last=max(buffer.last, region.end))


def _scratches(calls: Mapping[int, Calls], regions: Sequence[Region]) -> list[Buffer]:
    """The kernels' working memory."""
    found = {
        index: _scratch(index, max((call.scratch_bytes for call in parts), default=0))
        for index, parts in calls.items()
    }
    for region in regions:
        for number, stage in enumerate(region.stages):
            scratch = _scratch(stage.node, region.scratch_bytes(number))
            found[stage.node] = _throughout(scratch, region) if stage.band.gathers else scratch
    return [buffer for buffer in found.values() if buffer.nbytes]


def _scratch(index: int, nbytes: int) -> Buffer:
    return Buffer(f"scratch of node {index}", nbytes, index, index + 1, (), index)


def _homes(graph: Graph, calls: Mapping[int, Calls]) -> dict[int, int]:
    """For each activation, the tensor whose buffer it lives in."""
    homes = {tensor: tensor for tensor in graph.inputs}
    for index, node in enumerate(graph.nodes):
        if index not in calls:
            homes[node.outputs[0]] = homes[node.inputs[0]]
            continue
        homes.update((output, output) for output in node.outputs)
    return homes


def last_use(graph: Graph, tensor: int) -> int:
    """One past the last position that reads `tensor`; one past the end for the model's outputs."""
    if tensor in graph.outputs:
        return len(graph.nodes) + 1
    uses = [i + 1 for i, node in enumerate(graph.nodes) if tensor in node.inputs]
    return max(uses, default=_first_use(graph, tensor) + 1)


def _first_use(graph: Graph, tensor: int) -> int:
    """The position that computes `tensor`; 0 for the model's inputs."""
    for index, node in enumerate(graph.nodes):
        if tensor in node.outputs:
            return index
    return 0


def _buffer(graph: Graph, tensors: Sequence[int]) -> Buffer:
    return Buffer(
        _name(graph, tensors),
        max(graph.tensors[t].nbytes for t in tensors),
        min(_first_use(graph, t) for t in tensors),
        max(last_use(graph, t) for t in tensors),
        tuple(tensors),
    )


def _name(graph: Graph, tensors: Sequence[int]) -> str:
    """The nodes that write a buffer, e.g. "node 3 CONV_2D, node 5 ADD"; converters' names say less."""
    writers = [
        f"node {index} {node.operator}"
        for index, node in enumerate(graph.nodes)
        if set(node.outputs) & set(tensors)
    ]
    return ", ".join(["input"] * any(t in graph.inputs for t in tensors) + writers)


def reads(graph: Graph, index: int) -> tuple[int, ...]:
    """The activations that node `index` reads; its states live elsewhere."""
    node = graph.nodes[index]
    return tuple(i for i in node.inputs if i != ABSENT and graph.tensors[i].is_activation)
