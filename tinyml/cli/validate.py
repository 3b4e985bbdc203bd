"""`tinyml validate`: run the real firmware and compare every output byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinyml import console
from tinyml.cli import options
from tinyml.errors import CheckFailed, InputError

_EMULATORS = ("auto", "qemu", "host")
_RANDOM_SAMPLES = 16


@click.command()
@options.model_argument("project", "PROJECT|MODEL.tflite")
@click.option(
    "--emulator",
    type=click.Choice(_EMULATORS),
    default="auto",
    show_default=True,
    help="qemu runs the firmware, host the same C on this machine; auto is qemu.",
)
@options.data("Test samples with labels, for the accuracy; random inputs without.", required=False)
@click.option("--samples", type=click.IntRange(min=1), help="Use only the first N samples.")
@click.option(
    "--target", help="For a .tflite: the core or board to export for [default: cortex-m4]."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="Seconds to wait for one inference.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write the result as JSON, too."
)
@click.option("--force", is_flag=True, help="Replace the output.")
@options.seed
@options.common
def command(
    project: Path,
    emulator: str,
    data: str | None,
    samples: int | None,
    target: str | None,
    timeout: float,
    output: Path | None,
    force: bool,
    seed: int,
) -> None:
    """Build a project, run it on inputs and compare every output byte with TFLM.

    Exit code 1 when a byte differs, the firmware faults, or it does not answer.
    """
    from tinyml import data as datasets
    from tinyml.cli import projects
    from tinyml.emulate import validation

    settings = {"emulator": emulator, "data": data, "samples": samples, "target": target}
    source = datasets.source_path(data) if data else None
    inputs_read = {"project": project, **({"data": source} if source else {})}
    with (
        projects.recorded(
            output, "validate", inputs_read, {**settings, "timeout": timeout}, seed, force
        ) as write,
        projects.opened(project, target) as directory,
    ):
        inputs, labels = _inputs(directory, data, samples, seed)
        name, expected = projects.judge(directory)
        chosen = "qemu" if emulator == "auto" else emulator
        measured = validation.execute(directory, inputs, chosen, timeout)
        verdict = validation.compare(measured, name, expected(inputs), labels)
        write(verdict)
    console.result(verdict, _text(verdict))
    if not verdict["exact"]:
        raise CheckFailed(
            f"{project}: {verdict['bytes_different']:,} of {verdict['bytes_compared']:,} output bytes "
            f"differ from {name}, first in sample {verdict['first_different_sample']}"
        )


def _inputs(directory: Path, data: str | None, samples: int | None, seed: int) -> tuple[Any, Any]:
    """A batch for each input of the model, and labels (N,) or None."""
    from tinyml import data as datasets
    from tinyml.emulate import ports

    known = ports.of_project(directory)
    if data is None:
        return known.random_inputs(samples or _RANDOM_SAMPLES, seed), None
    if len(known.inputs) != 1:
        raise InputError(
            f"--data {data}",
            f"the model has {len(known.inputs)} inputs",
            "leave it out: random inputs",
        )
    split = datasets.load_test(data)
    if samples is not None and samples > len(split):
        raise InputError(
            f"--samples {samples}", f"{data} has {len(split)} test samples", "ask for fewer"
        )
    return [known.inputs[0].raw(split.x[:samples])], split.y[:samples]


def _text(verdict: dict[str, Any]) -> str:
    same = (
        "every byte equal" if verdict["exact"] else f"{verdict['bytes_different']:,} bytes differ"
    )
    lines = [
        f"{verdict['emulator']}: {verdict['samples']:,} inputs, {verdict['bytes_compared']:,} output bytes "
        f"against {verdict['judge']}: {same}"
    ]
    if verdict["accuracy"] is not None:
        lines.append(
            f"accuracy {verdict['accuracy']:.2%} ({verdict['judge']}: {verdict['accuracy_judge']:.2%})"
        )
    if verdict["instructions"] is not None:
        lines.append(measured_text(verdict))
    return "\n".join(lines)


def measured_text(result: dict[str, Any]) -> str:
    """Instructions, flash, RAM and stack in one line."""
    flash = result["flash_bytes"]
    return (
        f"instructions an inference {result['instructions']['mean']:,}, "
        f"flash {flash['total']:,} bytes (weights {flash['weights']:,}, code {flash['code']:,}), "
        f"RAM {result['ram_bytes']:,} bytes, stack {result['stack_bytes']:,} bytes"
    )
