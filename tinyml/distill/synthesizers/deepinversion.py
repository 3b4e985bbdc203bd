"""DeepInversion: images of a class whose statistics the batch norms know (no metadata at all)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml.console import Progress
from tinyml.distill.losses.batch_norm import batch_norm
from tinyml.distill.losses.image import energy, total_variation
from tinyml.distill.losses.label import label
from tinyml.distill.pixels import PixelDescent
from tinyml.distill.synthesizers import Context, Draw, balanced

SUMMARY = "match the statistics in the teacher's batch norms, and a drawn class"


def make(context: Context) -> DeepInversion:
    """Raises InputError when the teacher has no batch norm."""
    context.teacher.require_norms("deepinversion")
    return DeepInversion(context)


class DeepInversion:
    """Yin et al. 2020 (arXiv 1912.08795), section 3.2, without the competition term."""

    def __init__(self, context: Context) -> None:
        self._context, self.steps = context, context.pixels.steps
        self._descent = PixelDescent(self._terms, context.pixels)

    def sample(self, count: int, rng: np.random.Generator) -> Draw:
        """Classes in equal shares, starting from uniform noise."""
        teacher = self._context.teacher
        y = balanced(count, teacher.classes, rng)
        return Draw(y, rng.random((count, *teacher.shape), np.float32), y)

    def synthesize(self, draw: Draw, rng: np.random.Generator, bar: Progress) -> np.ndarray:
        """Images float32 (N, H, W, C) in [0, 1]; the whole draw is one batch of the statistics."""
        return self._descent(draw.start, draw.target, rng, bar)

    def _terms(self, x: Any, y: Any) -> dict[str, Any]:
        teacher, weights = self._context.teacher, self._context.pixels
        seen = teacher.look(x)
        return {
            "label": label(seen.logits, y),
            "batch_norm": weights.batch_norm * batch_norm(seen.norm_inputs, teacher.norms),
            "variation": weights.total_variation * total_variation(x),
            "energy": weights.energy * energy(x),
        }
