"""Markdown of the summary: all settings, what sharing gains, and which strategy wins where."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean
from typing import Any

Row = dict[str, Any]  # as `summary.summarise` makes them
_HEAD = ("partition", "EMD", "strategy", "shared", "E", "B", "rounds", "seeds", "accuracy", "paper")
_SAME = ("dataset", "model", "epochs", "batch", "rounds")  # what compared settings share


def tables(summary: list[Row]) -> str:
    """All tables; a setting that nothing is to be compared with stands in the first ones only."""
    text = [*_losses(summary), *_gains(summary), *_strategies(summary)]
    for dataset in dict.fromkeys(row["dataset"] for row in summary):
        rows = [_line(row) for row in summary if row["dataset"] == dataset]
        text += [f"### All settings: {dataset}\n", _table(_HEAD, rows)]
    return "\n".join(text) or "No records yet.\n"


def _line(row: Row) -> tuple[str, ...]:
    return (
        *(row["partition"], f"{row['emd']:.2f}", row["strategy"], _shared(row)),
        *(str(row[key]) for key in ("epochs", "batch", "rounds", "seeds")),
        _accuracy(row),
        "" if row["paper"] is None else f"{100 * row['paper']:.1f} %",
    )


def _losses(summary: list[Row]) -> list[str]:
    """Points that skew costs plain FedAvg against IID clients, beside the paper's."""
    text = []
    plain = [row for row in summary if row["strategy"] == "fedavg" and not row["share"]]
    for dataset in dict.fromkeys(row["dataset"] for row in plain):
        lines = []
        for group in _groups([row for row in plain if row["dataset"] == dataset]):
            even = [row for row in group if row["partition"] == "iid"]
            for row in sorted(group, key=lambda row: row["emd"]):
                if even and row is not even[0]:
                    lines.append(_lost(row, even[0]))
        if lines:
            head = ("partition", "EMD", "B", "rounds", "IID", "accuracy", "points lost", "paper")
            text += [f"### What skew costs: {dataset}\n", _table(head, lines)]
    return text


def _lost(row: Row, even: Row) -> tuple[str, ...]:
    paper = row["paper"] is not None and even["paper"] is not None
    means = _paired(even, row)
    return (
        *(row["partition"], f"{row['emd']:.2f}", str(row["batch"]), str(row["rounds"])),
        *(_accuracy(even), _accuracy(row)),
        f"{100 * (means[0] - means[1]):.1f}" if means else "",
        f"{100 * (even['paper'] - row['paper']):.1f}" if paper else "",
    )


def _gains(summary: list[Row]) -> list[str]:
    """Accuracy with a shared set; its gain relative to that of 5 % real samples, alpha 0.5."""
    text = []
    for group in _groups([row for row in summary if row["strategy"] == "fedavg"], "partition"):
        alone = [row for row in group if not row["share"]]
        real = [row for row in group if _is_real(row, 0.05, 0.5)]
        if not alone or not real:
            continue
        rows = [
            (
                _shared(row) or "nothing",
                str(row["seeds"]),
                _accuracy(row),
                _part(alone[0], row, real[0]) if row["share"] else "",
            )
            for row in sorted(group, key=lambda row: (row["source"] or "", row["share"]))
        ]
        first = group[0]
        title = f"### What sharing gains: {first['dataset']}, {first['partition']}, B = {first['batch']}"
        head = ("shared", "seeds", "accuracy", "gain, of that by 5 % real")
        text += [f"{title}\n", _table(head, rows)]
    return text


def _part(alone: Row, row: Row, real: Row) -> str:
    means = _paired(alone, row, real)
    return f"{100 * (means[1] - means[0]) / (means[2] - means[0]):.0f} %" if means else ""


def _paired(*rows: Row) -> list[float]:
    """Mean accuracies over the seeds that all of `rows` have; none where there is no such seed.

    A start and a partition of its own make a seed's accuracy high or low whatever is shared.
    """
    seeds = set.intersection(*(set(row["by_seed"]) for row in rows))
    return [fmean(row["by_seed"][seed] for seed in seeds) for row in rows] if seeds else []


def _strategies(summary: list[Row]) -> list[str]:
    """Strategies and shared sets against partitions, where more than one strategy was tried."""
    text = []
    known = [row for row in summary if not row["share"] or row["share_alpha"] == 0.5]
    known = [row for row in known if row["share"] in (0, 0.05)]
    for group in _groups(known):
        names = list(dict.fromkeys(_way(row) for row in group))
        if len({row["strategy"] for row in group}) < 2:
            continue
        compared = {row["partition"] for row in group if row["strategy"] != "fedavg"}
        columns = [
            name for name in dict.fromkeys(r["partition"] for r in group) if name in compared
        ]
        found = {(_way(row), row["partition"]): _accuracy(row) for row in group}
        rows = [(name, *(found.get((name, column), "-") for column in columns)) for name in names]
        first = group[0]
        title = f"### Which strategy wins where: {first['dataset']}, B = {first['batch']}"
        text += [f"{title}, {first['rounds']} rounds\n", _table(("", *columns), rows)]
    return text


def _groups(rows: list[Row], *more: str) -> Iterable[list[Row]]:
    """Rows that differ in nothing but what is compared."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in (*_SAME, *more)), []).append(row)
    return found.values()


def _way(row: Row) -> str:
    return f"fedavg, {_shared(row)}" if row["share"] else str(row["strategy"])


def _is_real(row: Row, share: float, alpha: float) -> bool:
    return (row["source"], row["share"], row["share_alpha"]) == ("real", share, alpha)


def _shared(row: Row) -> str:
    return (
        f"{100 * row['share']:g} % {row['source']}, alpha {row['share_alpha']}"
        if row["share"]
        else ""
    )


def _accuracy(row: Row) -> str:
    spread = "" if row["accuracy_sd"] is None else f" ± {100 * row['accuracy_sd']:.1f}"
    return f"{100 * row['accuracy_mean']:.1f} %{spread}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:], ""])
