"""Dream Distillation: images whose pooled activation is one drawn from the metadata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinyml.console import Progress
from tinyml.distill import starts, views
from tinyml.distill.losses.activation import activation
from tinyml.distill.metadata import Metadata
from tinyml.distill.pixels import PixelDescent
from tinyml.distill.priors import priors
from tinyml.distill.synthesizers import Context, Draw, Synthesizer, balanced
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


class Activation(Synthesizer):
    """Bhardwaj et al. 2019 (arXiv 1905.07072), section 3.2; with the batch-norm prior added."""

    def __init__(self, context: Context, metadata: Metadata) -> None:
        self._context, self._metadata, self.steps = context, metadata, context.pixels.steps
        self._variance = metadata.feature_variance()
        self._descent = PixelDescent(self._terms, context.pixels, context.devices)

    def sample(self, count: int, rng: np.random.Generator) -> Draw:
        """Activations from the clusters of classes in equal shares."""
        teacher = self._context.teacher
        y = balanced(count, teacher.classes, rng)
        start = starts.draw(count, teacher.shape, self._context.pixels, rng)
        target = self._metadata.draw(y, rng)
        return Draw(y, start, target, views.draw(self._context.pixels, self.steps, rng))

    def synthesize(self, draws: Sequence[Draw], bar: Progress) -> list[np.ndarray]:
        """Images float32 (N, H, W, C) in [0, 1]; a draw is one batch of the statistics."""
        return self._descent(draws, bar)

    def _terms(self, x: Any, target: Any) -> dict[str, Any]:
        seen = self._context.teacher.look(x)
        own = {"activation": activation(seen.features, target, self._variance)}
        return {**own, **priors(self._context, x, seen)}
