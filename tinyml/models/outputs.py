"""The check that every command which writes a model makes before it works for minutes."""

from __future__ import annotations

from pathlib import Path

from tinyml.errors import InputError


def require_keras_name(output: Path) -> None:
    """Raises InputError unless the output's name ends in .keras, the only type that is written."""
    if output.suffix != ".keras":
        raise InputError(output, "models are written as .keras", f"use -o {output.stem}.keras")
