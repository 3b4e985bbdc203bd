"""A data set in memory, and the checks of its arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.data.audio import AudioSettings
from tinyml.errors import InputError


@dataclass(frozen=True)
class Split:
    """x: float32 (N, H, W, C) in [0, 1]; y: int64 (N,)."""

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    def spread(self, count: int) -> Split:
        """`count` of the samples, evenly over all: class folders come class by class."""
        taken = [index * len(self) // count for index in range(count)]
        return Split(self.x[taken], self.y[taken])


@dataclass(frozen=True)
class Dataset:
    """A data set with its three splits.

    Args:
        name: what messages call it.
        classes: how many there are.
        train: to learn from.
        validation: to choose by.
        test: to measure with, once.
        names: of the classes, by label; empty where the source has only numbers.
        audio: how clips became pictures; None of other data.
        note: what a reader of the test accuracy should know, or nothing.
    """

    name: str
    classes: int
    train: Split
    validation: Split
    test: Split
    names: tuple[str, ...] = ()
    audio: AudioSettings | None = None
    note: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample, (height, width, channels)."""
        return tuple(int(n) for n in self.train.x.shape[1:])

    @property
    def class_names(self) -> tuple[str, ...]:
        """A name for each label: its own, or the number."""
        return self.names or tuple(str(label) for label in range(self.classes))


def require_shape(dataset: Dataset, shape: tuple[int, ...], model: object) -> None:
    """Check that samples have the shape that a model takes.

    Raises:
        InputError: they do not.
    """
    if dataset.shape != tuple(shape):
        raise InputError(
            dataset.name,
            f"samples have shape {dataset.shape}, {model} takes {tuple(shape)}",
            "use the data set that the model was made for",
        )


def as_float(x: np.ndarray) -> np.ndarray:
    """uint8 0..255 to float32 [0, 1], without a copy between."""
    return np.divide(x, np.float32(255), dtype=np.float32)
