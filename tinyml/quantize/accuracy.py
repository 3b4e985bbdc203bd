"""Accuracy before and after quantization, over the same samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml import affine, console
from tinyml.data import Dataset, Split
from tinyml.decisions import decide, raw_threshold
from tinyml.errors import InputError
from tinyml.models.outputs import threshold
from tinyml.quantize.tflm import Tflm

_BATCH = 256


def require_classes(dataset: Dataset, classes: int, model: object) -> None:
    """Check that `model` answers with one score a class of `dataset`, or one score alone for two classes.

    Raises:
        InputError: it does not.
    """
    if dataset.classes != max(classes, 2):
        raise InputError(
            dataset.name,
            f"has {dataset.classes} classes, {model} answers {classes}",
            "use the data set that the model was made for",
        )


def of_float(model: Any, split: Split) -> float:
    """Share of `split` that a Keras model (N, ...) -> (N, classes or 1) classifies rightly."""
    scores = model.predict(split.x, batch_size=_BATCH, verbose=0)
    return float(np.mean(decide(scores, threshold(model)) == split.y))


def of_quantized(model: Tflm, split: Split) -> float:
    """The same for an int8 or int16x8 model under TFLM, byte-exact; ties go to the lower class."""
    taken, given = model.inputs[0], model.outputs[0]
    limit = raw_threshold(given.scale, given.zero_point, given.dtype.name)
    raw = affine.quantize(split.x, taken.scale, taken.zero_point, taken.dtype.name)
    right = 0
    with console.progress("TFLM", len(split)) as bar:
        for start in range(0, len(split), _BATCH):
            part = slice(start, start + _BATCH)
            scores = model.predict(raw[part])
            right += int((decide(scores, limit) == split.y[part]).sum())
            bar.advance(len(scores))
    return right / len(split)
