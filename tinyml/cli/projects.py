"""What `validate` and `bench` share: they take an exported project, or a .tflite to export on the way."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyml.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from tinyml.emulate.layers import Inference

DEFAULT_TARGET = "cortex-m4"


@contextmanager
def opened(
    path: Path,
    target: str | None,
    library: str = "auto",
    optimize: str = "balanced",
    cmsis_nn: Path | None = None,
    flash: int | None = None,
    ram: int | None = None,
) -> Iterator[Path]:
    """The project directory `path`, or a temporary one exported from the .tflite `path`.

    Args:
        path: of the project or model.
        target: for a model, the core or board.
        library, optimize: for a model, which kernels to take (see kernels.base.Options).
        cmsis_nn: the user's CMSIS-NN folder, if he named one.
        flash, ram: for a model, budgets in bytes.

    Raises:
        InputError: no such path, or with a project an option that it was exported with.
        CheckFailed: a budget is too small.
    """
    from tinyml import run, targets
    from tinyml.codegen import budget, fitting, names, program, project
    from tinyml.emulate import footprint
    from tinyml.kernels import cmsis_nn as arm
    from tinyml.kernels.base import Options

    if path.is_dir():
        for name, given in (("target", target), ("flash", flash), ("ram", ram)):
            if given is not None:
                raise InputError(
                    f"--{name} {given}",
                    f"{path} was exported with its own",
                    "leave the option out",
                )
        project.read_report(path)
        yield path
        return
    board = targets.find(target or DEFAULT_TARGET)
    found = arm.found(library, board.processor, cmsis_nn)
    options = Options(board.processor, library, optimize, flash, ram, found)
    compiled = program.compile_model(path, options=options)
    board = fitting.usual_board(target or DEFAULT_TARGET, compiled)
    with tempfile.TemporaryDirectory(prefix="tinyml-project-") as scratch:
        directory = Path(scratch)
        project.write(
            directory, compiled, board, path, run.sha256(path), names.identifier(path.stem)
        )
        budget.check_ram(project.read_report(directory), ram)
        if flash is not None:
            footprint.measure(directory)
            budget.check_flash(project.read_report(directory), flash)
        yield directory


Judge = Callable[[list["np.ndarray"]], list["np.ndarray"]]


def judge(project_directory: Path) -> tuple[str, Judge]:
    """What decides on exactness: TFLM when installed, else our own numpy reference.

    Returns:
        Its name, and a function from a batch an input to a batch an output.
    """
    from importlib.util import find_spec

    from tinyml.codegen.project import MODEL

    model = project_directory / MODEL
    if find_spec("tflite_micro") is not None:
        from tinyml.quantize.tflm import Tflm

        return "TFLM", Tflm(model).predict_all
    from tinyml.graph import reference, tflite_reader

    graph = tflite_reader.read(model)
    return "tinyml's numpy reference", lambda batches: reference.outputs(graph, batches)


def layer_judges(
    project_directory: Path, float_model: Path | None, allow_unsafe: bool
) -> tuple[Inference, Inference]:
    """What gives every layer's right bytes, and what its values in float; see emulate.layers.

    Args:
        project_directory: an exported project.
        float_model: what the project's model was quantized from; None: its own graph without rounding.
        allow_unsafe: load a Keras model that carries code.
    """
    from importlib.util import find_spec

    from tinyml.codegen.project import MODEL
    from tinyml.emulate import layers

    model = project_directory / MODEL
    if find_spec("tflite_micro") is None and float_model is None:
        return layers.by_reference(model), lambda sample: lambda tensor: "needs tflite-micro"
    from tinyml.quantize import intermediates

    if float_model is None:
        return intermediates.exact(model), intermediates.without_rounding(model)
    real = intermediates.of_float_model(model, float_model, allow_unsafe)
    return intermediates.exact(model), real


@contextmanager
def recorded(
    path: Path | None,
    command: str,
    inputs: dict[str, Path],
    settings: dict[str, Any],
    seed: int,
    force: bool,
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yields what writes the result as JSON with its run record, when the user gave --output.

    Args:
        path: --output; None leaves nothing behind.
        command: the command's name.
        inputs: files and directories read, by role.
        settings: the command's options.
        seed: of random inputs.
        force: replace an output that exists.
    """
    if path is None:
        yield lambda result: None
        return
    from tinyml import run

    with run.step(command, path, inputs=inputs, settings=settings, seed=seed, force=force) as step:

        def write(result: dict[str, Any]) -> None:
            text = json.dumps(result, indent=2, sort_keys=True) + "\n"
            step.path.write_text(text, encoding="utf-8")
            step.metrics.update(result)

        yield write
