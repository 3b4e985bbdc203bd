"""`tinyml validate`: run the real firmware and compare every output byte."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinyml import console
from tinyml.cli import options
from tinyml.errors import CheckFailed, InputError

if TYPE_CHECKING:
    from tinyml.emulate.devices import Place

_EMULATORS = ("auto", "renode", "qemu", "host")
_RANDOM_SAMPLES = 16
_BAUD = 115_200


@click.command()
@options.model_argument("project", "PROJECT|MODEL.tflite")
@click.option(
    "--emulator",
    type=click.Choice(_EMULATORS),
    default="auto",
    show_default=True,
    help="renode and qemu run the firmware, host the same C on this machine; auto is renode when it is "
    "installed, else qemu.",
)
@click.option(
    "--serial",
    "port",
    metavar="PORT",
    help="Validate the board at this serial port, flashed before with the project's firmware.",
)
@click.option(
    "--baud",
    type=click.IntRange(min=1),
    help="With --serial, its speed [default: the board's].",
)
@options.data("Test samples with labels, for the accuracy; random inputs without.", required=False)
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    help="Use only N of the samples, spread evenly over all.",
)
@click.option(
    "--layers",
    "by_layer",
    is_flag=True,
    help="Compare what every layer computes, too, sent by a firmware built for it: with TFLM and in float.",
)
@click.option(
    "--float",
    "float_model",
    metavar="MODEL",
    type=click.Path(path_type=Path),
    help="With --layers, the Keras model or float .tflite that was quantized; without it, float is the "
    ".tflite's own graph without rounding.",
)
@options.unsafe
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
    port: str | None,
    baud: int | None,
    data: str | None,
    samples: int | None,
    by_layer: bool,
    float_model: Path | None,
    allow_unsafe: bool,
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
    from tinyml.emulate import layers, validation

    if float_model is not None and not by_layer:
        raise InputError("--float", "is for comparing layers", "add --layers, or leave it out")
    if port is not None and emulator != "auto":
        raise InputError("--serial", f"is a board, not {emulator}", "leave --emulator out")
    if baud is not None and port is None:
        raise InputError("--baud", "is the speed of a serial port", "name it with --serial")
    settings = {
        "emulator": emulator,
        "serial": port,
        "baud": baud,
        "data": data,
        "samples": samples,
        "layers": by_layer,
        "target": target,
        "timeout": timeout,
    }
    source = datasets.source_path(data) if data else None
    given = {"project": project, "data": source, "float": float_model}
    inputs_read = {role: path for role, path in given.items() if path is not None}
    with (
        projects.recorded(output, "validate", inputs_read, settings, seed, force) as write,
        projects.opened(project, target) as directory,
    ):
        inputs, labels = _inputs(directory, data, samples, seed)
        name, expected = projects.judge(directory)
        place = _place(directory, emulator, port, baud)
        measured = validation.execute(directory, inputs, place, timeout)
        verdict = validation.compare(measured, name, expected(inputs), labels)
        different = verdict["first_different_sample"]
        if by_layer or (different is not None and port is None):
            # Unasked, as far as the first sample that differs: a state is then what it was.
            compared = inputs if by_layer else [batch[: different + 1] for batch in inputs]
            judges = projects.layer_judges(directory, float_model, allow_unsafe)
            verdict["layers"] = layers.compare(directory, compared, *judges, place, timeout)
        write(verdict)
    console.result(verdict, _text(verdict, data is None))
    differences = _differences(verdict)
    if differences:
        raise CheckFailed(f"{project}: {'; '.join(differences)}")


def _place(directory: Path, emulator: str, port: str | None, baud: int | None) -> Place:
    """Where the firmware runs."""
    from tinyml.codegen.project import target_of
    from tinyml.emulate import devices

    if port is not None:
        speed = baud or target_of(directory).uart.settings.get("baud", _BAUD)
        return devices.SerialPort(port, speed)
    if emulator != "auto":
        return emulator
    return "host" if target_of(directory).hosted else devices.usual()


def _differences(verdict: dict[str, Any]) -> list[str]:
    """What differs from the judge, in words."""
    found = []
    if not verdict["exact"]:
        found.append(
            f"{verdict['bytes_different']:,} of {verdict['bytes_compared']:,} output bytes differ from "
            f"{verdict['judge']}, first in sample {verdict['first_different_sample']}"
        )
    if verdict["layers"] is None:
        found += ["--layers shows where it begins"] if found else []
    else:
        compared = verdict["layers"]
        if compared["first_mismatch"] is not None:
            row = compared["layers"][compared["first_mismatch"]]
            found.append(
                f"the first layer that differs is {_layer(row)}: {row['bytes_different']:,} of "
                f"{row['bytes_compared']:,} bytes, first in sample {row['first_different_sample']}"
            )
        elif found:
            found.append("no layer differs in a firmware that sends its layers")
    return found


def _inputs(directory: Path, data: str | None, samples: int | None, seed: int) -> tuple[Any, Any]:
    """A batch for each input of the model, and `Labels` or None where there are no classes."""
    from tinyml import data as datasets
    from tinyml.emulate import ports
    from tinyml.emulate.validation import Labels

    known = ports.of_project(directory)
    if data is None:
        return known.random_inputs(samples or _RANDOM_SAMPLES, seed), None
    if len(known.inputs) != 1:
        raise InputError(
            f"--data {data}",
            f"the model has {len(known.inputs)} inputs",
            "leave it out: random inputs",
        )
    split = datasets.load_test(data, known.inputs[0].sample_shape)
    if samples is not None and samples > len(split):
        raise InputError(
            f"--samples {samples}", f"{data} has {len(split)} test samples", "ask for fewer"
        )
    split = split.spread(len(split) if samples is None else samples)
    labels = Labels(split.y, known.outputs[0]) if _answers_scores(known) else None
    return [known.inputs[0].raw(split.x)], labels


def _answers_scores(known: Any) -> bool:
    """True when the output decides for a class; an autoencoder's, or one float alone, does not."""
    asked, answered = known.inputs[0].sample_shape, known.outputs[0].sample_shape
    if all(size == 1 for size in answered) and known.outputs[0].dtype.startswith("float"):
        return False
    return answered != asked and sum(size > 1 for size in answered) <= 1


def _text(verdict: dict[str, Any], is_random: bool) -> str:
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
    if verdict["stack_bytes"] is not None:
        lines.append(measured_text(verdict))
    if verdict["layers"] is not None:
        lines.append(_layers_text(verdict["layers"], verdict["judge"]))
        if is_random:
            lines.append("the inputs are random, which clips more than real ones: see with --data")
    return "\n".join(lines)


def _layers_text(compared: dict[str, Any], judge: str) -> str:
    """A table of the layers, and the worst of them."""
    rows = [
        [
            str(row["node"]),
            row["operator"],
            "x".join(map(str, row["shape"])),
            row["sqnr_note"] if row["sqnr_db"] is None else f"{row['sqnr_db']:.1f}",
            _equal(row),
            _short(row),
        ]
        for row in compared["layers"]
    ]
    columns = ["node", "operator", "output", "SQNR in dB", f"equal to {judge}", "name"]
    title = f"Layers over {compared['samples']:,} inputs, {compared['emulator']}"
    text = console.table(title, columns, rows)
    if compared["worst"] is not None:
        worst = compared["layers"][compared["worst"]]
        text += f"\nworst: {worst['sqnr_db']:.1f} dB after {_layer(worst)}"
    return text


def _equal(row: dict[str, Any]) -> str:
    if row["bytes_compared"] == 0:
        return f"not compared: {row['judge_note']}"
    return "no" if row["bytes_different"] else "yes"


def _layer(row: dict[str, Any]) -> str:
    return f"node {row['node']} {row['operator']} '{_short(row)}'"


def _short(row: dict[str, Any]) -> str:
    """A tensor's name; of those that the converter strings together, the first."""
    return str(row["output"]).split(";")[0][-60:]


def measured_text(result: dict[str, Any]) -> str:
    """Instructions or cycles, flash, RAM and stack in one line, as far as they are known."""
    parts = []
    for what in ("instructions", "cycles"):
        if result.get(what) is not None:
            parts.append(f"{what} an inference {result[what]['mean']:,}")
    flash = result["flash_bytes"]
    if flash is not None:
        parts.append(
            f"flash {flash['total']:,} bytes (weights {flash['weights']:,}, code {flash['code']:,})"
        )
        parts.append(f"RAM {result['ram_bytes']:,} bytes")
    return ", ".join([*parts, f"stack {result['stack_bytes']:,} bytes"])
