"""The step behind `tinyml quantize`: model and calibration in, int8 .tflite and metrics out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyml import console, data
from tinyml.models import files
from tinyml.models.runtime import tensorflow
from tinyml.quantize import accuracy, calibration, tflm
from tinyml.quantize.convert import int8_tflite, sample_shape


@dataclass(frozen=True)
class Request:
    """What the user asked for; `data` is the set whose test split measures accuracy, or None."""

    model: Path
    calibration: str
    samples: int
    data: str | None
    allow_unsafe: bool
    seed: int

    def inputs(self) -> dict[str, Path]:
        """The files and directories read, by role."""
        found = {
            "model": self.model,
            "calibration": calibration.path_of(self.calibration),
            "data": calibration.path_of(self.data) if self.data else None,
        }
        return {role: path for role, path in found.items() if path is not None}

    def settings(self) -> dict[str, Any]:
        """What JSON can hold of it, for the record."""
        return {
            "calibration": self.calibration,
            "calibration_samples": self.samples,
            "data": self.data,
            "allow_unsafe": self.allow_unsafe,
        }


def quantize(request: Request, output: Path) -> dict[str, Any]:
    """Write the int8 model to `output`; returns the record's metrics.

    Raises:
        InputError: a model, calibration or data set that cannot be read or does not fit the others.
    """
    if request.data:
        tflm.require()  # before the work, not after it
    tensorflow(request.seed)
    model = files.load(request.model, request.allow_unsafe)
    shape = sample_shape(model, request.model)
    taken = calibration.load(request.calibration, shape, request.samples, request.seed)
    dataset = _fitting_data(request, model) if request.data else None
    with console.working(f"calibrating on {len(taken)} samples and converting"):
        content = int8_tflite(model, taken.x, request.model)
    output.write_bytes(content)
    inputs, outputs = tflm.boundary(content)
    metrics = {
        "bytes": len(content),
        "calibration": {"source": taken.source, "samples": len(taken)},
        "input_tensor": _described(inputs[0]),
        "output_tensor": _described(outputs[0]),
    }
    return metrics | (_accuracies(model, output, dataset.test) if dataset else {})


def _fitting_data(request: Request, model: Any) -> data.Dataset:
    assert request.data is not None
    dataset = data.load(request.data)
    data.require_shape(dataset, sample_shape(model, request.model), request.model)
    accuracy.require_classes(dataset, int(model.output_shape[-1]), request.model)
    return dataset


def _accuracies(model: Any, output: Path, test: data.Split) -> dict[str, Any]:
    return {
        "accuracy_float": accuracy.of_float(model, test),
        "accuracy_int8": accuracy.of_int8(tflm.Tflm(output), test),
        "test_samples": len(test),
    }


def _described(tensor: tflm.Tensor) -> dict[str, Any]:
    return {
        "shape": list(tensor.shape),
        "dtype": str(tensor.dtype),
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
    }
