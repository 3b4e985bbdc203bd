"""The pictures of a federated run, drawn without a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_SIZE_INCHES = (7.0, 4.0)
_DPI = 110


def accuracy_over_rounds(path: Path, history: Sequence[dict[str, Any]], title: str) -> None:
    """Test and training accuracy (history lines as in `history.jsonl`) by round, as PNG."""
    figure, axes = _figure(title, "round", "accuracy")
    labels = {
        "test_accuracy": "on test samples",
        "train_accuracy": "on training samples",
        "client_accuracy": "clients, while they train",
    }
    for name, label in labels.items():
        points = [(line["round"], line[name]) for line in history if line[name] is not None]
        if points:
            axes.plot(*zip(*points), marker="o", markersize=3, label=label)
    axes.set_ylim(0, 1.02)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=_DPI)


def divergence_over_rounds(path: Path, history: Sequence[dict[str, Any]], title: str) -> None:
    """Each layer's weight divergence from centralised SGD by round, as PNG."""
    figure, axes = _figure(title, "round", "||w - w_sgd|| / ||w_sgd||")
    lines = [line for line in history if line["divergence"]]
    for layer in lines[0]["divergence"] if lines else ():
        values = [line["divergence"][layer] for line in lines]
        axes.plot([line["round"] for line in lines], values, marker="o", markersize=3, label=layer)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=_DPI)


def against_emd(
    path: Path, series: Mapping[str, Sequence[tuple[float, float, float]]], label: str
) -> None:
    """What several runs reached over the mean EMD of their clients, as PNG.

    Args:
        path: the file to write.
        series: name to points (EMD, mean, standard deviation), sorted by EMD.
        label: what the mean is of.
    """
    figure, axes = _figure("", "mean earth mover's distance of the clients' labels", label)
    for name, points in series.items():
        emd, mean, deviation = zip(*points)
        axes.errorbar(emd, mean, deviation, marker="o", markersize=3, capsize=2, label=name)
    axes.set_xlim(0, 2)
    axes.grid(alpha=0.3)
    if series:
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=_DPI)


def label_distribution(path: Path, counts: np.ndarray, shared: np.ndarray, title: str) -> None:
    """Stacked bars, as PNG: each client's samples of each class, shared ones hatched.

    Args:
        path: the file to write.
        counts: (clients, classes), their own samples.
        shared: (clients, classes), those handed out to them.
        title: what the run was.
    """
    from matplotlib import colormaps

    figure, axes = _figure(title, "client", "samples")
    colours = colormaps["tab10" if counts.shape[1] <= 10 else "viridis"]
    clients, bottom = np.arange(len(counts)), np.zeros(len(counts))
    for part, hatch in ((counts, None), (shared, "////")):
        for label in range(part.shape[1]):
            colour = colours(label if counts.shape[1] <= 10 else label / part.shape[1])
            name = str(label) if hatch is None else None
            heights = part[:, label]
            axes.bar(clients, heights, bottom=bottom, color=colour, hatch=hatch, label=name)
            bottom = bottom + heights
    if counts.shape[1] <= 20:
        axes.legend(
            title="class", fontsize="small", ncols=2, loc="center left", bbox_to_anchor=(1, 0.5)
        )
    figure.savefig(path, dpi=_DPI)


def _figure(title: str, x: str, y: str) -> tuple[Any, Any]:
    """A figure of its own canvas: pyplot's global state and display are left alone."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=x, ylabel=y)
    return figure, axes
