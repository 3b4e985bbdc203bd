"""Renders summary.json, tables.md and the plots from records/: python summary.py.

A row is a student on one source of images, over all seeds that finished; its reference is the same
student with the same start, distilled on the real images. Nothing is selected: every record counts.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import calibration_table
import leak_table
import metadata_table
from run import HINTS

HERE = Path(__file__).resolve().parent
Line = dict[str, Any]
ORDER = (
    "real-labels",
    "real",
    "real-weak-hints",
    "real-answers",
    "activation",
    "deepinversion",
    "natural",
    "fast",
    "pooled",
    "pooled-weak-hints",
    "pooled-answers",
    "pooled-metadata",
    "other-data",
    "noise",
    "noise-weak-hints",
    "noise-answers",
    "uniform",
    "untrained",
)


def main() -> None:
    experiments = {
        path.stem: [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted((HERE / "records").glob("*.jsonl"), key=lambda path: path.stem)
    }
    rows = [row for name, lines in experiments.items() for row in experiment(name, lines)]
    teachers = {name: _teachers(lines) for name, lines in experiments.items()}
    (HERE / "summary.json").write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")
    parts = [
        tables(rows, teachers),
        metadata_table.section(experiments),
        calibration_table.section(),
        leak_table.section(),
    ]
    (HERE / "tables.md").write_text("\n".join(parts), encoding="utf-8")
    plots(rows)
    calibration_table.plot()


def experiment(name: str, lines: list[Line]) -> list[dict[str, Any]]:
    """The rows of one experiment, in the order of `ORDER`, random start first."""
    dreams = {line["output"]: line for line in lines if line["kind"] == "dreams"}
    groups: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in lines:
        if line["kind"] == "student":
            groups[line["init"], line["source"]].append(line)
    rows = []
    for (init, source), group in sorted(groups.items(), key=_rank):
        accuracy = [line["metrics"]["accuracy_test"] for line in group]
        real = "real" + next((ending for ending in HINTS if source.endswith(ending)), "")
        reference = _reference(groups.get((init, real), []), group)
        synthesis = [_synthesis(line, dreams) for line in group]
        rows.append(
            {
                "experiment": name,
                "dataset": name.partition("-")[0],
                "teacher": group[0]["teacher"],
                "student": group[0]["student"],
                "init": init,
                "method": method(source),
                "dreams": 0 if source in ("real-labels", "untrained") else _images(group),
                "seeds": len(group),
                "accuracy_mean": fmean(accuracy),
                "accuracy_sd": stdev(accuracy) if len(accuracy) > 1 else None,
                "accuracy_worst_class": fmean(
                    min(line["metrics"]["accuracy_by_class"]) for line in group
                ),
                "reference": reference,
                "ratio": fmean(accuracy) / reference if reference else None,
                "synthesis_seconds": fmean(wall for wall, _ in synthesis),
                "synthesis_cpu_seconds": fmean(cpu for _, cpu in synthesis),
                "training_seconds": fmean(
                    line["metrics"].get("training_seconds", line["wall_seconds"]) for line in group
                ),
            }
        )
    return rows


def _teachers(lines: list[Line]) -> list[float]:
    """Accuracy of each teacher, as training said; of one that came as a file, as its students say."""
    trained = [line["metrics"]["accuracy_test"] for line in lines if line["kind"] == "teacher"]
    measured = {line["metrics"].get("accuracy_test_teacher") for line in lines} - {None}
    return trained or sorted(measured)


def method(source: str) -> str:
    """Of a source of images: "fast" of "fast-250", which is `fast` with another number of dreams."""
    return re.sub(r"-\d+$", "", source)


def _reference(real: list[Line], group: list[Line]) -> float | None:
    """Mean accuracy of the student on real images, over the seeds that the group has."""
    seeds = {line["seed"] for line in group}
    found = [line["metrics"]["accuracy_test"] for line in real if line["seed"] in seeds]
    return fmean(found) if len(found) == len(seeds) else None


def _synthesis(line: Line, dreams: dict[str, Line]) -> tuple[float, float]:
    """Wall and CPU seconds that made the dreams of a student; none for images that were there."""
    words = line["arguments"]
    used = [dreams[b] for a, b in zip(words, words[1:]) if a == "--dreams" and b in dreams]
    wall = sum(one["metrics"]["synthesis_seconds"] for one in used)
    return wall, sum(one["cpu_seconds"] for one in used)


def _images(group: list[Line]) -> int:
    return int(group[0]["metrics"].get("dreams", 0))


def _rank(item: tuple[tuple[str, str], Any]) -> tuple[Any, ...]:
    (init, source), group = item
    return init, ORDER.index(method(source)), _images(group)


def tables(rows: list[dict[str, Any]], teachers: dict[str, list[float]]) -> str:
    """One Markdown table an experiment."""
    parts = ["# Distillation, from the records\n\nWritten by `summary.py`; do not edit.\n"]
    for name in dict.fromkeys(row["experiment"] for row in rows):
        own = [row for row in rows if row["experiment"] == name]
        parts.append(_table(name, own, teachers.get(name, [])))
    return "\n".join(parts)


def _table(name: str, rows: list[dict[str, Any]], teachers: list[float]) -> str:
    teacher = f" ({fmean(teachers):.2%})" if teachers else ""
    text = [
        f"## {name}: {rows[0]['teacher']}{teacher} to {rows[0]['student']}\n",
        "| start | taught on | images | seeds | test accuracy | worst class | ratio | synthesis, CPU s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        spread = f" ± {row['accuracy_sd'] * 100:.2f}" if row["accuracy_sd"] is not None else ""
        ratio = f"{row['ratio']:.3f}" if row["ratio"] else ""
        seconds = f"{row['synthesis_cpu_seconds']:.0f}" if row["synthesis_cpu_seconds"] else ""
        text.append(
            f"| {row['init']} | {row['method']} | {row['dreams'] or ''} | {row['seeds']} "
            f"| {row['accuracy_mean'] * 100:.2f}{spread} | {row['accuracy_worst_class'] * 100:.1f} "
            f"| {ratio} | {seconds} |"
        )
    return "\n".join(text) + "\n"


def plots(rows: list[dict[str, Any]]) -> None:
    """Accuracy against the number of dreams and the seconds that they took, where methods compare.

    Left out are noise, and what was learnt otherwise than beside it, with weaker hints or none.
    """
    made = [
        row
        for row in rows
        if row["synthesis_cpu_seconds"] and not re.search("^noise|-answers$|-hints$", row["method"])
    ]
    _plot(made, "dreams", "dreams", "accuracy-by-dreams.png")
    _plot(made, "synthesis_cpu_seconds", "CPU seconds of synthesis", "accuracy-by-seconds.png")


def _plot(rows: list[dict[str, Any]], key: str, label: str, name: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    lines: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        lines[row["experiment"], row["method"], row["init"]].append(row)
    compared = {(experiment, taught) for experiment, taught, _ in lines}
    methods = Counter(experiment for experiment, _ in compared)
    experiments = sorted(name for name, count in methods.items() if count > 1)
    if not experiments:
        return
    across = min(3, len(experiments))
    down = -(-len(experiments) // across)
    figure, axes = pyplot.subplots(
        down, across, figsize=(5 * across, 4 * down), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(experiments) :]:
        axis.remove()
    colours = {name: f"C{ORDER.index(name)}" for _, name, _ in lines}
    shown: dict[str, Any] = {}
    for axis, experiment in zip(axes.flat, experiments):
        for (own, taught, init), points in sorted(lines.items()):
            if own == experiment:
                points.sort(key=lambda row: row[key])
                x, y = [p[key] for p in points], [100 * p["accuracy_mean"] for p in points]
                error = [100 * (p["accuracy_sd"] or 0) for p in points]
                look = {"fmt": "o-"} if init == "random" else {"fmt": "o--", "mfc": "white"}
                series = f"{taught}, {init}"
                shown[series] = axis.errorbar(x, y, error, capsize=3, c=colours[taught], **look)
        axis.set(title=experiment, xlabel=label, ylabel="test accuracy, %", xscale="log")
        for which in (axis.xaxis.set_major_formatter, axis.xaxis.set_minor_formatter):
            which(ticker.ScalarFormatter())
        axis.tick_params(axis="x", which="both", labelsize="small", labelrotation=60)
    figure.legend(shown.values(), shown, loc="outside lower center", ncols=4, fontsize="small")
    figure.savefig(HERE / name, dpi=120, metadata={"Software": None})
    pyplot.close(figure)


if __name__ == "__main__":
    main()
