"""What a network takes on a target: quantized, exported, built and, if asked, run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import run, targets
from tinyml.codegen import fitting, program, project
from tinyml.emulate import footprint, ports, validation
from tinyml.errors import InputError
from tinyml.fit.goal import Goal
from tinyml.kernels import cmsis_nn
from tinyml.kernels.base import Options
from tinyml.process import need
from tinyml.quantize.convert import quantized_tflite

_TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class Needs:
    """One network on one target.

    Attributes:
        parameters: of the Keras model.
        macs: multiply-accumulates of an inference.
        ram: bytes of arena and state.
        flash: bytes of the firmware; of the weights alone where there is no Arm compiler.
        instructions: of one inference on QEMU, where they were asked for.
    """

    parameters: int
    macs: int
    ram: int
    flash: int
    instructions: int | None

    def excess(self, goal: Goal) -> str:
        """What does not fit and by how much it should be less; "" when all fits."""
        rows = [
            ("RAM", self.ram, goal.ram, " bytes"),
            ("flash", self.flash, goal.flash, " bytes"),
            ("an inference", self.instructions, goal.instructions, " instructions"),
        ]
        return ", ".join(
            f"{what} {needed:,} of {limit:,}{unit}"
            for what, needed, limit, unit in rows
            if needed is not None and limit is not None and needed > limit
        )


def check(goal: Goal) -> None:
    """Raises InputError for an unknown target, or when instructions cannot be counted here."""
    board = targets.find(goal.target)
    if goal.instructions is None:
        return
    if board.qemu is None:
        raise InputError(
            f"--fit {goal}",
            f"no emulator counts the instructions of {board.board}",
            "leave the instructions out",
        )
    for tool in ("arm-none-eabi-gcc", "make", "qemu-system-arm"):
        need(tool)


def measure(model: Any, samples: np.ndarray, goal: Goal) -> Needs:
    """Quantize a Keras model and export it with the goal's budgets, as `tinyml export` would.

    Args:
        model: one input, one output.
        samples: float32 (N, H, W, C), for the activation ranges.
        goal: the target; the exporter chooses its kernels so as to fit into the budgets.

    Raises:
        InputError: TFLite cannot convert the model, or it cannot be exported.
        DoesNotFit: the linker finds one of the board's memories too small.
        CheckFailed: the project does not compile, or fails on the emulator.
    """
    with _exported(quantized_tflite(model, samples, "int8", model.name), goal) as directory:
        report = project.read_report(directory)
        flash, ram = report["flash_bytes"], report["ram_bytes"]
        return Needs(
            parameters=int(model.count_params()),
            macs=report["macs"],
            ram=ram["arena"] + ram["state"],
            flash=flash["total"] or flash["weights"],
            instructions=None if goal.instructions is None else _instructions(directory),
        )


@contextmanager
def _exported(content: bytes, goal: Goal) -> Iterator[Path]:
    """A temporary project of a .tflite, its sizes measured where there is a compiler."""
    board = targets.find(goal.target)
    found = cmsis_nn.found("auto", board.processor, None)
    options = Options(board.processor, flash=goal.flash, ram=goal.ram, cmsis_nn=found)
    with tempfile.TemporaryDirectory(prefix="tinyml-fit-") as scratch:
        model, directory = Path(scratch) / "model.tflite", Path(scratch) / "project"
        model.write_bytes(content)
        directory.mkdir()
        compiled = fitting.fitted(program.compile_model(model, options=options), board)
        project.write(directory, compiled, board, model, run.sha256(model), "model")
        if footprint.can_measure():
            footprint.measure(directory)
        yield directory


def _instructions(directory: Path) -> int:
    """The most of a few inferences; they hardly depend on the input."""
    inputs = ports.of_project(directory).random_inputs(1, 0)
    measured = validation.execute(directory, inputs, "qemu", _TIMEOUT_SECONDS)
    assert measured.instructions is not None
    return measured.instructions["max"]
