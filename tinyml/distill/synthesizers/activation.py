"""Dream Distillation: images whose pooled activation is one drawn from the metadata."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml.console import Progress
from tinyml.distill.losses.activation import activation
from tinyml.distill.losses.batch_norm import batch_norm
from tinyml.distill.losses.image import energy, total_variation
from tinyml.distill.metadata import Metadata
from tinyml.distill.pixels import PixelDescent
from tinyml.distill.synthesizers import Context, Draw, balanced
from tinyml.errors import InputError

SUMMARY = "match activations drawn from the metadata (and batch norms, where there are any)"


def make(context: Context) -> Activation:
    """Raises InputError without metadata, or with metadata that does not fit the teacher."""
    if context.metadata is None:
        raise InputError(
            "--metadata",
            "missing, and method 'activation' needs it",
            "make it with 'tinyml distill metadata', or use --method deepinversion",
        )
    context.metadata.require_fit(context.teacher)
    return Activation(context, context.metadata)


class Activation:
    """Bhardwaj et al. 2019 (arXiv 1905.07072), section 3.2; with the batch-norm prior added."""

    def __init__(self, context: Context, metadata: Metadata) -> None:
        self._context, self._metadata, self.steps = context, metadata, context.pixels.steps
        self._variance = metadata.feature_variance()
        self._descent = PixelDescent(self._terms, context.pixels)

    def sample(self, count: int, rng: np.random.Generator) -> Draw:
        """Activations from the clusters of classes in equal shares, starting from uniform noise."""
        teacher = self._context.teacher
        y = balanced(count, teacher.classes, rng)
        start = rng.random((count, *teacher.shape), np.float32)
        return Draw(y, start, self._metadata.draw(y, rng))

    def synthesize(self, draw: Draw, rng: np.random.Generator, bar: Progress) -> np.ndarray:
        """Images float32 (N, H, W, C) in [0, 1]; the whole draw is one batch of the statistics."""
        return self._descent(draw.start, draw.target, rng, bar)

    def _terms(self, x: Any, target: Any) -> dict[str, Any]:
        teacher, weights = self._context.teacher, self._context.pixels
        seen = teacher.look(x)
        terms = {
            "activation": activation(seen.features, target, self._variance),
            "variation": weights.total_variation * total_variation(x),
            "energy": weights.energy * energy(x),
        }
        if teacher.norms:
            prior = batch_norm(seen.norm_inputs, teacher.norms)
            terms["batch_norm"] = weights.batch_norm * prior
        return terms
