"""The memory map: which bytes of the arena hold what, node by node, as plain values.

Where a node writes its output over an input that it reads last, both have the same bytes during that node:
a slanted edge parts them, along which the output rises over the input, byte after byte, as time goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tinyml.report import charts, plain
from tinyml.report.firmware import Firmware

_HUES = 5


def memory(firmware: Sequence[Firmware]) -> list[dict[str, Any]]:
    """The memory map of each firmware whose project says where its buffers lie."""
    found = [(item, _buffers(item.project)) for item in firmware]
    return [_map(item, buffers) for item, buffers in found if buffers]


@dataclass(frozen=True)
class _Buffer:
    """A buffer of the arena, needed at nodes first <= n < last."""

    name: str
    scratch: bool
    offset: int
    bytes: int
    first: int
    last: int

    @property
    def end(self) -> int:
        """One past its last byte."""
        return self.offset + self.bytes


def _buffers(project: dict[str, Any]) -> list[_Buffer]:
    """The buffers whose numbers make sense; the others are not drawn."""
    found = [_buffer(item) for item in plain.listed(project, "arena")]
    return [buffer for buffer in found if buffer is not None]


def _buffer(item: Any) -> _Buffer | None:
    values = [plain.count(item, key) for key in ("offset", "bytes", "first", "last")]
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values) or not numbers[1] or numbers[2] >= numbers[3]:
        return None
    name = plain.name(item) or "unnamed"
    return _Buffer(name, plain.find(item, "scratch") is True, *numbers)


def _map(item: Firmware, buffers: Sequence[_Buffer]) -> dict[str, Any]:
    positions = max(b.last for b in buffers)
    high = max(b.end for b in buffers)
    scale = charts.axis(0, high, top=high)
    nodes = len(item.nodes) or positions
    peak_bytes, peak = _peak(buffers)
    return {
        "name": item.name,
        "arena": max(plain.count(item.project, "ram_bytes", "arena") or 0, high),
        "lower_bound": plain.count(item.project, "arena_lower_bound"),
        "axis": scale,
        "high": high,
        "positions": positions,
        "nodes": nodes,
        "ticks": _ticks(positions, nodes),
        "peak": {"position": peak, "bytes": peak_bytes},
        "buffers": list(_drawn(buffers, positions, scale)),
    }


def _drawn(
    buffers: Sequence[_Buffer], positions: int, scale: charts.Axis
) -> Iterator[tuple[_Buffer, int, str, int]]:
    """(buffer, colour, outline, bytes that it takes over from inputs) of each."""
    inputs = _inputs(buffers)
    outputs = {i: output for output, shared in inputs.items() for i in shared}
    for index, (buffer, hue) in enumerate(zip(buffers, _hues(buffers))):
        over = [_shared(buffer, buffers[i]) for i in inputs[index]]
        under = [_shared(buffer, buffers[outputs[index]])] if index in outputs else []
        block = charts.block(
            buffer.first, buffer.last, buffer.offset, buffer.bytes, positions, scale
        )
        outline = charts.outline(block, over, under, positions, scale)
        yield buffer, hue, outline, sum(high - low for low, high in over)


def _inputs(buffers: Sequence[_Buffer]) -> Mapping[int, list[int]]:
    """For each buffer those that are read last by the node that writes it, and share bytes with it."""
    dying: dict[int, list[int]] = {}
    for index, buffer in enumerate(buffers):
        dying.setdefault(buffer.last, []).append(index)
    return {
        index: [i for i in dying.get(buffer.first + 1, []) if _replaces(buffer, buffers[i])]
        for index, buffer in enumerate(buffers)
    }


def _replaces(output: _Buffer, source: _Buffer) -> bool:
    low, high = _shared(output, source)
    return source.last < output.last and low < high


def _shared(a: _Buffer, b: _Buffer) -> tuple[int, int]:
    """The bytes of both: from, and to one past the last; the other way round when there are none."""
    return max(a.offset, b.offset), min(a.end, b.end)


def _ticks(positions: int, nodes: int) -> list[tuple[Any, float]]:
    """(node, place) of the labels; after the last node comes "end", where only outputs are needed."""
    has_end = positions > nodes
    room = positions / charts.MOST_TICKS if has_end else 0  # that "end" needs to its left
    shown = [p for p in charts.whole_ticks(nodes) if nodes - p >= room]
    ticks: list[tuple[Any, float]] = [(p, charts.centre(p, positions)) for p in shown]
    return ticks + [("end", charts.centre(nodes, positions))] * has_end


def _peak(buffers: Sequence[_Buffer]) -> tuple[int, int]:
    """The most bytes in use at one node, and the first such node."""
    firsts = sorted({buffer.first for buffer in buffers})
    used = [_used([b for b in buffers if b.first <= node < b.last]) for node in firsts]
    return max(used), firsts[used.index(max(used))]


def _used(buffers: Sequence[_Buffer]) -> int:
    """The bytes of all, those of several once."""
    count, covered = 0, 0  # all bytes below `covered` are counted
    for buffer in sorted(buffers, key=lambda b: b.offset):
        count += max(buffer.end - max(buffer.offset, covered), 0)
        covered = max(covered, buffer.end)
    return count


def _hues(buffers: Sequence[_Buffer]) -> Iterator[int]:
    """Colours by turns, so that buffers made one after the other differ; scratch takes no turn."""
    turn = 0
    for buffer in buffers:
        yield turn % _HUES
        turn += not buffer.scratch
