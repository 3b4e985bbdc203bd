"""What the page shows of the learning, as plain values: accuracies and dreams."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinyml.report import charts, plain, summary
from tinyml.report.links import Links
from tinyml.report.records import Step
from tinyml.report.summary import Row, Summary

_PNG = b"\x89PNG\r\n\x1a\n"
_GALLERY_BYTES = 2_000_000  # of images on a page that is to stay below 5 MB
_MOST_ROWS = 40  # of a contact sheet that get a label


def way(found: Summary) -> dict[str, Any] | None:
    """The rows of the table with the places of their accuracies, and the cards of the way."""
    known = [row.accuracy for row in found.rows if row.accuracy is not None]
    if not known:
        return None
    scale = charts.accuracy_axis(known)
    rows = [
        {"row": row, "at": None if row.accuracy is None else scale.at(row.accuracy)}
        for row in found.rows
    ]
    cards = _in_order([row for row in found.rows if row.on_way], found.way)
    return {"rows": rows, "axis": scale, "cards": cards}


def _in_order(rows: Sequence[Row], steps: Sequence[Step]) -> list[Row]:
    by_name = {row.name: row for row in rows}
    return [by_name[step.name] for step in steps if step.name in by_name]


def class_names(links: Links, count: int) -> list[str]:
    """What the classes are called, by the trained networks' records; their numbers when that is not clear."""
    named = {tuple(plain.texts(s.metrics, "classes")) for s in links.steps if s.command == "train"}
    fitting = [names for names in named if len(names) == count]
    return list(fitting[0]) if len(fitting) == 1 else [str(label) for label in range(count)]


def by_class(links: Links) -> dict[str, Any] | None:
    """Accuracy on each class of every network whose record has it."""
    found = [(step, plain.shares(step.metrics, "accuracy_by_class")) for step in links.steps]
    networks = [
        {"label": summary.label(step, links), "name": step.name, "shares": shares}
        for step, shares in found
        if shares
    ]
    classes = max((len(shares) for _, shares in found), default=0)
    return {"networks": networks, "classes": class_names(links, classes)} if networks else None


def dreams(links: Links) -> list[dict[str, Any]]:
    """Every directory of dreams: its contact sheet and what the teacher says of them."""
    left = _GALLERY_BYTES
    found = []
    for step in links.steps:
        if step.command != "distill dream":
            continue
        image = _png(step.path / "dreams.png", left)
        left -= len(image["data"]) if image else 0
        found.append(_dream(step, image, links))
    return found


def _dream(step: Step, image: dict[str, Any] | None, links: Links) -> dict[str, Any]:
    labels = plain.counts(step.metrics, "teacher_labels")
    names = class_names(links, len(labels))
    agreement = plain.shares(step.metrics, "agreement_by_class")
    methods = plain.texts(step.settings, "methods")
    return {
        "name": step.name,
        "image": image,
        "rows": names if image and len(names) <= _MOST_ROWS else [],
        "methods": plain.printable(", ".join(methods)),
        "count": plain.count(step.metrics, "dreams"),
        "agreement": plain.share(step.metrics, "agreement"),
        "seconds": plain.number(step.metrics, "synthesis_seconds"),
        "classes": [
            {"label": name, "count": n, "bar": bar, "agreement": agreed}
            for name, n, bar, agreed in zip(
                names, labels, charts.bars(labels), agreement + [None] * len(labels)
            )
        ],
    }


def _png(path: Path, most: int) -> dict[str, Any] | None:
    """A PNG as base64 with its size in pixels; None when it is none or larger than `most` in base64."""
    if not path.is_file() or path.stat().st_size * 4 // 3 > most:
        return None
    data = path.read_bytes()
    if data[:8] != _PNG or len(data) < 24:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return {"data": base64.b64encode(data).decode(), "width": width, "height": height}
