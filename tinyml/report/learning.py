"""What the page shows of the learning, as plain values: accuracies, dreams, federated runs."""

from __future__ import annotations

import base64
import json
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
_MOST_POINTS = 400  # of one curve
_MOST_CLIENTS = 40  # drawn; more say nothing to the eye


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


def by_class(links: Links) -> list[dict[str, Any]]:
    """Accuracy on each class of every network whose record has it."""
    found = [(step, plain.shares(step.metrics, "accuracy_by_class")) for step in links.steps]
    return [
        {"label": summary.label(step, links), "name": step.name, "shares": shares}
        for step, shares in found
        if shares
    ]


def dreams(links: Links) -> list[dict[str, Any]]:
    """Every directory of dreams: its contact sheet and what the teacher says of them."""
    left = _GALLERY_BYTES
    found = []
    for step in links.steps:
        if step.command != "distill dream":
            continue
        image = _png(step.path / "dreams.png", left)
        left -= len(image["data"]) if image else 0
        found.append(_dream(step, image))
    return found


def _dream(step: Step, image: dict[str, Any] | None) -> dict[str, Any]:
    labels = plain.counts(step.metrics, "teacher_labels")
    agreement = plain.shares(step.metrics, "agreement_by_class")
    methods = plain.find(step.settings, "methods")
    return {
        "name": step.name,
        "image": image,
        "methods": ", ".join(str(m) for m in methods) if isinstance(methods, list) else "",
        "count": plain.count(step.metrics, "dreams"),
        "agreement": plain.share(step.metrics, "agreement"),
        "seconds": plain.number(step.metrics, "synthesis_seconds"),
        "classes": [
            {"label": i, "count": n, "bar": bar, "agreement": (agreement + [None] * len(labels))[i]}
            for i, (n, bar) in enumerate(zip(labels, charts.bars(labels)))
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


def federated(links: Links) -> dict[str, Any] | None:
    """Every federated run's accuracy over the rounds, in one chart, and its clients' labels."""
    steps = [step for step in links.steps if step.command == "federate"]
    histories = [_history(step.path / "history.jsonl") for step in steps]
    last = max((points[-1][0] for points in histories if points), default=0)
    scale = charts.accuracy_axis([value for points in histories for _, value in points])
    runs = [
        {
            "label": summary.label(step, links),
            "name": step.name,
            "points": charts.curve(points, last, scale),
            "clients": _clients(step),
            **{key: plain.number(step.metrics, key) for key in _FEDERATED_NUMBERS},
        }
        for step, points in zip(steps, histories)
    ]
    ticks = [(p, 100 * p / max(last, 1)) for p in charts.whole_ticks(last + 1)]
    return {"runs": runs, "axis": scale, "ticks": ticks, "last": last} if runs else None


_FEDERATED_NUMBERS = (
    "accuracy_before",
    "accuracy_after",
    "emd_mean",
    "emd_mean_with_shared",
    "shared_samples",
    "rounds",
)


def _history(path: Path) -> list[tuple[int, float]]:
    """(round, accuracy on the test split) of the rounds that were measured, thinned when very many."""
    points = {}
    for line in path.read_text("utf-8", "replace").splitlines() if path.is_file() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        number, accuracy = plain.count(entry, "round"), plain.share(entry, "test_accuracy")
        if number is not None and accuracy is not None:
            points[number] = accuracy
    stride = len(points) // _MOST_POINTS + 1
    kept = sorted(points.items())
    return kept[::stride] + (kept[-1:] if (len(kept) - 1) % stride else [])


def _clients(step: Step) -> dict[str, Any] | None:
    """Samples of each class that each client trains on, its own and its part of the shared set."""
    try:
        partition = json.loads((step.path / "partition.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    own = plain.count_table(partition, "labels")
    shared = plain.count_table(partition, "labels_shared")
    if len(shared) != len(own) or (own and len(shared[0]) != len(own[0])):
        shared = [[0] * len(row) for row in own]
    rows = [[a + b for a, b in zip(*pair)] for pair in zip(own, shared)]
    most = max((n for row in rows for n in row), default=0)
    if not most:
        return None
    # a root, so that a few samples still show
    cells = [[(n, round((n / most) ** 0.5, 3)) for n in row] for row in rows[:_MOST_CLIENTS]]
    return {"rows": cells, "classes": len(rows[0]), "all": len(rows), "most": most}
