"""Checks that commands on models make before they work for minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinyml.decisions import LOGIT, PROBABILITY
from tinyml.errors import InputError
from tinyml.models.runtime import tensorflow


def require_keras_name(output: Path) -> None:
    """Raises InputError unless the output's name ends in .keras, the only type that is written."""
    if output.suffix != ".keras":
        raise InputError(output, "models are written as .keras", f"use -o {output.stem}.keras")


def require_classifier(model: Any, where: object) -> None:
    """Raises InputError unless a Keras model answers with one score a class, (N, classes)."""
    if len(model.output_shape) != 2:
        raise InputError(
            where,
            f"answers with {model.output_shape}, not with one score a class",
            "use a classifier here: an autoencoder, for example, is none",
        )


def require_score_a_class(model: Any, where: object) -> None:
    """Raises InputError when a Keras model answers with one score alone, not with one a class."""
    if model.output_shape[-1] == 1:
        raise InputError(
            where,
            "answers with one score for two classes",
            "end it in two, Dense(2) with a softmax; only quantize, export and validate take one",
        )


def threshold(model: Any) -> float:
    """Where a Keras model's one score alone says class 1: a sigmoid's at 0.5, a logit at 0."""
    activations = tensorflow().keras.activations
    last = model.output._keras_history.layer
    is_sigmoid = getattr(last, "activation", None) is activations.sigmoid
    return PROBABILITY if is_sigmoid else LOGIT
