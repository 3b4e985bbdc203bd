"""Checks that commands on models make before they work for minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinyml.errors import InputError


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
