"""What calibrates int8, from records/calibration-*.json: parts of tables.md and of docs, a plot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from markdown_table import table

HERE = Path(__file__).resolve().parent
DATA_SETS = {
    "digits": "digits",
    "mnist": "MNIST",
    "fashion": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
}
COLUMNS = (
    *("ranges from", "accuracy, %", "agreement, %", "SNR, dB"),
    *("range error", "too small", "too large"),
)
FLOAT = "the float network"
NETWORKS = ("ordinary", "fragile")
LOOKS = {
    "deepinversion": ("tab:blue", "-"),
    "activation": ("tab:green", "-"),
    "fast": ("tab:cyan", "-"),
    "noise": ("tab:red", "--"),
    "uniform": ("tab:orange", "--"),
}
Row = dict[str, Any]


def section() -> str:
    """A part of tables.md."""
    parts = [
        "## Calibration\n",
        "By `calibration.py`: int8 programs by where their activation ranges came from, against the\n"
        "float network. Means and standard deviations over the seeds, which draw samples, dreams and\n"
        "noise; the networks are the same. Range errors in octaves against ranges from real samples:\n"
        "the mean of their sizes over the tensors, and the largest in either direction. A fragile\n"
        "network is the same function as the ordinary one, built to break calibration on noise; how,\n"
        "says `calibration.py`. In the plot are its tensors, in the order of execution.\n",
        "![range errors](calibration-ranges.png)\n",
    ]
    for name, record in _records():
        for network in NETWORKS:
            groups = _groups(record, network)
            text = table(COLUMNS, [[source, *_cells(own)] for source, own in groups.items()])
            parts.append(f"### {DATA_SETS[name]}, {network}: {_facts(record, groups)}\n\n{text}")
    return "\n".join(parts)


def accuracy() -> str:
    """The table of docs/what-to-use-when.md: test accuracy of ordinary / fragile networks."""
    columns, found = ["ranges from"], {FLOAT: []}
    for name, record in _records():
        columns.append(DATA_SETS[name])
        found[FLOAT].append(f"{100 * record['accuracy_float']:.1f}")
        for source in _groups(record, "ordinary"):
            means = [_mean(_groups(record, network)[source], "accuracy") for network in NETWORKS]
            found.setdefault(source, []).append(" / ".join(f"{100 * x:.1f}" for x in means))
    return table(columns, [[source, *cells] for source, cells in found.items()])


def plot() -> None:
    """Each tensor's range error, mean and extremes over the seeds, in the fragile networks."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(13, 9), sharey=True, layout="constrained")
    for axis, (name, record) in zip(axes.flat, _records()):
        for source, rows in _groups(record, "fragile").items():
            _draw(axis, source, [row["octaves"] for row in rows])
        axis.set(title=DATA_SETS[name], ylabel="range against real data's, octaves")
        axis.tick_params(axis="x", rotation=90, labelsize="x-small")
        axis.grid(alpha=0.3)
    axes[0, 0].legend(fontsize="small")
    figure.savefig(HERE / "calibration-ranges.png", dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _draw(axis: Any, source: str, octaves: list[dict[str, float]]) -> None:
    if source == "real":
        axis.axhline(0, color="black", linewidth=1, label="real")
        return
    color, style = LOOKS[source]
    names = list(octaves[0])
    values = [[of[name] for of in octaves] for name in names]
    axis.plot(names, [fmean(x) for x in values], style, color=color, marker=".", label=source)
    axis.fill_between(names, *zip(*((min(x), max(x)) for x in values)), color=color, alpha=0.15)


def _records() -> Iterator[tuple[str, Any]]:
    for name in DATA_SETS:
        path = HERE / "records" / f"calibration-{name}.json"
        if path.exists():
            yield name, json.loads(path.read_text(encoding="utf-8"))


def _groups(record: Any, network: str) -> dict[str, list[Row]]:
    """The rows of a network, by where its ranges came from."""
    groups: dict[str, list[Row]] = {}
    for row in record["rows"]:
        if row["network"] == network:
            groups.setdefault(row["calibration"], []).append(row)
    return groups


def _facts(record: Any, groups: dict[str, list[Row]]) -> str:
    return (
        f"float {100 * record['accuracy_float']:.1f} % on {record['judged']:,} of the "
        f"{record['split']} split, {len(groups['real'])} seeds"
    )


def _cells(rows: list[Row]) -> list[str]:
    return [
        f"{100 * _mean(rows, 'accuracy'):.2f} ± {100 * stdev(row['accuracy'] for row in rows):.2f}",
        f"{100 * _mean(rows, 'agreement'):.2f}",
        f"{_mean(rows, 'logit_snr_db'):.1f} ± {stdev(row['logit_snr_db'] for row in rows):.1f}",
        f"{_mean(rows, 'range_error_mean'):.2f}",
        f"{max(0.0, _mean(rows, 'range_too_small')):.2f}",
        f"{max(0.0, _mean(rows, 'range_too_large')):.2f}",
    ]


def _mean(rows: list[Row], key: str) -> float:
    return fmean(row[key] for row in rows)
