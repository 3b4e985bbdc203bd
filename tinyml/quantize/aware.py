"""Quantization-aware training: the weights get used to int8 before they become int8.

TensorFlow's model optimization toolkit (tfmot) puts fake quantization into the model, as TFLite will place
the real one; the ranges of activations are learned with the weights.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import console, data
from tinyml.errors import InputError
from tinyml.models import files, training
from tinyml.models.outputs import require_score_a_class
from tinyml.models.runtime import tensorflow
from tinyml.models.settings import TrainSettings
from tinyml.quantize import accuracy, calibration, tflm
from tinyml.quantize.convert import learned_tflite, quantized_tflite, sample_shape
from tinyml.quantize.post_training import accuracies, described, fitting_data

_BATCH = 256


@dataclass(frozen=True)
class Request:
    """What the user asked for; the ranges start from `samples` samples of `data`'s training split."""

    model: Path
    data: str
    samples: int
    training: TrainSettings
    allow_unsafe: bool
    seed: int

    def inputs(self) -> dict[str, Path]:
        """The files and directories read, by role."""
        source = data.source_path(self.data)
        return {"model": self.model, **({"data": source} if source else {})}

    def settings(self) -> dict[str, Any]:
        """What JSON can hold of it, for the record."""
        return {
            "qat": True,
            "quantize": "int8",
            "data": self.data,
            "calibration_samples": self.samples,
            "allow_unsafe": self.allow_unsafe,
            **asdict(self.training),
        }


def quantize(request: Request, output: Path) -> dict[str, Any]:
    """Train, write the int8 model to `output`; returns the record's metrics.

    Raises:
        InputError: a model or data set that cannot be read or do not fit, or a layer that tfmot lacks.
    """
    tflm.require()  # before the work, not after it
    # Names that Keras counts up would make a second model in one process differ in bytes.
    tensorflow(request.seed).keras.backend.clear_session()
    model = files.load(request.model, request.allow_unsafe)
    dataset = fitting_data(request.data, model, request.model)
    require_score_a_class(model, request.model)
    shape = sample_shape(model, request.model)
    taken = calibration.load(request.data, shape, request.samples, request.seed)
    metrics = {"accuracy_post_training": _without_training(model, taken.x, dataset.test)}
    metrics["accuracy_validation_float"] = training.accuracy(model, dataset.validation)
    aware = aware_model(model, taken.x, request.model)
    logits = _answers_logits(model, request.model)
    trained = training.train(aware, dataset.train, request.training, request.seed, logits)
    metrics["loss"] = trained.loss
    metrics["accuracy_validation"] = training.accuracy(aware, dataset.validation)
    with console.working("converting"):
        content = learned_tflite(aware, request.model)
    output.write_bytes(content)
    return {
        **described(content, "int8"),
        **metrics,
        **accuracies(model, output, dataset.test),
    }


def aware_model(model: Any, samples: np.ndarray, name: object = "model") -> Any:
    """A copy of `model` with fake quantization, whose ranges are those of the float model on `samples`.

    Args:
        model: a Keras model, functional or sequential.
        samples: float32 (N, ...).
        name: what errors call the model.

    Raises:
        InputError: a layer that tfmot cannot quantize, or tfmot is not installed.
    """
    keras = _tfmot().quantization.keras
    try:
        aware = keras.quantize_model(model)
    except (RuntimeError, ValueError, NotImplementedError) as error:
        # e.g. "Layer norm:<class '...GroupNormalization'> is not supported. You can ..."
        reason = str(error).split(". ")[0].rstrip(".")
        raise InputError(
            name,
            f"cannot be trained with fake quantization ({reason})",
            "replace the layer, or quantize after training: --calibration instead of --qat",
        ) from None
    with _ranges_recorded():
        for start in range(0, len(samples), _BATCH):
            aware(samples[start : start + _BATCH], training=False)
    return aware


@contextmanager
def _ranges_recorded() -> Iterator[None]:
    """While the body runs models, every fake quantization takes the range of what it sees.

    By itself tfmot starts each range at -6 to 6. It never narrows the input's, so that images in [0, 1]
    would keep 21 of 256 levels, and the others take thousands of steps to arrive.
    """
    from tensorflow_model_optimization.python.core.quantization.keras import quant_ops

    seen: dict[Any, tuple[Any, float]] = {}

    def activations(values: Any, min_var: Any, max_var: Any, **_: Any) -> Any:
        low, high = float(values.numpy().min()), float(values.numpy().max())
        # 0 is in every range: padding and ReLU need it exactly
        seen[min_var.ref()] = min_var, min(low, seen.get(min_var.ref(), (None, 0.0))[1])
        seen[max_var.ref()] = max_var, max(high, seen.get(max_var.ref(), (None, 0.0))[1])
        return values

    def weights(*values: Any, **options: Any) -> Any:
        return own["LastValueQuantize"](*values, **{**options, "is_training": True})

    functions = {
        "LastValueQuantize": weights,
        "MovingAvgQuantize": activations,
        "AllValuesQuantize": activations,
    }
    own = {name: getattr(quant_ops, name) for name in functions}
    try:
        for name, function in functions.items():
            setattr(quant_ops, name, function)
        yield
    finally:
        for name, function in own.items():
            setattr(quant_ops, name, function)
    for variable, value in seen.values():
        variable.assign(np.full(variable.shape, value, np.float32))


def _tfmot() -> Any:
    try:
        import tensorflow_model_optimization as tfmot
    except ImportError:
        raise InputError(
            "tensorflow-model-optimization",
            "not installed",
            "pip install 'tinyml-toolchain[train]'",
        ) from None
    return tfmot


def _answers_logits(model: Any, name: object) -> bool:
    """True for a model that ends in plain sums, False for one that ends in a softmax.

    Raises:
        InputError: it ends in something else, to which cross-entropy does not apply.
    """
    keras = tensorflow().keras
    last = model.outputs[0].node.layer
    activation = keras.activations.serialize(getattr(last, "activation", keras.activations.linear))
    if activation == "softmax" or isinstance(last, keras.layers.Softmax):
        return False
    if activation == "linear":
        return True
    raise InputError(
        name,
        f"ends in {activation}, quantization-aware training minimizes cross-entropy",
        "end the model in logits or a softmax",
    )


def _without_training(model: Any, samples: np.ndarray, test: data.Split) -> float:
    """The test accuracy under TFLM when the model is only quantized after training."""
    with tempfile.TemporaryDirectory(prefix="tinyml-quantized-") as scratch:
        path = Path(scratch) / "model.tflite"
        path.write_bytes(quantized_tflite(model, samples))
        return accuracy.of_quantized(tflm.Tflm(path), test)
