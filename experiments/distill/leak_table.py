"""What metadata leaks, from records/leak-*.json: parts of tables.md and of docs/metadata.md."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

from markdown_table import table

RECORDS = Path(__file__).resolve().parent / "records"
DATA_SETS = {"digits": "digits", "mnist": "MNIST", "fashion": "Fashion-MNIST"}


def section() -> str:
    """A part of tables.md."""
    return (
        "## What the metadata leaks\n\n"
        "By `leak.py`, means over three seeds: share of the centroids whose nearest activation is a "
        "member's\n(chance 50 %), AUC by distance, the better AUC of those by components (chance 0.5). "
        "`-`: too few samples.\n\n" + leak()
    )


def leak() -> str:
    """What attackers learn from metadata, by setting and data set; means over the seeds."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name in reversed(DATA_SETS):  # the smallest set, which has not all settings, last
        text = (RECORDS / f"leak-{name}.json").read_text(encoding="utf-8")
        for row in json.loads(text)["rows"]:
            found.setdefault(_setting(row), {}).setdefault(name, []).append(row)
    rows = [
        [text, *(_leaked(of.get(name, [])) for name in DATA_SETS)] for text, of in found.items()
    ]
    return table(["", *DATA_SETS.values()], rows)


def _setting(row: dict[str, Any]) -> str:
    limits, budget = row["limits"], row["budget"]
    components = f"{limits['components']} components"
    if budget:
        return f"epsilon {budget['epsilon']:g}, {components}"
    behind = limits.get("members_per_component", 1)
    if behind > 1:
        return f"the default: {limits['smallest_cluster']} or more, {behind} behind a component"
    if limits["clusters"] == 1:
        return f"a cluster a class, {components}"
    return f"{limits['smallest_cluster']} or more members, {components}"


def _leaked(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "-"
    near, distance = (fmean(row[key] for row in rows) for key in ("nearest", "distance"))
    best = fmean(max(row["subspace"], row["density"]) for row in rows)
    return f"{near:.0%}, {distance:.2f}, {best:.2f}"
