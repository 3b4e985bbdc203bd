"""The exported C as a Python object: what runs on the device is what development sees."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import tempfile
import threading
from pathlib import Path

import numpy as np

from tinyml import __version__, affine
from tinyml.codegen.project import read_report
from tinyml.emulate.build import build
from tinyml.errors import InputError


class HostModel:
    """An exported project, compiled for this machine and called in-process.

    The compiled library is cached by the content of the project's C files.
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
        self._report = read_report(directory)
        self._input, self._output = self._report["input"], self._report["output"]
        library = _load_private(_library(directory))
        prefix = self._report["prefix"]
        self._invoke = getattr(library, f"{prefix}_invoke")
        self._invoke.restype = None
        self._source = _array(getattr(library, f"{prefix}_input"), self._input["shape"])
        self._result = _array(getattr(library, f"{prefix}_output"), self._output["shape"])
        self._lock = threading.Lock()  # the arena is static: one inference at a time
        getattr(library, f"{prefix}_init")()

    def predict(self, batch: np.ndarray) -> np.ndarray:
        """Run every sample of a batch.

        Args:
            batch: (N, *input shape without its leading 1); int8 raw values, or float to be quantized.

        Returns:
            (N, *output shape without its leading 1); int8 for int8, float32 dequantized for float.

        Raises:
            InputError: wrong shape or type.
        """
        if batch.dtype.kind == "f":
            raw = affine.quantize(batch, self._input["scale"], self._input["zero_point"])
            found = self.predict(raw)
            return affine.dequantize(found, self._output["scale"], self._output["zero_point"])
        shape = tuple(self._input["shape"][1:])
        if batch.dtype != np.int8 or batch.shape[1:] != shape:
            raise InputError(
                "predict",
                f"takes int8 or float of shape (N, {', '.join(map(str, shape))}), "
                f"found {batch.dtype} {batch.shape}",
                "reshape the batch",
            )
        results = np.empty((len(batch), *self._output["shape"][1:]), np.int8)
        with self._lock:
            for sample, result in zip(batch, results):
                self._source[0] = sample
                self._invoke()  # ctypes lets other threads run meanwhile
                result[...] = self._result[0]
        return results


def _array(function: ctypes._NamedFuncPointer, shape: list[int]) -> np.ndarray:
    """The memory that an accessor of the library points to, as an int8 array."""
    function.restype = ctypes.POINTER(ctypes.c_int8)
    return np.ctypeslib.as_array(function(), shape=tuple(shape))


def _library(project: Path) -> Path:
    """The compiled library, from the cache when its sources were compiled before."""
    import platformdirs

    digest = hashlib.sha256(__version__.encode())
    for path in sorted([*project.glob("*.[ch]"), *project.glob("kernels/*"), project / "Makefile"]):
        digest.update(f"{path.relative_to(project)}\0".encode() + path.read_bytes())
    cache = Path(platformdirs.user_cache_dir("tinyml")) / "host"
    cached = cache / f"{digest.hexdigest()[:32]}.so"
    if not cached.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            built = build(project, "host", Path(scratch))
            built.replace(cached)
    return cached


def _load_private(library: Path) -> ctypes.CDLL:
    """The library, loaded from a copy that is gone again: two HostModels must not share an arena."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / library.name
        shutil.copyfile(library, copy)
        return ctypes.CDLL(str(copy))
