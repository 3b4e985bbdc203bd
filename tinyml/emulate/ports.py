"""The inputs and outputs of an exported project, and samples for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import affine
from tinyml.codegen.project import read_report
from tinyml.decisions import LOGIT, decide, raw_threshold
from tinyml.errors import InputError


@dataclass(frozen=True)
class Port:
    """One input or output, as the project's report has it; scale is None when it is not quantized."""

    name: str
    suffix: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample: without the leading batch dimension of 1."""
        return self.shape[1:] if self.shape[:1] == (1,) else self.shape

    @property
    def nbytes(self) -> int:
        """Size of one sample in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def raw(self, batch: np.ndarray) -> np.ndarray:
        """Samples in the port's own type: as they are, or floats quantized.

        Args:
            batch: (N, *sample_shape), of the port's dtype or float.

        Raises:
            InputError: wrong shape or type.
        """
        if batch.shape[1:] == self.sample_shape:
            if batch.dtype == self.dtype:
                return batch
            if batch.dtype.kind == "f" and self.scale is not None:
                return affine.quantize(batch, self.scale, self.zero_point or 0, self.dtype)
        wanted = ", ".join(map(str, self.sample_shape))
        raise InputError(
            f"input '{self.name}'",
            f"takes {self.dtype} or float of shape (N, {wanted}), found {batch.dtype} {batch.shape}",
            "reshape the batch",
        )

    def real(self, batch: np.ndarray) -> np.ndarray:
        """Raw values as float32 real values; as they are when the port is not quantized."""
        if self.scale is None:
            return batch
        return affine.dequantize(batch, self.scale, self.zero_point or 0)

    def classes(self, batch: np.ndarray) -> np.ndarray:
        """The class that each raw sample (N, *sample_shape) decides for, int64 (N,); see `decide`.

        A single integer that is not quantized, such as an ARGMAX's, is the class itself.
        """
        flat = batch.reshape(len(batch), -1)
        if self.scale is not None:
            return decide(flat, raw_threshold(self.scale, self.zero_point or 0, self.dtype))
        return flat[:, 0].astype(np.int64) if flat.shape[1] == 1 else decide(flat, LOGIT)

    def random(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """`count` samples; of integers all values are equally likely."""
        shape, dtype = (count, *self.sample_shape), np.dtype(self.dtype)
        if dtype.kind == "f":
            return rng.normal(size=shape).astype(dtype)
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)


@dataclass(frozen=True)
class Ports:
    """All inputs and outputs of a project."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def random_inputs(self, count: int, seed: int) -> list[np.ndarray]:
        """Random samples for every input."""
        rng = np.random.default_rng(seed)
        return [port.random(count, rng) for port in self.inputs]

    def packed(self, samples: Sequence[np.ndarray]) -> bytes:
        """One sample of each input, as the firmware takes them."""
        return b"".join(np.ascontiguousarray(sample).tobytes() for sample in samples)

    def unpacked(self, data: bytes) -> list[np.ndarray]:
        """One sample of each output, from what the firmware answered."""
        found, place = [], 0
        for port in self.outputs:
            part = data[place : place + port.nbytes]
            found.append(np.frombuffer(part, port.dtype).reshape(port.sample_shape))
            place += port.nbytes
        return found

    @property
    def sizes(self) -> tuple[int, int]:
        """(bytes of all inputs, bytes of all outputs)."""
        return sum(p.nbytes for p in self.inputs), sum(p.nbytes for p in self.outputs)


def of_project(directory: Path) -> Ports:
    """The ports of an exported project.

    Raises:
        InputError: not a project.
    """
    report = read_report(directory)
    return Ports(*(tuple(map(_port, report[kind])) for kind in ("inputs", "outputs")))


def _port(stored: dict[str, Any]) -> Port:
    names = ("name", "suffix", "dtype", "scale", "zero_point")
    return Port(shape=tuple(stored["shape"]), **{name: stored[name] for name in names})
