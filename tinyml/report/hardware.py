"""What the page shows of the firmware, as plain values: comparison, numbers, layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyml.report import charts, plain
from tinyml.report import firmware as projects
from tinyml.report.firmware import Firmware


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


def layers(firmware: Sequence[Firmware]) -> list[dict[str, Any]]:
    """MACs and weights of every node of each firmware."""
    found = [(item, _nodes(item.project)) for item in firmware]
    return [{"name": item.name, "nodes": nodes} for item, nodes in found if nodes]


def _nodes(project: dict[str, Any]) -> list[dict[str, Any]]:
    nodes = projects.listed(project, "nodes")
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
