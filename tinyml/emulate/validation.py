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
from tinyml.emulate.host import HostModel


@dataclass(frozen=True)
class Measured:
    """What a run of N samples gave: a batch an output; instructions and stack are None on the host."""

    outputs: list[np.ndarray]
    emulator: str
    instructions: dict[str, int] | None
    stack_bytes: int | None
    sizes: build.Sizes | None


def execute(project: Path, inputs: Sequence[np.ndarray], emulator: str, timeout: float) -> Measured:
    """Build a project and run every sample.

    Args:
        project: an exported project.
        inputs: for each input of the model (N, *sample shape), in its own type.
        emulator: "qemu" or "host".
        timeout: seconds for one inference.

    Raises:
        InputError: a tool is missing.
        CheckFailed: it does not compile, faults, hangs or answers nonsense.
    """
    if emulator == "host":
        return Measured(HostModel(project).predict_all(inputs), "host", None, None, None)
    with tempfile.TemporaryDirectory(prefix="tinyml-build-") as scratch:
        return _on_device(project, inputs, emulator, Path(scratch), timeout)


def _on_device(
    project: Path, inputs: Sequence[np.ndarray], emulator: str, scratch: Path, timeout: float
) -> Measured:
    report, known = read_report(project), ports.of_project(project)
    target = target_of(project)
    answers = []
    with (
        devices.started(project, emulator, timeout, scratch) as device,
        console.progress(emulator, len(inputs[0])) as bar,
    ):
        measured = build.sizes(device.elf, report["flash_bytes"]["weights"])
        for sample in zip(*inputs):
            answers.append(device.session.infer(known.packed(sample), known.sizes[1]))
            bar.advance()
    assert target.qemu is not None
    # The counter starts with the inference and rounds down, so rounding up gives whole instructions.
    ticks = np.array([answer.ticks for answer in answers])
    counts = np.ceil(ticks * target.qemu.instructions_per_tick)
    outputs = [np.stack(batch) for batch in zip(*(known.unpacked(a.output) for a in answers))]
    return Measured(outputs, emulator, _summary(counts), answers[-1].stack_bytes, measured)


def _summary(counts: np.ndarray) -> dict[str, int]:
    return {
        "min": round(float(counts.min())),
        "mean": round(float(counts.mean())),
        "max": round(float(counts.max())),
    }


def compare(
    measured: Measured, judge: str, expected: list[np.ndarray], labels: np.ndarray | None
) -> dict[str, Any]:
    """The verdict, as plain values: exactness, accuracy, and what was measured.

    Args:
        measured: of `execute`.
        judge: the name of what gave `expected`.
        expected: the right outputs, like `measured.outputs`.
        labels: int64 (N,), or None when the inputs have none.
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
        "stack_bytes": measured.stack_bytes,
        "flash_bytes": None,
        "ram_bytes": None,
        "layers": None,
    }
    if labels is not None:
        verdict["accuracy"] = _accuracy(measured.outputs[0], labels)
        verdict["accuracy_judge"] = _accuracy(expected[0], labels)
    if measured.sizes is not None:
        sizes = asdict(measured.sizes)
        verdict["ram_bytes"] = sizes.pop("ram")
        verdict["flash_bytes"] = {"total": sizes.pop("flash"), **sizes}
    return verdict


def _bytes(outputs: list[np.ndarray]) -> np.ndarray:
    """Every output byte of every sample, uint8 (N, bytes)."""
    rows = [np.ascontiguousarray(o).view(np.uint8).reshape(len(o), -1) for o in outputs]
    return np.concatenate(rows, axis=1)


def _accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    predicted = outputs.reshape(len(outputs), -1).argmax(axis=1)
    return float((predicted == labels).mean())
