"""The exported C as a Python object: what runs on the device is what development sees."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinyml import __version__
from tinyml.codegen.project import read_report
from tinyml.emulate import ports
from tinyml.emulate.build import build
from tinyml.errors import InputError


class HostModel:
    """An exported project, compiled for this machine and called in-process.

    The compiled library is cached by the content of the project's C files. A model with a state keeps it from
    sample to sample and from call to call, as the device does; `reset` puts it back.
    """

    def __init__(self, project: str | os.PathLike[str]) -> None:
        """Compile and load.

        Args:
            project: a directory that `tinyml export` wrote.

        Raises:
            InputError: not a project, or no compiler.
            CheckFailed: the project does not compile.
        """
        directory = Path(project)
        report = read_report(directory)
        prefix = report["prefix"]
        self.ports = ports.of_project(directory)
        library = self._load(directory, prefix)
        self._invoke = getattr(library, f"{prefix}_invoke")
        self._invoke.restype = None
        self._sources = [
            _array(getattr(library, f"{prefix}_input{port.suffix}"), port)
            for port in self.ports.inputs
        ]
        self._results = [
            _array(getattr(library, f"{prefix}_output{port.suffix}"), port)
            for port in self.ports.outputs
        ]
        self._lock = threading.Lock()  # the arena is static: one inference at a time
        getattr(library, f"{prefix}_init")()
        has_state = report["ram_bytes"]["state"] > 0
        self._reset = getattr(library, f"{prefix}_reset") if has_state else None

    def _load(self, directory: Path, prefix: str, extra: str = "") -> ctypes.CDLL:
        """The project compiled with `extra` options, its arena shared with no other HostModel."""
        return _load_private(_library(directory, extra))

    def reset(self) -> None:
        """Forget all inferences so far; of no effect on a model without state."""
        if self._reset is not None:
            with self._lock:
                self._reset()

    def predict(self, batch: np.ndarray) -> np.ndarray:
        """Run every sample of a batch in order, for a model with one input; its first output.

        A state, if the model has one, goes on from the last sample of the call before; see `reset`.

        Args:
            batch: (N, *input shape without its leading 1); raw values, or float to be quantized.

        Returns:
            (N, *output shape without its leading 1); raw values for raw values, float32 for float.

        Raises:
            InputError: wrong shape or type, or several inputs.
        """
        batch = np.asarray(batch)
        first = self.predict_all([batch])[0]
        raw = batch.dtype == self.ports.inputs[0].dtype
        return first if raw else self.ports.outputs[0].real(first)

    def predict_all(self, batches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run every sample; one batch an input to one batch of raw values an output.

        Raises:
            InputError: wrong number, shapes or types.
        """
        if len(batches) != len(self.ports.inputs):
            raise InputError(
                "predict_all",
                f"takes {len(self.ports.inputs)} inputs, found {len(batches)}",
                "give a batch for each input",
            )
        inputs = [port.raw(batch) for port, batch in zip(self.ports.inputs, batches)]
        count = len(inputs[0])
        results = [np.empty((count, *p.sample_shape), p.dtype) for p in self.ports.outputs]
        with self._lock:
            for index in range(count):
                for source, batch in zip(self._sources, inputs):
                    source[...] = batch[index]
                self._invoke()  # ctypes lets other threads run meanwhile
                for result, found in zip(results, self._results):
                    result[index] = found
        return results


def _array(function: ctypes._NamedFuncPointer, port: ports.Port) -> np.ndarray:
    """The memory that an accessor of the library points to, as an array of one sample."""
    function.restype = ctypes.POINTER(np.ctypeslib.as_ctypes_type(np.dtype(port.dtype)))
    return np.ctypeslib.as_array(function(), shape=port.shape).reshape(port.sample_shape)


def _library(project: Path, extra: str) -> Path:
    """The library compiled with `extra` options, from the cache when its sources were compiled before."""
    import platformdirs

    digest = hashlib.sha256(f"{__version__}{extra}".encode())
    cmsis_nn = project.glob("cmsis-nn/**/*.[ch]")
    own = (*project.glob("*.[ch]"), *project.glob("kernels/*"), project / "Makefile")
    for path in sorted([*own, *cmsis_nn]):
        digest.update(f"{path.relative_to(project)}\0".encode() + path.read_bytes())
    cache = Path(platformdirs.user_cache_dir("tinyml")) / "host"
    cached = cache / f"{digest.hexdigest()[:32]}.so"
    if not cached.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            built = build(project, "host", Path(scratch), extra)
            built.replace(cached)
    return cached


def _load_private(library: Path) -> ctypes.CDLL:
    """The library, loaded from a copy that is gone again: two HostModels must not share an arena."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / library.name
        shutil.copyfile(library, copy)
        return ctypes.CDLL(str(copy))
