"""`tinyml export`: a model becomes a C firmware project."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinyml import console
from tinyml.cli import options
from tinyml.errors import InputError

if TYPE_CHECKING:
    from tinyml.graph.ir import Graph
    from tinyml.targets import Target

_CALIBRATION_SAMPLES = 500


@click.command()
@options.model_argument("model", "MODEL")
@click.option(
    "--target",
    "--board",
    "target",
    required=True,
    metavar="NAME|FILE.toml",
    help="A core or board, which `tinyml targets` lists, a board's file of your own, or host.",
)
@click.option("--prefix", help="Begins every public C name; the model's file name by default.")
@click.option(
    "--calibration",
    metavar="NAME|PATH|dreams:DIR",
    help="For a Keras model: quantize it on the way, as `tinyml quantize` does.",
)
@options.precision
@click.option(
    "--package",
    type=click.Choice(["arduino", "zephyr", "cmsis-pack", "none"]),
    default="none",
    show_default=True,
    help="Write the model alone, as a library for Arduino, Zephyr or CMSIS-Pack.",
)
@options.unsafe
@options.kernels
@options.budgets
@options.passes
@options.seed
@options.output("Project directory to write")
@options.common
def command(
    model: Path,
    target: str,
    prefix: str | None,
    calibration: str | None,
    precision: str,
    package: str,
    allow_unsafe: bool,
    library: str,
    cmsis_nn: Path | None,
    optimize: str,
    flash: int | None,
    ram: int | None,
    disabled: tuple[str, ...],
    dumped: tuple[str, ...],
    seed: int,
    output: Path,
    force: bool,
) -> None:
    """Turn a MODEL into a C firmware project.

    MODEL is an int8 or int16x8 .tflite, or a float Keras model (.keras, .h5, SavedModel directory) with
    --calibration. The project holds the model as plain C (model.h, model.c, weights.c, the kernels it
    uses), a firmware for the target with a Makefile, and report.json with its memory and work.
    """
    from tinyml import run, targets
    from tinyml.codegen import budget, fitting, packages, program, project
    from tinyml.kernels import cmsis_nn as arm
    from tinyml.kernels.base import Options

    board, name, show = targets.find(target), _prefix(prefix, model), _shower(dumped)
    run.check_output(output, force, is_directory=True)
    kernels = arm.found(library, board.processor, cmsis_nn)
    wanted = Options(board.processor, library, optimize, flash, ram, kernels)
    settings = {
        "target": target,
        "package": package,
        "prefix": name,
        "calibration": calibration,
        "quantize": precision if calibration else None,
        "kernels": library,
        "cmsis_nn": kernels.version if kernels else None,
        "optimize": optimize,
        "flash": flash,
        "ram": ram,
    }
    with _as_tflite(model, calibration, precision, allow_unsafe, seed) as (tflite, inputs):
        compiled = fitting.fitted(program.compile_model(tflite, disabled, show, wanted), board)
        board = fitting.usual_board(target, compiled)
        with run.step(
            "export",
            output,
            inputs=inputs,
            settings={**settings, "disable_pass": list(disabled)},
            seed=seed,
            force=force,
            directory=True,
        ) as step:
            with _place(step.path, package) as directory:
                sha256 = run.sha256(model)
                project.write(directory, compiled, board, tflite, sha256, name, model.name)
                _measure(directory, board)
                report = project.read_report(directory)
                budget.check_ram(report, ram)
                budget.check_flash(report, flash)
                if package != "none":
                    packages.write(package, directory, board, step.path)
            step.metrics.update(
                macs=report["macs"],
                weight_bytes=report["flash_bytes"]["weights"],
                arena_bytes=report["ram_bytes"]["arena"],
            )
    console.result(report, _text(output, report, board, package))


@contextmanager
def _place(output: Path, package: str) -> Iterator[Path]:
    """Where the project goes: it is the output, or what a package is made of and not kept."""
    if package == "none":
        yield output
        return
    with tempfile.TemporaryDirectory(prefix="tinyml-project-") as scratch:
        yield Path(scratch)


def _measure(directory: Path, board: Target) -> None:
    """Write what the firmware takes into its report; an error when the board has less."""
    from tinyml.codegen import budget, fitting, project
    from tinyml.emulate import footprint

    report = project.read_report(directory)
    budget.check_ram(report, fitting.room(board), board.board)
    budget.check_flash(report, board.flash.bytes, board.board)
    if footprint.can_measure() and not board.hosted:
        try:
            footprint.measure(directory)
        except budget.DoesNotFit as overflow:
            budget.check_link(report, board, overflow)


def _prefix(given: str | None, model: Path) -> str:
    from tinyml.codegen import names

    name = names.identifier(given or model.stem)
    if given and name != given:
        raise click.BadParameter(
            f"'{given}' is not a C identifier; try '{name}'", param_hint="--prefix"
        )
    return name


def _shower(dumped: tuple[str, ...]) -> Callable[[str, Graph], None]:
    """What shows the graph after the passes that the user named."""
    from tinyml.graph import dump

    def show(name: str, graph: Graph) -> None:
        if name in dumped:
            console.note(f"after {name}: {dump.text(graph)}")

    return show


@contextmanager
def _as_tflite(
    model: Path, calibration: str | None, precision: str, allow_unsafe: bool, seed: int
) -> Iterator[tuple[Path, dict[str, Path]]]:
    """The model as a .tflite, quantized into a temporary file when it is Keras'; and what was read."""
    if model.suffix not in (".keras", ".h5", ".hdf5") and not model.is_dir():
        unfit = "--calibration" if calibration else "--quantize" if precision != "int8" else None
        if unfit:
            raise InputError(unfit, f"{model} is quantized already", "leave the option out")
        yield model, {"model": model}
        return
    if calibration is None:
        raise InputError(
            model, "is a float model", "say how to quantize it: --calibration DATA or dreams:DIR"
        )
    from tinyml.quantize.post_training import Request, quantize

    request = Request(model, calibration, _CALIBRATION_SAMPLES, None, allow_unsafe, seed, precision)
    with tempfile.TemporaryDirectory(prefix="tinyml-quantized-") as scratch:
        made = Path(scratch) / f"{model.stem}.tflite"
        quantize(request, made)
        try:
            yield made, request.inputs()
        except InputError as error:  # tells of a file that the user has not made and that is gone
            error.args = (str(error).replace(str(made), f"{model} (quantized)"),)
            raise


def _text(output: Path, report: dict[str, Any], board: Target, package: str) -> str:
    flash, ram = report["flash_bytes"], report["ram_bytes"]
    lines = [
        f"{output}: {report['macs']:,} MAC, weights {flash['weights']:,} bytes in flash, "
        f"arena {ram['arena']:,} bytes in RAM (without overlaps at least {report['arena_lower_bound']:,})"
    ]
    if board.hosted:
        lines.append("It is for this machine, without a firmware")
    elif report["stack_bytes"] is None:
        lines.append("Code and stack are not known: no arm-none-eabi-gcc here (tinyml doctor)")
    else:
        lines.append(
            f"The firmware: flash {flash['total']:,} bytes (code {flash['code']:,}), "
            f"RAM {ram['total']:,}; an inference needs up to {report['stack_bytes']:,} bytes of stack"
        )
    return "\n".join([*lines, f"Next: {_next(output, board, package)}"])


def _next(output: Path, board: Target, package: str) -> str:
    if package != "none":
        return f"{output / 'README.md'}"
    if board.hosted:
        return f"tinyml validate {output} --data DATA, or make -C {output}"
    if board.qemu is not None:
        return f"tinyml validate {output} --data DATA, or make -C {output} run"
    return f"tinyml flash {output}, or make -C {output} demo; it prints its result at the UART"
