"""Uniform noise, labelled by the teacher: the lower floor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.console import Progress
from tinyml.distill.synthesizers import Context, Draw, Synthesizer, drawn

SUMMARY = "uniform noise labelled by the teacher: the lower floor"


def make(context: Context) -> Uniform:
    """Needs nothing but the teacher."""
    return Uniform(context)


class Uniform(Synthesizer):
    """Every pixel drawn on its own, uniformly in [0, 1)."""

    steps = 0

    def __init__(self, context: Context) -> None:
        self._teacher = context.teacher

    def sample(self, count: int, rng: np.random.Generator) -> Draw:
        """Images at once; their class is whatever the teacher says."""
        x = rng.random((count, *self._teacher.shape), np.float32)
        return drawn(self._teacher, x)

    def synthesize(self, draws: Sequence[Draw], bar: Progress) -> list[np.ndarray]:
        """The images as drawn, float32 (N, H, W, C) in [0, 1]."""
        return [draw.start for draw in draws]
