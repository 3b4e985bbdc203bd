"""What the page shows of the firmware, as plain values: comparison, numbers, memory map, layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tinyml.report import charts, plain
from tinyml.report import firmware as projects
from tinyml.report.firmware import Firmware

_MOST_BUFFERS = 1000  # drawn; the page stays below 5 MB
_MOST_NODES = 1000
_HUES = 5


def verdicts(firmware: Sequence[Firmware]) -> list[dict[str, Any]]:
    """The comparison of each firmware, with its name and the target it is for."""
    found = [(item, projects.comparison(item)) for item in firmware]
    return [{"name": item.name, **compared} for item, compared in found if compared]


def numbers(firmware: Sequence[Firmware]) -> list[dict[str, Any]]:
    """The numbers of each firmware, and what takes its flash."""
    return [
        {
            "name": item.name,
            "target": plain.text(item.project, "target"),
            "kernels": plain.text(item.project, "kernels"),
            "emulator": projects.comparison(item).get("emulator"),
            "flash": _flash_parts(item.measured),
            **projects.numbers(item),
        }
        for item in firmware
    ]


def _flash_parts(measured: Any) -> list[tuple[str, int, float]]:
    total = plain.count(measured, "flash_bytes", "total") or 0
    parts = ("weights", "code", "vectors")
    values = [(part, plain.count(measured, "flash_bytes", part) or 0) for part in parts]
    return list(charts.stacked(values, total))


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


def _buffers(project: dict[str, Any]) -> list[_Buffer]:
    """The buffers whose numbers make sense; the others are not drawn."""
    listed = project.get("arena")
    found = [_buffer(item) for item in listed[:_MOST_BUFFERS]] if isinstance(listed, list) else []
    return [buffer for buffer in found if buffer is not None]


def _buffer(item: Any) -> _Buffer | None:
    values = [plain.count(item, key) for key in ("offset", "bytes", "first", "last")]
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values) or not numbers[1] or numbers[2] >= numbers[3]:
        return None
    name = plain.text(item, "name") or "unnamed"
    return _Buffer(name, plain.find(item, "scratch") is True, *numbers)


def _map(item: Firmware, buffers: Sequence[_Buffer]) -> dict[str, Any]:
    positions = max(b.last for b in buffers)
    high = max(b.offset + b.bytes for b in buffers)
    scale = charts.axis(0, high, top=high)
    nodes = len(_listed_nodes(item.project)) or positions
    peak_bytes, peak = _peak(buffers, positions)
    return {
        "name": item.name,
        "arena": max(plain.count(item.project, "ram_bytes", "arena") or 0, high),
        "lower_bound": plain.count(item.project, "arena_lower_bound"),
        "axis": scale,
        "positions": positions,
        "nodes": nodes,
        "ticks": _ticks(positions, nodes),
        "peak": {"position": peak, "bytes": peak_bytes},
        "buffers": [
            (b, hue, charts.block(b.first, b.last, b.offset, b.bytes, positions, scale))
            for b, hue in zip(buffers, _hues(buffers))
        ],
    }


def _ticks(positions: int, nodes: int) -> list[tuple[Any, float]]:
    """(node, place) of the labels; after the last node comes "end", where only outputs are needed."""
    has_end = positions > nodes
    room = positions / charts.MOST_TICKS if has_end else 0  # that "end" needs to its left
    shown = [p for p in charts.whole_ticks(nodes) if nodes - p >= room]
    ticks: list[tuple[Any, float]] = [(p, charts.centre(p, positions)) for p in shown]
    return ticks + [("end", charts.centre(nodes, positions))] * has_end


def _peak(buffers: Sequence[_Buffer], positions: int) -> tuple[int, int]:
    """The most bytes in use at one node, and the first such node."""
    live = [sum(b.bytes for b in buffers if b.first <= p < b.last) for p in range(positions)]
    return max(live), live.index(max(live))


def _hues(buffers: Sequence[_Buffer]) -> Iterator[int]:
    """Colours by turns, so that buffers made one after the other differ; scratch takes no turn."""
    turn = 0
    for buffer in buffers:
        yield turn % _HUES
        turn += not buffer.scratch


def _listed_nodes(project: dict[str, Any]) -> list[Any]:
    listed = project.get("nodes")
    return listed[:_MOST_NODES] if isinstance(listed, list) else []


def layers(firmware: Sequence[Firmware]) -> list[dict[str, Any]]:
    """MACs and weights of every node of each firmware."""
    found = [(item, _nodes(item.project)) for item in firmware]
    return [{"name": item.name, "nodes": nodes} for item, nodes in found if nodes]


def _nodes(project: dict[str, Any]) -> list[dict[str, Any]]:
    nodes = _listed_nodes(project)
    macs = [plain.count(node, "macs") or 0 for node in nodes]
    weights = [plain.count(node, "weight_bytes") or 0 for node in nodes]
    sizes = zip(nodes, macs, charts.bars(macs), weights, charts.bars(weights))
    return [
        {
            "operator": plain.text(node, "operator") or "?",
            "name": plain.text(node, "name") or "",
            "kernel": plain.text(node, "kernel") or "",
            "shape": _shape(node),
            "macs": mac,
            "macs_bar": mac_bar,
            "weights": weight,
            "weights_bar": weight_bar,
        }
        for node, mac, mac_bar, weight, weight_bar in sizes
    ]


def _shape(node: Any) -> str:
    shapes = plain.find(node, "outputs")
    first = plain.counts({"": shapes[0]}, "") if isinstance(shapes, list) and shapes else []
    return " \N{MULTIPLICATION SIGN} ".join(str(size) for size in first[1:] or first)
