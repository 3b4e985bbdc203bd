"""Quantization after training: model and calibration in, .tflite and metrics out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyml import console, data
from tinyml.models import files
from tinyml.models.outputs import require_classifier
from tinyml.models.runtime import tensorflow
from tinyml.quantize import accuracy, calibration, tflm
from tinyml.quantize.convert import quantized_tflite, sample_shape


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    `data` is the set whose test split measures accuracy, or None; `precision` as for `convert`.
    """

    model: Path
    calibration: str
    samples: int
    data: str | None
    allow_unsafe: bool
    seed: int
    precision: str = "int8"

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
            "quantize": self.precision,
            "data": self.data,
            "allow_unsafe": self.allow_unsafe,
        }


def quantize(request: Request, output: Path) -> dict[str, Any]:
    """Write the quantized model to `output`; returns the record's metrics.

    Raises:
        InputError: a model, calibration or data set that cannot be read or does not fit the others.
    """
    if request.data:
        tflm.require()  # before the work, not after it
    tensorflow(request.seed)
    model = files.load(request.model, request.allow_unsafe)
    shape = sample_shape(model, request.model)
    taken = calibration.load(request.calibration, shape, request.samples, request.seed)
    dataset = fitting_data(request.data, model, request.model) if request.data else None
    with console.working(f"calibrating on {len(taken)} samples and converting"):
        content = quantized_tflite(model, taken.x, request.precision, request.model)
    output.write_bytes(content)
    metrics = {
        **described(content, request.precision),
        "calibration": {"source": taken.source, "samples": len(taken)},
    }
    return metrics | (accuracies(model, output, dataset.test) if dataset else {})


def fitting_data(source: str, model: Any, name: object) -> data.Dataset:
    """The data set `source`, whose samples and classes are those of a Keras model called `name`.

    Raises:
        InputError: it cannot be read, or has other samples or classes; the model is no classifier.
    """
    require_classifier(model, name)
    shape = sample_shape(model, name)
    dataset = data.load(source, shape=shape)
    data.require_shape(dataset, shape, name)
    accuracy.require_classes(dataset, int(model.output_shape[-1]), name)
    return dataset


def accuracies(model: Any, quantized: Path, test: data.Split) -> dict[str, Any]:
    """Accuracy of the Keras model and, under TFLM, of the .tflite `quantized`."""
    return {
        "accuracy_float": accuracy.of_float(model, test),
        "accuracy_quantized": accuracy.of_quantized(tflm.Tflm(quantized), test),
        "test_samples": len(test),
    }


def described(content: bytes, precision: str) -> dict[str, Any]:
    """What a record says of a .tflite of one input and one output."""
    inputs, outputs = tflm.boundary(content)
    return {
        "bytes": len(content),
        "precision": precision,
        "input_tensor": _described(inputs[0]),
        "output_tensor": _described(outputs[0]),
    }


def _described(tensor: tflm.Tensor) -> dict[str, Any]:
    return {
        "shape": list(tensor.shape),
        "dtype": str(tensor.dtype),
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
    }
