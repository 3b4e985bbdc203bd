"""Smooth noise, labelled by the teacher: the floor that dreams must beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.console import Progress
from tinyml.distill.synthesizers import Context, Draw, Synthesizer, drawn

SUMMARY = "smooth noise labelled by the teacher: a floor to compare with"
_PASSES = 2  # of a 3x3 binomial filter: blobs about as wide as a stroke of an 8x8 digit


def make(context: Context) -> Noise:
    """Needs nothing but the teacher."""
    return Noise(context)


class Noise(Synthesizer):
    """Uniform noise smoothed by a binomial filter, each image stretched to fill [0, 1]."""

    steps = 0

    def __init__(self, context: Context) -> None:
        self._teacher = context.teacher

    def sample(self, count: int, rng: np.random.Generator) -> Draw:
        """Images at once; their class is whatever the teacher says."""
        noise = rng.random((count, *self._teacher.shape), np.float32)
        x = _stretch(_smooth(noise))
        return drawn(self._teacher, x)

    def synthesize(self, draws: Sequence[Draw], bar: Progress) -> list[np.ndarray]:
        """The images as drawn, float32 (N, H, W, C) in [0, 1]."""
        return [draw.start for draw in draws]


def _smooth(x: np.ndarray) -> np.ndarray:
    for _ in range(_PASSES):
        for axis in (1, 2):
            width = [(0, 0)] * 4
            width[axis] = (1, 1)
            padded = np.pad(x, width, mode="reflect")
            inner = np.take(padded, range(1, padded.shape[axis] - 1), axis)
            before = np.take(padded, range(padded.shape[axis] - 2), axis)
            after = np.take(padded, range(2, padded.shape[axis]), axis)
            x = (before + 2 * inner + after) / 4
    return x


def _stretch(x: np.ndarray) -> np.ndarray:
    low = x.min(axis=(1, 2, 3), keepdims=True)
    high = x.max(axis=(1, 2, 3), keepdims=True)
    stretched: np.ndarray = (x - low) / np.maximum(high - low, 1e-6)
    return np.clip(stretched, 0, 1).astype(np.float32)
