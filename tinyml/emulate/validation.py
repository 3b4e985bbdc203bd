"""Runs a built project on inputs and compares every output byte with a judge's."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import console
from tinyml.codegen.project import read_report, target_of
from tinyml.emulate import build, devices, ports
from tinyml.emulate.devices import Place
from tinyml.emulate.host import HostModel
from tinyml.targets import Target


@dataclass(frozen=True)
class Measured:
    """What a run of N samples gave.

    Attributes:
        outputs: a batch an output.
        emulator: what ran it, "serial" for a board.
        instructions: min, mean and max of an inference; None where nothing counts them.
        cycles: the same on a board.
        stack_bytes: the most stack in use; None on the host.
        sizes: None when there is no firmware's file.
    """

    outputs: list[np.ndarray]
    emulator: str
    instructions: dict[str, int] | None = None
    cycles: dict[str, int] | None = None
    stack_bytes: int | None = None
    sizes: build.Sizes | None = None


@dataclass(frozen=True)
class Labels:
    """The right classes, int64 (N,), and the port of the first output, which decides for one."""

    y: np.ndarray
    port: ports.Port

    def accuracy(self, outputs: Sequence[np.ndarray]) -> float:
        """Share of samples that raw outputs, a batch each, classify rightly."""
        return float((self.port.classes(outputs[0]) == self.y).mean())


def execute(project: Path, inputs: Sequence[np.ndarray], place: Place, timeout: float) -> Measured:
    """Build a project and run every sample.

    Args:
        project: an exported project.
        inputs: for each input of the model (N, *sample shape), in its own type.
        place: "host", or as of `devices.started`.
        timeout: seconds for one inference.

    Raises:
        InputError: a tool is missing, or what runs it cannot run this board's firmware.
        CheckFailed: it does not compile, faults, hangs or answers nonsense.
    """
    if place == "host":
        return Measured(HostModel(project).predict_all(inputs), "host")
    with tempfile.TemporaryDirectory(prefix="tinyml-build-") as scratch:
        return _on_device(project, inputs, place, Path(scratch), timeout)


def _on_device(
    project: Path, inputs: Sequence[np.ndarray], place: Place, scratch: Path, timeout: float
) -> Measured:
    known, answers, sizes, name = ports.of_project(project), [], None, devices.name(place)
    with (
        devices.started(project, place, timeout, scratch) as device,
        console.progress(name, len(inputs[0])) as bar,
    ):
        if device.elf is not None:
            sizes = build.sizes(device.elf, read_report(project)["flash_bytes"]["weights"])
        for sample in zip(*inputs):
            answers.append(device.session.infer(known.packed(sample), known.sizes[1]))
            bar.advance()
    counts = _counts(target_of(project), name, np.array([answer.ticks for answer in answers]))
    outputs = [np.stack(batch) for batch in zip(*(known.unpacked(a.output) for a in answers))]
    return Measured(outputs, name, **counts, stack_bytes=answers[-1].stack_bytes, sizes=sizes)


def _counts(target: Target, name: str, ticks: np.ndarray) -> dict[str, dict[str, int]]:
    """What the device's counter says, by the name of what it counts."""
    if not ticks.any():  # the emulator has no model of the counter
        return {}
    if name == "serial":
        return {"cycles": _summary(ticks)}
    per_tick = target.qemu.instructions_per_tick if name == "qemu" and target.qemu else 1.0
    # The counter starts with the inference and rounds down, so rounding up gives whole instructions.
    return {"instructions": _summary(np.ceil(ticks * per_tick))}


def _summary(counts: np.ndarray) -> dict[str, int]:
    return {
        "min": round(float(counts.min())),
        "mean": round(float(counts.mean())),
        "max": round(float(counts.max())),
    }


def compare(
    measured: Measured, judge: str, expected: list[np.ndarray], labels: Labels | None
) -> dict[str, Any]:
    """The verdict, as plain values: exactness, accuracy, and what was measured.

    Args:
        measured: of `execute`.
        judge: the name of what gave `expected`.
        expected: the right outputs, like `measured.outputs`.
        labels: None when the inputs have none.
    """
    wrong = _bytes(measured.outputs) != _bytes(expected)
    rows = np.flatnonzero(wrong.any(axis=1))
    verdict: dict[str, Any] = {
        "emulator": measured.emulator,
        "judge": judge,
        "samples": len(wrong),
        "bytes_compared": int(wrong.size),
        "bytes_different": int(wrong.sum()),
        "first_different_sample": int(rows[0]) if len(rows) else None,
        "exact": not len(rows),
        "accuracy": None,
        "accuracy_judge": None,
        "instructions": measured.instructions,
        "cycles": measured.cycles,
        "stack_bytes": measured.stack_bytes,
        "flash_bytes": None,
        "ram_bytes": None,
        "layers": None,
    }
    if labels is not None:
        verdict["accuracy"] = labels.accuracy(measured.outputs)
        verdict["accuracy_judge"] = labels.accuracy(expected)
    if measured.sizes is not None:
        sizes = asdict(measured.sizes)
        verdict["ram_bytes"] = sizes.pop("ram")
        verdict["flash_bytes"] = {"total": sizes.pop("flash"), **sizes}
    return verdict


def _bytes(outputs: list[np.ndarray]) -> np.ndarray:
    """Every output byte of every sample, uint8 (N, bytes)."""
    rows = [np.ascontiguousarray(o).view(np.uint8).reshape(len(o), -1) for o in outputs]
    return np.concatenate(rows, axis=1)
