"""TFLM (PyPI `tflite-micro`) as the judge of exactness; needs no TensorFlow.

The desktop interpreter's XNNPACK kernels round differently, so no int8 result here comes from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.errors import InputError
from tinyml.quantize.quiet import native_output

# Untouched pages of the arena cost no memory, so a generous one is free.
_ARENA_FLOOR = 64 << 20
_ARENA_PER_MODEL_BYTE = 10

_DTYPES: dict[int, np.dtype] = {  # tflite.TensorType -> numpy
    0: np.dtype(np.float32),
    2: np.dtype(np.int32),
    3: np.dtype(np.uint8),
    4: np.dtype(np.int64),
    6: np.dtype(np.bool_),
    7: np.dtype(np.int16),
    9: np.dtype(np.int8),
}


@dataclass(frozen=True)
class Tensor:
    """An input or output: shape (batch included), dtype, and per-tensor scale and zero point.

    `scale` is 0.0 for a tensor that is not quantized.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    scale: float
    zero_point: int


def boundary(content: bytes) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The inputs and outputs of a `.tflite`, in the model's order; nothing is run.

    Raises:
        ValueError: not a TFLite model, or a type at the boundary that no model of ours has.
    """
    import tflite

    if content[4:8] != b"TFL3":
        raise ValueError("not a TFLite flatbuffer")
    graph = tflite.Model.GetRootAsModel(content, 0).Subgraphs(0)
    if graph is None:
        raise ValueError("no graph in it")
    inputs = tuple(_tensor(graph, graph.Inputs(i)) for i in range(graph.InputsLength()))
    outputs = tuple(_tensor(graph, graph.Outputs(i)) for i in range(graph.OutputsLength()))
    return inputs, outputs


def _tensor(graph: Any, index: int) -> Tensor:
    tensor = graph.Tensors(index)
    if tensor.Type() not in _DTYPES:
        raise ValueError(f"input or output {index} has tensor type {tensor.Type()}")
    quantization = tensor.Quantization()
    quantized = quantization is not None and quantization.ScaleLength() > 0
    return Tensor(
        (tensor.Name() or b"").decode("utf-8", "replace"),
        tuple(int(tensor.Shape(i)) for i in range(tensor.ShapeLength())),
        _DTYPES[tensor.Type()],
        float(quantization.Scale(0)) if quantized else 0.0,
        int(quantization.ZeroPoint(0)) if quantized else 0,
    )


def require() -> Any:
    """tflite-micro's runtime module.

    Raises:
        InputError: it is not installed.
    """
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError:
        raise InputError(
            "tflite-micro",
            "not installed",
            "pip install pyyaml; pip install --no-deps tflite-micro",
        ) from None
    return runtime


class Tflm:
    """A `.tflite` model run by TFLM's reference kernels.

    Attributes:
        inputs: a `Tensor` each, in the model's order.
        outputs: likewise.

    Raises:
        InputError: tflite-micro is missing, or TFLM cannot load the file.
    """

    def __init__(self, path: Path, content: bytes | None = None, keep: bool = False) -> None:
        """Load.

        Args:
            path: the file; what errors call the model.
            content: what to load instead of the file's content.
            keep: give every tensor memory of its own, for `tensor`.
        """
        runtime = require()
        config = runtime.InterpreterConfig
        mode = config.kPreserveAllTensors if keep else config.kAllocationRecording
        self._path = path
        try:
            content = path.read_bytes() if content is None else content
            self.inputs, self.outputs = boundary(content)
            arena = _ARENA_FLOOR + _ARENA_PER_MODEL_BYTE * len(content)
            with native_output():
                self._interpreter = runtime.Interpreter.from_bytes(
                    content, arena_size=arena, intrepreter_config=mode
                )
        except Exception as error:  # a broken flatbuffer raises whatever its first wild offset does
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                path, f"TFLM cannot load it ({reason})", "give a TFLite model of operators TFLM has"
            ) from None

    def invoke(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One inference: arrays for the inputs, in exact shape and dtype, to one for each output.

        Raises:
            InputError: the arrays do not fit the model's inputs.
        """
        found = [(v.shape, str(v.dtype)) for v in values]
        wanted = [(t.shape, str(t.dtype)) for t in self.inputs]
        if found != wanted:
            raise InputError(self._path, f"takes {wanted}, given {found}", "give what it takes")
        for index, value in enumerate(values):
            self._interpreter.set_input(value, index)
        self._interpreter.invoke()
        return [np.array(self._interpreter.get_output(i)) for i in range(len(self.outputs))]

    def tensor(self, index: int) -> np.ndarray:
        """A tensor's value in the last inference, of a model loaded with `keep`; by number in the file."""
        return np.array(self._interpreter.GetTensor(index, 0)["tensor_data"])

    def sample(self, parts: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One sample an input as `invoke` takes it: with the leading dimension of 1, if there is one."""
        return [
            part[np.newaxis] if port.shape[:1] == (1,) else part
            for part, port in zip(parts, self.inputs)
        ]

    def predict(self, batch: np.ndarray) -> np.ndarray:
        """First output for each sample of `batch`, of a model with one input and batch size 1.

        Args:
            batch: (N, ...) in the input's dtype (int8), without the model's batch dimension of 1.

        Returns:
            (N, ...) in the first output's dtype, its batch dimension of 1 left out.

        Raises:
            InputError: `batch` does not fit the model's input.
        """
        return self.predict_all([batch])[0]

    def predict_all(self, batches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Every output for each sample: a batch (N, ...) an input to a batch an output.

        A leading dimension of 1 of a tensor's shape is the batch dimension, replaced by N.

        Raises:
            InputError: the batches do not fit the model's inputs.
        """
        found: list[list[np.ndarray]] = [[] for _ in self.outputs]
        for sample in zip(*batches):
            for results, result in zip(found, self.invoke(self.sample(sample))):
                results.append(result[0] if result.shape[:1] == (1,) else result)
        return [
            np.array(results, port.dtype) if results else _empty(port)
            for results, port in zip(found, self.outputs)
        ]


def _empty(port: Tensor) -> np.ndarray:
    shape = port.shape[1:] if port.shape[:1] == (1,) else port.shape
    return np.empty((0, *shape), port.dtype)
