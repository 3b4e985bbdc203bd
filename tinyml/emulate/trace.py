"""What every node of an exported project computes, taken from the arena after its last kernel."""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyml.codegen.project import computed, read_report
from tinyml.emulate import devices, ports
from tinyml.emulate.host import HostModel

_HOOK = ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_void_p)


@dataclass(frozen=True)
class Layer:
    """What one kernel node of a project computes, as its report has it.

    Attributes:
        node: its number; operator, name, kernel: what it is.
        tensor: the output's number in the .tflite.
        shape, dtype, scale, zero_point: the output's; scale is None when it is not quantized.
        offset: where in the arena it lies after the node.
        channels: the channels that it still has of the file's tensor; None for all.
        whole: it is there as a whole; otherwise its node is in a region, which computes it row by row.
    """

    node: int
    operator: str
    name: str
    kernel: str
    tensor: int
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None
    offset: int
    channels: tuple[int, ...] | None
    whole: bool

    @property
    def nbytes(self) -> int:
        """Size of the output in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


def layers(project: Path) -> list[Layer]:
    """Every output of every node that has code, in the order of execution.

    Raises:
        InputError: not a project.
    """
    report = read_report(project)
    return [
        Layer(
            node=index,
            operator=report["nodes"][index]["operator"],
            name=output["name"],
            kernel=report["nodes"][index]["kernel"],
            shape=tuple(output["shape"]),
            channels=None if output["channels"] is None else tuple(output["channels"]),
            **{
                name: output[name]
                for name in ("tensor", "dtype", "scale", "zero_point", "offset", "whole")
            },
        )
        for index, output in computed(report)
    ]


Trace = Callable[[Sequence[np.ndarray]], "list[np.ndarray | None]"]


@contextmanager
def tracer(project: Path, place: devices.Place, timeout: float) -> Iterator[Trace]:
    """Runs one inference and gives the values of `layers`, None for one that is never there as a whole.

    Args:
        project: an exported project.
        place: "host", or as of `devices.started`, whose firmware then sends them.
        timeout: seconds for a layer.

    Raises:
        InputError, CheckFailed: as of HostModel and `devices.started`.
    """
    if place == "host":
        yield TracedModel(project).trace
        return
    prefix, known = read_report(project)["prefix"].upper(), ports.of_project(project)
    computed_layers = layers(project)
    sizes = [(place, layer.nbytes) for place, layer in enumerate(computed_layers) if layer.whole]
    with (
        tempfile.TemporaryDirectory(prefix="tinyml-trace-") as scratch,
        devices.started(
            project, place, timeout, Path(scratch), devices.TRACED.format(prefix)
        ) as device,
    ):

        def trace(sample: Sequence[np.ndarray]) -> list[np.ndarray | None]:
            found = device.session.layers(known.packed(sample), known.sizes[1], sizes)
            sent = {place: data for (place, _), data in zip(sizes, found)}
            return [_value(layer, sent.get(i)) for i, layer in enumerate(computed_layers)]

        yield trace


def _value(layer: Layer, data: bytes | None) -> np.ndarray | None:
    return None if data is None else np.frombuffer(data, layer.dtype).reshape(layer.shape)


class TracedModel(HostModel):
    """A HostModel that hands out what every node computed; the same C, compiled with its trace hook."""

    def __init__(self, project: str | os.PathLike[str]) -> None:
        """As HostModel's."""
        self.layers = layers(Path(project))
        self._values: dict[int, np.ndarray] = {}  # by place in `layers`
        super().__init__(project)

    def _load(self, directory: Path, prefix: str, extra: str = "") -> ctypes.CDLL:
        library = super()._load(directory, prefix, f"-D{prefix.upper()}_TRACE")
        self._callback = _HOOK(self._note)  # kept: the library has only its address
        hook = ctypes.c_void_p.in_dll(library, f"{prefix}_trace")
        hook.value = ctypes.cast(self._callback, ctypes.c_void_p).value
        return library

    def _note(self, node: int, arena: int) -> None:
        for place, layer in enumerate(self.layers):
            if layer.node == node:
                data = ctypes.string_at(arena + layer.offset, layer.nbytes)
                self._values[place] = np.frombuffer(data, layer.dtype).reshape(layer.shape)

    def trace(self, samples: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        """One inference: a sample an input, of its own type, to the values of `layers`; None for a part."""
        with self._lock:
            for source, sample in zip(self._sources, samples):
                source[...] = sample
            self._invoke()
            return [self._values.get(place) for place in range(len(self.layers))]
