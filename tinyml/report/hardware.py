"""What the page shows of the firmware, as plain values: comparison, numbers, flash, layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyml.report import charts, plain, text
from tinyml.report import firmware as projects
from tinyml.report.charts import Chart, Series
from tinyml.report.firmware import Firmware
from tinyml.report.plain import Number

_LARGEST = 15  # symbols that are shown at once


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
            "records": [s.name for s in (item.export, *item.validations, *item.benches) if s],
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


def flash(firmware: Sequence[Firmware]) -> list[dict[str, Any]]:
    """The functions and constants of each firmware, the largest first, and what is left of its flash."""
    found = [(item, _symbols(item.project)) for item in firmware]
    return [_flash(item, symbols) for item, symbols in found if symbols]


def _symbols(project: dict[str, Any]) -> list[tuple[str, str, int]]:
    """(name, kind, bytes) of each."""
    symbols = plain.listed(project, "symbols")
    found = [
        (plain.name(s) or "?", plain.text(s, "kind"), plain.count(s, "bytes")) for s in symbols
    ]
    kinds = ("code", "constant")
    return [(name, kind, size) for name, kind, size in found if kind in kinds and size]


def _flash(item: Firmware, symbols: Sequence[tuple[str, str, int]]) -> dict[str, Any]:
    total = plain.count(item.project, "flash_bytes", "total") or 0
    known = sum(size for _, _, size in symbols)
    lengths = charts.bars([size for _, _, size in symbols])
    rows = [
        {"name": name, "kind": kind, "bytes": size, "bar": bar, "share": size / max(total, known)}
        for (name, kind, size), bar in zip(symbols, lengths)
    ]
    return {
        "name": item.name,
        "total": max(total, known),
        "rows": rows[:_LARGEST],
        "others": rows[_LARGEST:],
        "others_bytes": sum(row["bytes"] for row in rows[_LARGEST:]),
        "rest": max(total - known, 0),
    }


def removed(firmware: Sequence[Firmware]) -> list[dict[str, Any]]:
    """What the passes took out of each firmware's model."""
    found = [(item, plain.listed(item.project, "passes")) for item in firmware]
    return [{"name": item.name, **_removed(item, passes)} for item, passes in found if passes]


def _removed(item: Firmware, passes: Sequence[Any]) -> dict[str, Any]:
    rows = [
        {
            "pass": plain.name(one) or "?",
            **{key: plain.number(one, key) for key in ("nodes", "channels", "macs")},
        }
        for one in passes
    ]
    rows = [row for row in rows if any((row["nodes"], row["channels"], row["macs"]))]
    saved = sum(plain.number(one, "macs") or 0 for one in passes)
    return {
        "rows": rows,
        "all": len(passes),
        "before": (plain.count(item.project, "macs") or 0) + saved,
    }


def layers(firmware: Sequence[Firmware]) -> list[dict[str, Any]]:
    """Work, weights and noise of every node of each firmware."""
    found = [(item, _nodes(item)) for item in firmware]
    return [
        {
            "name": item.name,
            "nodes": nodes,
            "work": _work(nodes),
            "noise": _noise(item, len(nodes)),
            **{
                key: any(node[key] is not None for node in nodes)
                for key in ("instructions", "sqnr")
            },
        }
        for item, nodes in found
        if nodes
    ]


def _nodes(item: Firmware) -> list[dict[str, Any]]:
    nodes = item.nodes
    macs = [plain.count(node, "macs") or 0 for node in nodes]
    weights = [plain.count(node, "weight_bytes") or 0 for node in nodes]
    instructions = item.instructions()
    noise = {number: value for number, value, _ in _sqnr(item)}
    return [
        {
            "operator": plain.text(node, "operator") or "?",
            "name": plain.name(node) or "",
            "kernel": plain.text(node, "kernel") or "",
            "shape": _shape(node),
            "macs": macs[i],
            "instructions": instructions[i],
            "rate": _rate(node, macs[i], instructions[i]),
            "sqnr": noise.get(i),
            "weights": weights[i],
            "weights_bar": bar,
        }
        for i, (node, bar) in enumerate(zip(nodes, charts.bars(weights)))
    ]


def _rate(node: Any, macs: int, instructions: int | None) -> float | None:
    """MACs an instruction; not of a region, whose instructions are counted as one."""
    in_region = plain.find(node, "region") is not None
    return macs / instructions if macs and instructions and not in_region else None


def _work(nodes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Two bars a node, MACs and instructions, in one scale."""
    highest = max(max(node["macs"], node["instructions"] or 0) for node in nodes)
    scale = charts.axis(0, highest)
    places = [charts.columns(i, len(nodes)) for i in range(len(nodes))]
    return {
        "ticks": charts.labelled(scale, text.short),
        "nodes": _node_ticks(len(nodes)),
        "bars": [
            {
                "left": left,
                "right": right,
                "width": width,
                "macs": scale.at(node["macs"]),
                "instructions": scale.at(node["instructions"] or 0),
                "text": _work_text(i, node),
            }
            for i, (node, (left, right, width)) in enumerate(zip(nodes, places))
        ],
    }


def _node_ticks(nodes: int) -> tuple[tuple[str, float], ...]:
    """Labels at the middle of the nodes' columns."""
    return tuple((str(n), charts.centre(n, nodes)) for n in charts.whole_ticks(nodes))


def _work_text(number: int, node: dict[str, Any]) -> str:
    parts = [f"{text.number(node['macs'])} MACs"]
    if node["instructions"] is not None:
        parts.append(f"{text.number(node['instructions'])} instructions")
    if node["rate"] is not None:
        parts.append(f"{node['rate']:.2f} MACs an instruction")
    return f"node {number} {node['operator']} {node['name']}: {', '.join(parts)}"


def _sqnr(item: Firmware) -> list[tuple[int, Number, str]]:
    """(node, decibels, what it is) after each layer that was compared in float."""
    found = []
    for row in item.compared_layers():
        number, value = plain.count(row, "node"), plain.number(row, "sqnr_db")
        if number is not None and value is not None and number < len(item.nodes):
            found.append((number, value, plain.text(row, "operator") or "?"))
    return found


def _noise(item: Firmware, nodes: int) -> Chart | None:
    """SQNR after each layer."""
    rows = sorted(_sqnr(item))
    if not rows:
        return None
    across = charts.Axis(-0.5, nodes - 0.5, ())  # as the columns above
    scale = charts.axis(min(0, *(value for _, value, _ in rows)), max(v for _, v, _ in rows))
    marks = tuple(
        charts.place(n, value, f"node {n} {operator}: {value:.1f} dB", across, scale)
        for n, value, operator in rows
    )
    return Chart(
        "node",
        "SQNR, dB",
        _node_ticks(nodes),
        charts.labelled(scale, text.short),
        (Series("SQNR", "", 0, marks),),
        f"Signal to quantization noise after each layer, {text.counted(len(marks), 'layer')}",
        "a layer",
    )


def _shape(node: Any) -> str:
    shapes = plain.find(node, "outputs")
    first = plain.counts({"": shapes[0]}, "") if isinstance(shapes, list) and shapes else []
    return " \N{MULTIPLICATION SIGN} ".join(str(size) for size in first[1:] or first)
