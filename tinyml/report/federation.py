"""What the page shows of federated runs: curves, divergence, accuracy against EMD, who holds what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyml.report import charts, learning, plain, summary, text
from tinyml.report.charts import Chart, Series
from tinyml.report.links import Links
from tinyml.report.plain import Number
from tinyml.report.records import Step

_MOST_POINTS = 400  # of one curve
_MOST_CLIENTS = 40  # drawn; more say nothing to the eye
_MOST_LAYERS = 24  # with a curve of their own
_NUMBERS = ("emd_mean", "emd_mean_with_shared", "shared_samples")


@dataclass(frozen=True)
class _Run:
    """A federated run; `style` is its colour in every chart."""

    step: Step
    label: str
    style: int
    rounds: dict[int, Any]

    def curve(self, key: str) -> list[tuple[int, float]]:
        """(round, accuracy) of the rounds in which it was measured."""
        values = ((number, plain.share(line, key)) for number, line in self.rounds.items())
        return [(number, value) for number, value in values if value is not None]


def federated(links: Links) -> dict[str, Any] | None:
    """Every federated run: what it learnt, round by round, and who held what."""
    steps = [step for step in links.steps if step.command == "federate"]
    runs = [
        _Run(step, summary.label(step, links), i, _rounds(step.path / "history.jsonl"))
        for i, step in enumerate(steps)
    ]
    if not runs:
        return None
    return {
        "accuracy": _accuracy(runs),
        "against_emd": _against_emd(runs),
        "divergence": [found for found in map(_divergence, runs) if found],
        "runs": [_described(run, links) for run in runs],
    }


def _rounds(path: Path) -> dict[int, Any]:
    """The rounds by number, in order."""
    lines = path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
    found = {plain.count(line, "round"): line for line in map(plain.parse, lines)}
    numbers = sorted(number for number in found if number is not None)
    return {number: found[number] for number in numbers}


def _last(runs: Sequence[_Run]) -> int:
    return max((number for run in runs for number in run.rounds), default=0)


def _accuracy(runs: Sequence[_Run]) -> Chart | None:
    """Accuracy on the test split over the rounds."""
    curves = [run.curve("test_accuracy") for run in runs]
    across = charts.whole_axis(_last(runs))
    scale = charts.accuracy_axis([value for points in curves for _, value in points])
    series = [
        Series(
            run.label,
            run.step.name,
            run.style,
            tuple(
                charts.place(n, v, f"{run.label}, round {n}: {text.percent(v)}", across, scale)
                for n, v in charts.thinned(points, _MOST_POINTS)
            ),
        )
        for run, points in zip(runs, curves)
        if points
    ]
    return _chart(
        series, across, scale, "accuracy", text.rough_percent, "Accuracy on the test split"
    )


def _chart(
    series: Sequence[Series],
    across: charts.Axis,
    scale: charts.Axis,
    title: str,
    form: Any,
    about: str,
) -> Chart | None:
    """Curves over the rounds."""
    if not series:
        return None
    ticks = charts.labelled(across, text.short)
    about = f"{about} over the rounds, {text.counted(len(series), 'curve')}"
    return Chart(
        "round", title, ticks, charts.labelled(scale, form), tuple(series), about, "a round"
    )


def _divergence(run: _Run) -> dict[str, Any] | None:
    """How far each layer's weights are from those of centralised training, over the rounds."""
    curves: dict[str, list[tuple[int, Number]]] = {}
    for number, line in run.rounds.items():
        for layer, value in _by_layer(line):
            curves.setdefault(layer, []).append((number, value))
    drawn = dict(list(curves.items())[:_MOST_LAYERS])
    across = charts.whole_axis(_last([run]))
    scale = charts.axis(0, max((v for c in drawn.values() for _, v in c), default=1))
    series = [
        Series(
            layer,
            "",
            i,
            tuple(
                charts.place(n, v, f"{layer}, round {n}: {text.number(v)}", across, scale)
                for n, v in charts.thinned(points, _MOST_POINTS)
            ),
        )
        for i, (layer, points) in enumerate(drawn.items())
    ]
    about = f"Weight divergence by layer of {run.label}"
    chart = _chart(series, across, scale, "||w - w_sgd|| / ||w_sgd||", text.short, about)
    if chart is None:
        return None
    last = [(layer, points[-1][1]) for layer, points in drawn.items()]
    return {
        "label": run.label,
        "name": run.step.name,
        "chart": chart,
        "last": last,
        "all": len(curves),
    }


def _by_layer(line: Any) -> Iterator[tuple[str, Number]]:
    """Layers with their divergence in a round, in the model's order."""
    found = plain.find(line, "divergence")
    for layer in found if isinstance(found, dict) else ():
        value = plain.number(found, layer)
        if value is not None and value >= 0:
            yield plain.printable(layer), value


def _against_emd(runs: Sequence[_Run]) -> Chart | None:
    """The final accuracy of each run over the EMD of its clients; nothing when all have the same."""
    found = [(run, _emd(run.step), plain.share(run.step.metrics, "accuracy_after")) for run in runs]
    known = [
        (run, emd, value) for run, emd, value in found if emd is not None and value is not None
    ]
    if len({round(emd, 3) for _, emd, _ in known}) < 2:
        return None
    across = charts.axis(0, max(emd for _, emd, _ in known))
    scale = charts.accuracy_axis([value for _, _, value in known])
    series = [
        Series(
            run.label,
            run.step.name,
            run.style,
            (charts.place(emd, value, _point(run, emd, value), across, scale),),
            joined=False,
        )
        for run, emd, value in known
    ]
    return Chart(
        "mean EMD",
        "accuracy",
        charts.labelled(across, text.short),
        charts.labelled(scale, text.rough_percent),
        tuple(series),
        f"Final accuracy over the clients' mean EMD, {text.counted(len(series), 'run')}",
        "a run",
    )


def _point(run: _Run, emd: Number, accuracy: float) -> str:
    return f"{run.label}, {run.step.name}: EMD {emd:.2f}, accuracy {text.percent(accuracy)}"


def _emd(step: Step) -> Number | None:
    """The mean EMD of what the clients train on, with their part of a shared set."""
    shared = plain.number(step.metrics, "emd_mean_with_shared")
    found = shared if shared is not None else plain.number(step.metrics, "emd_mean")
    return None if found is None or found < 0 else found


def _described(run: _Run, links: Links) -> dict[str, Any]:
    return {
        "label": run.label,
        "name": run.step.name,
        "style": run.style,
        "curve": charts.thinned(run.curve("test_accuracy"), _MOST_POINTS),
        "emd": _emd(run.step),
        "accuracy": plain.share(run.step.metrics, "accuracy_after"),
        "clients": _clients(run.step, links),
        **{key: plain.number(run.step.metrics, key) for key in _NUMBERS},
    }


def _clients(step: Step, links: Links) -> dict[str, Any] | None:
    """Samples of each class that each client trains on, its own and its part of the shared set."""
    partition = plain.read(step.path / "partition.json")
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
    names = learning.class_names(links, len(rows[0]))
    return {"rows": cells, "classes": names, "all": len(plain.find(partition, "labels"))}
