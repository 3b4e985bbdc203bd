"""Uniform noise, labelled by the teacher: the lower floor."""

from __future__ import annotations

import numpy as np

from tinyml.console import Progress
from tinyml.distill.synthesizers import Context, Draw

SUMMARY = "uniform noise labelled by the teacher: the lower floor"


def make(context: Context) -> Uniform:
    """Needs nothing but the teacher."""
    return Uniform(context)


class Uniform:
    """Every pixel drawn on its own, uniformly in [0, 1)."""

    steps = 0

    def __init__(self, context: Context) -> None:
        self._teacher = context.teacher

    def sample(self, count: int, rng: np.random.Generator) -> Draw:
        """Images at once; their class is whatever the teacher says."""
        x = rng.random((count, *self._teacher.shape), np.float32)
        y = self._teacher.answers(x).argmax(1).astype(np.int64)
        return Draw(y, x, y)

    def synthesize(self, draw: Draw, rng: np.random.Generator, bar: Progress) -> np.ndarray:
        """The images as drawn, float32 (N, H, W, C) in [0, 1]."""
        return draw.start
