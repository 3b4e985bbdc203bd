"""DeepInversion: images of a class whose statistics the batch norms know (no metadata at all)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyml.console import Progress
from tinyml.distill import starts, views
from tinyml.distill.losses.label import label
from tinyml.distill.pixels import PixelDescent
from tinyml.distill.priors import priors
from tinyml.distill.synthesizers import Context, Draw, Synthesizer, balanced

SUMMARY = "match the statistics in the teacher's batch norms, and a drawn class"


def make(context: Context) -> DeepInversion:
    """Raises InputError when the teacher has no batch norm."""
    context.teacher.require_norms("deepinversion")
    return DeepInversion(context)


class DeepInversion(Synthesizer):
    """Yin et al. 2020 (arXiv 1912.08795), section 3.2; the competition with a student as in `fast`."""

    def __init__(self, context: Context) -> None:
        self._context, self.steps = context, context.pixels.steps
        self._descent = PixelDescent(self._terms, context.pixels, context.devices)

    def sample(self, count: int, rng: np.random.Generator) -> Draw:
        """Classes in equal shares."""
        teacher = self._context.teacher
        y = balanced(count, teacher.classes, rng)
        start = starts.draw(count, teacher.shape, self._context.pixels, rng)
        return Draw(y, start, y, views.draw(self._context.pixels, self.steps, rng))

    def synthesize(self, draws: Sequence[Draw], bar: Progress) -> list[np.ndarray]:
        """Images float32 (N, H, W, C) in [0, 1]; a draw is one batch of the statistics."""
        return self._descent(draws, bar)

    def _terms(self, x: Any, y: Any) -> dict[str, Any]:
        seen = self._context.teacher.look(x)
        return {"label": label(seen.logits, y), **priors(self._context, x, seen)}
