"""Every layer of the deployed program beside a judge's bytes and a float model's values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Union

import numpy as np

from tinyml import affine, console
from tinyml.emulate import devices, trace
from tinyml.emulate.trace import Layer
from tinyml.graph import reference, tflite_reader

# The value of a tensor, by its number in the .tflite, or why there is none
Values = Callable[[int], Union[np.ndarray, str]]
# Runs one sample (an array an input, of its own type) and gives the values
Inference = Callable[[list[np.ndarray]], Values]


def by_reference(model: Path) -> Inference:
    """The bytes that our own numpy reference computes for a .tflite, for machines without TFLM."""
    graph = tflite_reader.read(model)
    state = reference.fresh_state(graph)

    def infer(sample: list[np.ndarray]) -> Values:
        shapes = [graph.tensors[i].shape for i in graph.inputs]
        parts = [part.reshape(shape) for part, shape in zip(sample, shapes)]
        return reference.run(graph, parts, state).__getitem__

    return infer


@dataclass(frozen=True)
class Row:
    """How one layer compares over all samples.

    Attributes:
        node, output: the node's number and its output's name; operator, kernel, shape: what it is.
        sqnr_db: signal to quantization noise in decibels, 10 log10(sum of float^2 / sum of error^2), the
            error being what all layers up to this one have added; None with the reason in `sqnr_note`.
        bytes_compared, bytes_different, first_different_sample: against the judge.
        judge_note: why nothing was compared, if so.
    """

    node: int
    output: str
    operator: str
    kernel: str
    shape: tuple[int, ...]
    sqnr_db: float | None
    sqnr_note: str
    bytes_compared: int
    bytes_different: int
    first_different_sample: int | None
    judge_note: str


def compare(
    project: Path,
    inputs: Sequence[np.ndarray],
    judge: Inference,
    real: Inference,
    place: devices.Place = "host",
    timeout: float = 60.0,
) -> dict[str, Any]:
    """Run the project, sample by sample, and compare what each node computed.

    Args:
        project: an exported project.
        inputs: for each input of the model (N, *sample shape), in its own type.
        judge: gives the right bytes.
        real: gives the float model's values; its inputs are the same samples.
        place: what computes the layers, see `trace.tracer`.
        timeout: seconds for a layer.

    Returns:
        emulator; samples; layers, one dict of `Row` each; worst and first_mismatch, each an index into them
        or None.

    Raises:
        InputError: not a project, or a tool is missing.
        CheckFailed: it does not compile, faults, or does not answer.
    """
    tallies = [_Tally(layer) for layer in trace.layers(project)]
    with (
        trace.tracer(project, place, timeout) as run,
        console.progress("layers", len(inputs[0])) as bar,
    ):
        for number, sample in enumerate(zip(*inputs)):
            right, exact = judge(list(sample)), real(list(sample))
            for tally, value in zip(tallies, run(sample)):
                if value is None:
                    tally.skip("computed row by row, never there as a whole")
                    continue
                tally.judge(number, value, right(tally.layer.tensor))
                tally.measure(value, exact(tally.layer.tensor))
            bar.advance()
    rows = [tally.row() for tally in tallies]
    measured = {i: row.sqnr_db for i, row in enumerate(rows) if row.sqnr_db is not None}
    return {
        "emulator": devices.name(place),
        "samples": len(inputs[0]),
        "layers": [asdict(row) for row in rows],
        "worst": min(measured, key=measured.__getitem__, default=None),
        "first_mismatch": next((i for i, row in enumerate(rows) if row.bytes_different), None),
    }


class _Tally:
    """Sums over the samples for one layer."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self._compared = self._different = 0
        self._first: int | None = None
        self._signal = self._noise = 0.0
        self._judge_note = self._sqnr_note = ""

    def skip(self, why: str) -> None:
        """Nothing can be said about this layer."""
        self._judge_note = self._sqnr_note = why

    def judge(self, sample: int, value: np.ndarray, right: np.ndarray | str) -> None:
        """Count the bytes that differ."""
        expected = _kept(right, self.layer)
        if isinstance(expected, str):
            self._judge_note = expected
            return
        if expected.dtype != value.dtype:
            self._judge_note = f"{value.dtype} here, {expected.dtype} in the model"
            return
        differs = _bytes(value) != _bytes(expected)
        self._compared += differs.size
        self._different += int(differs.sum())
        if differs.any() and self._first is None:
            self._first = sample

    def measure(self, value: np.ndarray, exact: np.ndarray | str) -> None:
        """Add up signal and noise."""
        layer, expected = self.layer, _kept(exact, self.layer)
        if isinstance(expected, str):
            self._sqnr_note = expected
            return
        if layer.scale is not None:
            value = affine.dequantize(value, layer.scale, layer.zero_point or 0)
        elif value.dtype.kind != "f":
            self._sqnr_note = "not real numbers"
            return
        signal = expected.astype(np.float64)
        self._signal += float(np.square(signal).sum())
        self._noise += float(np.square(signal - value).sum())

    def row(self) -> Row:
        """What the sums say."""
        layer, note, sqnr = self.layer, self._sqnr_note, None
        if not note and not math.isfinite(self._signal + self._noise):
            note = "the float model's values are not finite"
        elif not note and self._noise == 0:
            note = "no error"
        elif not note and self._signal == 0:
            note = "the float model's values are all 0"
        elif not note:
            sqnr = 10 * math.log10(self._signal / self._noise)
        return Row(
            node=layer.node,
            output=layer.name,
            operator=layer.operator,
            kernel=layer.kernel,
            shape=layer.shape,
            sqnr_db=sqnr,
            sqnr_note=note,
            bytes_compared=self._compared,
            bytes_different=self._different,
            first_different_sample=self._first,
            judge_note=self._judge_note,
        )


def _kept(value: np.ndarray | str, layer: Layer) -> np.ndarray | str:
    """The part of a tensor of the model that the layer still computes, or why there is none."""
    if isinstance(value, str):
        return value
    if layer.channels is not None:
        value = value[..., list(layer.channels)]
    if value.shape != layer.shape:
        return f"shape {value.shape} in the model"
    return value


def _bytes(value: np.ndarray) -> np.ndarray:
    return np.frombuffer(value.tobytes(), np.uint8)
