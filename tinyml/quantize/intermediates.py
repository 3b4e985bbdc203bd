"""Every intermediate of a .tflite under TFLM: the right bytes, and what a float model computes instead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tinyml import affine
from tinyml.emulate.layers import Inference, Values
from tinyml.errors import InputError
from tinyml.quantize import tflm
from tinyml.quantize.dequantized import dequantized
from tinyml.quantize.quiet import native_output


def exact(path: Path) -> Inference:
    """The bytes that TFLM computes for a .tflite.

    Raises:
        InputError: tflite-micro is missing, or TFLM cannot load the file.
    """
    model = tflm.Tflm(path, keep=True)

    def infer(sample: list[np.ndarray]) -> Values:
        model.invoke(model.sample(sample))
        return model.tensor

    return infer


def without_rounding(path: Path) -> Inference:
    """The same graph in float32 with the .tflite's own weights; see `dequantized`.

    A graph that TFLM cannot run in float, because an operator works on integers only, gives the reason for
    every tensor.

    Raises:
        InputError: tflite-micro is missing.
    """
    content = path.read_bytes()
    inputs, _ = tflm.boundary(content)
    try:
        model = _running(path, dequantized(content))
    except InputError as error:
        reason = f"not run in float ({error})"
        return lambda sample: lambda tensor: reason
    return _real(model, inputs, None)


def of_float_model(path: Path, float_model: Path, allow_unsafe: bool = False) -> Inference:
    """What the model computes that a .tflite was quantized from; tensors are matched by their names.

    Args:
        path: the quantized .tflite.
        float_model: a float .tflite, or a Keras model, which is converted to one.
        allow_unsafe: load a Keras model that carries code.

    Raises:
        InputError: the float model cannot be read or run, or has other inputs or none of the names.
    """
    content = _float_content(float_model, allow_unsafe)
    model = _running(float_model, content)
    inputs, _ = tflm.boundary(path.read_bytes())
    shapes = [[port.shape for port in ports] for ports in (model.inputs, inputs)]
    if shapes[0] != shapes[1] or any(port.dtype != np.float32 for port in model.inputs):
        raise InputError(
            float_model,
            f"takes {_described(model.inputs)}, the quantized model {_described(inputs)}",
            "give the float model that was quantized",
        )
    numbers = {name: index for index, name in enumerate(_names(content)) if name}
    places = {i: numbers[n] for i, n in enumerate(_names(path.read_bytes())) if n in numbers}
    if not places.keys() - set(_input_numbers(path)):
        raise InputError(
            float_model,
            "shares no tensor's name with the quantized model",
            "give the float model that was quantized",
        )
    return _real(model, inputs, places)


def _real(
    model: tflm.Tflm, inputs: tuple[tflm.Tensor, ...], places: Mapping[int, int] | None
) -> Inference:
    """Runs a float model on raw samples; `places` are its tensors' numbers, None for the same ones."""

    def infer(sample: list[np.ndarray]) -> Values:
        parts = zip(sample, inputs)
        model.invoke(model.sample([_dequantized(part, port) for part, port in parts]))
        return value

    def value(tensor: int) -> np.ndarray | str:
        if places is None:
            return model.tensor(tensor)
        if tensor not in places:
            return "the float model has no tensor of this name"
        return model.tensor(places[tensor])

    return infer


def _dequantized(part: np.ndarray, port: tflm.Tensor) -> np.ndarray:
    return affine.dequantize(part, port.scale, port.zero_point) if port.scale else part


def _running(path: Path, content: bytes) -> tflm.Tflm:
    """A model that keeps every tensor and has been seen to run: some kernels find their type wrong only then.

    Raises:
        InputError: it does not run.
    """
    probe = tflm.Tflm(path, content)
    try:
        with native_output():
            probe.invoke([np.zeros(port.shape, port.dtype) for port in probe.inputs])
    except RuntimeError as error:
        raise InputError(path, f"TFLM cannot run it ({error})", "see its operators") from None
    return tflm.Tflm(path, content, keep=True)


def _float_content(path: Path, allow_unsafe: bool) -> bytes:
    if path.suffix == ".tflite":
        try:
            return path.read_bytes()
        except OSError as error:
            raise InputError(path, f"cannot be read ({error.strerror})", "check it") from None
    from tinyml.models import files
    from tinyml.quantize.convert import float_tflite

    return float_tflite(files.load(path, allow_unsafe), path)


def _names(content: bytes) -> list[str]:
    """The names of a .tflite's tensors."""
    import tflite

    graph = tflite.Model.GetRootAsModel(content, 0).Subgraphs(0)
    found = (graph.Tensors(i).Name() or b"" for i in range(graph.TensorsLength()))
    return [name.decode("utf-8", "replace") for name in found]


def _input_numbers(path: Path) -> list[int]:
    import tflite

    graph = tflite.Model.GetRootAsModel(path.read_bytes(), 0).Subgraphs(0)
    return [int(graph.Inputs(i)) for i in range(graph.InputsLength())]


def _described(ports: tuple[tflm.Tensor, ...]) -> str:
    return " and ".join(f"{port.dtype} {port.shape}" for port in ports)
