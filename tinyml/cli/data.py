"""`tinyml data`: any data set to one file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tinyml import console
from tinyml.cli import options

_COUNT = click.IntRange(min=1)


@click.command("data", short_help="Read a data set once, into one .npz.")
@click.argument("source", metavar="SOURCE")
@click.option(
    "--features",
    type=click.Choice(["mfcc", "spectrogram"]),
    help="What clips become. These options go before the folder's audio.toml. [default: mfcc]",
)
@click.option("--clip-ms", type=_COUNT, help="Length clips are brought to. [default: 1000]")
@click.option("--frame-ms", type=_COUNT, help="Length of a frame. [default: 30]")
@click.option("--hop-ms", type=_COUNT, help="From frame to frame. [default: 20]")
@click.option("--mel-bins", type=_COUNT, help="Of the mel scale. [default: 40]")
@click.option("--coefficients", type=_COUNT, help="MFCCs of a frame. [default: 10]")
@click.option("--low-hz", type=_COUNT, help="Lowest frequency. [default: 20]")
@click.option("--high-hz", type=_COUNT, help="Highest frequency. [default: 4000]")
@options.output("Where the data set goes (.npz)")
@options.common
def command(source: str, output: Path, force: bool, **audio: Any) -> None:
    """Read a data set once, into one .npz, which every other command then reads in a moment.

    SOURCE is class folders of PNG, JPEG or WAV files (CLASS/FILE, or train/CLASS/FILE and
    test/CLASS/FILE), also in a .tar.gz or .zip, or anything else that --data takes. Clips become
    spectrograms or MFCCs on the way.
    """
    from tinyml import data, run
    from tinyml.data import npz
    from tinyml.errors import InputError

    if output.suffix != ".npz":
        raise InputError(output, "a data set is written as .npz", f"use -o {output.stem}.npz")
    path = data.source_path(source)
    with run.step(
        "data",
        output,
        inputs={"source": path} if path else {},
        settings={"source": source, **audio},
        force=force,
    ) as step:
        dataset = data.load(source, {name: value for name, value in audio.items() if value})
        npz.write(step.path, dataset)
        step.metrics = {**_described(dataset), "bytes": step.path.stat().st_size}
    console.result({"output": str(output), **step.metrics}, _summary(output, step.metrics))


def _described(dataset: Any) -> dict[str, Any]:
    return {
        "shape": list(dataset.shape),
        "classes": list(dataset.class_names),
        "samples": {part: len(getattr(dataset, part)) for part in ("train", "validation", "test")},
        "audio": asdict(dataset.audio) if dataset.audio else None,
        "note": dataset.note,
    }


def _summary(output: Path, metrics: dict[str, Any]) -> str:
    counts = ", ".join(f"{count:,} {part}" for part, count in metrics["samples"].items())
    shape = "x".join(map(str, metrics["shape"]))
    text = f"{output}: {counts} samples of {shape}, {len(metrics['classes'])} classes"
    return f"{text}; {metrics['note']}" if metrics["note"] else text
