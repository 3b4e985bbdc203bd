"""The samples from which activation ranges are taken: real training data, or dreams."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyml import data, dreams
from tinyml.errors import InputError


@dataclass(frozen=True)
class Calibration:
    """x: float32 (N, ...); `source` as the user gave it; `path` behind it, if any."""

    source: str
    path: Path | None
    x: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


def path_of(source: str) -> Path | None:
    """The file or directory behind `source`, for run records; None for a name, known or not."""
    if source.startswith(dreams.PREFIX):
        return Path(source[len(dreams.PREFIX) :])
    return data.source_path(source)


def load(source: str, shape: tuple[int, ...], count: int, seed: int) -> Calibration:
    """At most `count` samples of `source`, drawn without replacement, in the order they are stored.

    Args:
        source: as of `data.load_training_samples`, or `dreams:DIR`.
        shape: the model's sample shape; unless (height, width, channels), values may lie outside [0, 1].
        count: samples wanted; all are taken when there are fewer.
        seed: of the draw.

    Raises:
        InputError: unknown or unreadable source, samples of another shape, values not finite.
    """
    path = path_of(source)
    x = _samples(source, tuple(shape))
    if x.shape[1:] != tuple(shape):
        raise InputError(
            source,
            f"calibration samples have shape {x.shape[1:]}, the model takes {tuple(shape)}",
            "calibrate with data or dreams made for this model",
        )
    chosen = np.arange(len(x))
    if len(x) > count:
        chosen = np.sort(np.random.default_rng(seed).choice(len(x), count, replace=False))
    samples = x[chosen]
    if not np.isfinite(samples).all():
        raise InputError(source, "calibration samples are not all finite", "make them again")
    return Calibration(source, path, samples)


def _samples(source: str, shape: tuple[int, ...]) -> dreams.Images:
    if source.startswith(dreams.PREFIX):
        return dreams.Images(dreams.stored_images(Path(source[len(dreams.PREFIX) :])))
    return dreams.Images([data.load_training_samples(source, shape)])
