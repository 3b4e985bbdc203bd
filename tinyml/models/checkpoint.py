"""The state after so many rounds or steps, on disk: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

_NUMBER = "number"


def save(path: Path, number: int, arrays: dict[str, np.ndarray]) -> None:
    """Replace the checkpoint by that after round or step `number`; it is on disk on return."""
    written = path.with_suffix(".new")
    with written.open("wb") as stream:
        np.savez(stream, **{_NUMBER: np.array(number)}, **arrays)
        stream.flush()
        os.fsync(stream.fileno())
    written.replace(path)


def load(path: Path) -> tuple[int, dict[str, np.ndarray]] | None:
    """The number and the arrays of the last `save`, or None when there was none."""
    if not path.exists():
        return None
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        arrays = dict(stored)
    return int(arrays.pop(_NUMBER)), arrays
