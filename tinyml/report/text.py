"""The table as text, and numbers as people read them."""

from __future__ import annotations

from rich.markup import escape

from tinyml import console
from tinyml.report import firmware as projects
from tinyml.report.firmware import Firmware
from tinyml.report.plain import Number
from tinyml.report.summary import Summary


def number(value: Number | None) -> str:
    """12345 -> 12,345; nothing for None."""
    if value is None:
        return ""
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:,.4g}"
        if value < 1000
        else f"{value:,.0f}"
    )


def short(value: Number) -> str:
    """For an axis: 2500 -> 2.5k, 40000000 -> 40M."""
    for unit, sign in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:g}{sign}"
    return f"{value:g}"


def percent(value: float | None) -> str:
    """0.98765 -> 98.77%; nothing for None."""
    return "" if value is None else f"{value:.2%}"


def rough_percent(value: float) -> str:
    """0.95 -> 95%; for an axis."""
    return f"{value * 100:.6g}%"


def counted(count: int, noun: str) -> str:
    """1 run, 2 runs."""
    return f"{number(count)} {noun}{'s' * (count != 1)}"


def size(value: Number | None) -> str:
    """38400 -> 38,400 bytes; nothing for None."""
    return "" if value is None else f"{number(value)} bytes"


def table(summary: Summary) -> str:
    """The one table of the way and its firmware."""
    rows = [
        [escape(row.label), percent(row.accuracy), number(row.parameters), size(row.bytes)]
        for row in summary.rows
    ]
    several = len(summary.firmware) > 1
    for item in summary.firmware:
        head = f"{item.name}: " if several else "  "
        rows += [[escape(head + label), "", "", value] for label, value in _firmware(item) if value]
    return console.table("", ["", "accuracy (test)", "parameters", "size or count"], rows)


def _firmware(item: Firmware) -> list[tuple[str, str]]:
    found, compared = projects.numbers(item), projects.comparison(item)
    parts = [
        f"{label} {number(found[key])}"
        for label, key in (("weights", "weight_bytes"), ("code", "code_bytes"))
        if found[key] is not None
    ]
    rows = [
        ("flash" + (f" ({', '.join(parts)})" if parts else ""), size(found["flash_bytes"])),
        ("weights in flash", size(found["weight_bytes"]) if not found["flash_bytes"] else ""),
        ("RAM", size(found["ram_bytes"])),
        ("arena in RAM", size(found["arena_bytes"])),
        ("stack", size(found["stack_bytes"])),
        ("instructions an inference", number(found["instructions"])),
        ("MACs an inference", number(found["macs"])),
    ]
    if compared:
        samples = f"{number(compared['samples'])} samples on {compared['emulator']}"
        rows.append(
            (
                f"output bytes compared with {compared['judge']}, {samples}",
                number(compared["bytes_compared"]),
            )
        )
        rows.append(("output bytes that differ", number(compared["bytes_different"])))
    return rows
