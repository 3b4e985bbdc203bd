"""Runs a built project on inputs and compares every output byte with a judge's."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import affine, console, targets
from tinyml.codegen.project import read_report
from tinyml.emulate import build, qemu
from tinyml.emulate.host import HostModel
from tinyml.errors import CheckFailed, InputError


@dataclass(frozen=True)
class Measured:
    """What a run of N inputs gave; instructions and stack are None on the host."""

    outputs: np.ndarray
    emulator: str
    instructions: dict[str, int] | None
    stack_bytes: int | None
    sizes: build.Sizes | None


def raw_inputs(project: Path, x: np.ndarray) -> np.ndarray:
    """Samples as the int8 values that a project's model takes.

    Args:
        project: an exported project.
        x: (N, ...) float32 real values or int8 raw values.

    Raises:
        InputError: the samples do not have the model's input shape.
    """
    port = read_report(project)["input"]
    shape = tuple(port["shape"][1:])
    if x.shape[1:] != shape:
        raise InputError(
            project, f"takes samples of shape {shape}, found {x.shape[1:]}", "check --data"
        )
    if x.dtype == np.int8:
        return x
    return affine.quantize(x, port["scale"], port["zero_point"])


def random_inputs(project: Path, count: int, seed: int) -> np.ndarray:
    """`count` inputs with all int8 values equally likely."""
    shape = read_report(project)["input"]["shape"][1:]
    return np.random.default_rng(seed).integers(-128, 128, (count, *shape)).astype(np.int8)


def execute(project: Path, inputs: np.ndarray, emulator: str, timeout: float) -> Measured:
    """Build a project and run every input.

    Args:
        project: an exported project.
        inputs: int8 (N, *input shape).
        emulator: "qemu" or "host".
        timeout: seconds for one inference.

    Raises:
        InputError: a tool is missing.
        CheckFailed: it does not compile, faults, hangs or answers nonsense.
    """
    if emulator == "host":
        return Measured(HostModel(project).predict(inputs), "host", None, None, None)
    with tempfile.TemporaryDirectory(prefix="tinyml-build-") as scratch:
        return _on_qemu(project, inputs, Path(scratch), timeout)


def _on_qemu(project: Path, inputs: np.ndarray, scratch: Path, timeout: float) -> Measured:
    report = read_report(project)
    target = targets.find(report["target"])
    build.need("qemu-system-arm")
    elf = build.build(project, "firmware", scratch)
    measured = build.sizes(elf, report["flash_bytes"]["weights"])
    shape = report["output"]["shape"][1:]
    outputs, ticks, stack = [], [], 0
    with qemu.session(elf, target, timeout) as device, console.progress("QEMU", len(inputs)) as bar:
        expected = (inputs[0].size, int(np.prod(shape)))
        if device.query() != expected:
            raise CheckFailed(f"{project}: the firmware does not hold the model of its report")
        for sample in inputs:
            answer = device.infer(sample.tobytes(), expected[1])
            outputs.append(np.frombuffer(answer.output, np.int8).reshape(shape))
            ticks.append(answer.ticks)
            stack = answer.stack_bytes
            bar.advance()
    assert target.qemu is not None
    # The counter starts with the inference and rounds down, so rounding up gives whole instructions.
    counts = np.ceil(np.array(ticks) * target.qemu.instructions_per_tick)
    return Measured(np.stack(outputs), "qemu", _summary(counts), stack, measured)


def _summary(counts: np.ndarray) -> dict[str, int]:
    return {
        "min": round(float(counts.min())),
        "mean": round(float(counts.mean())),
        "max": round(float(counts.max())),
    }


def compare(
    measured: Measured, judge: str, expected: np.ndarray, labels: np.ndarray | None
) -> dict[str, Any]:
    """The verdict, as plain values: exactness, accuracy, and what was measured.

    Args:
        measured: of `execute`.
        judge: the name of what gave `expected`.
        expected: int8 outputs, like `measured.outputs`.
        labels: int64 (N,), or None when the inputs have none.
    """
    wrong = measured.outputs != expected
    rows = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))
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
    }
    if labels is not None:
        verdict["accuracy"] = _accuracy(measured.outputs, labels)
        verdict["accuracy_judge"] = _accuracy(expected, labels)
    if measured.sizes is not None:
        sizes = asdict(measured.sizes)
        verdict["ram_bytes"] = sizes.pop("ram")
        verdict["flash_bytes"] = {**sizes, "total": sizes.pop("flash")}
    return verdict


def _accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    predicted = outputs.reshape(len(outputs), -1).argmax(axis=1)
    return float((predicted == labels).mean())
