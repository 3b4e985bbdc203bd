"""Gradient descent on pixels: the loop that every optimising synthesizer shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyml.console import Progress
from tinyml.distill.settings import PixelSettings
from tinyml.models.runtime import tensorflow

_SHOW_EVERY = 25  # steps between two readings of the losses: reading waits for the device
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8  # Adam's own (arXiv 1412.6980, algorithm 1)


Terms = Callable[[Any, Any], "dict[str, Any]"]


class PixelDescent:
    """Minimises the sum of weighted terms over a batch of images, which stay in [0, 1].

    Args:
        terms: from (images, target) to named scalars, already weighted; their sum is minimised.
        settings: how.
    """

    def __init__(self, terms: Terms, settings: PixelSettings) -> None:
        self._terms, self._settings = terms, settings
        self._step = tensorflow().function(self._descend)

    def __call__(
        self, start: np.ndarray, target: np.ndarray, rng: np.random.Generator, bar: Progress
    ) -> np.ndarray:
        """Optimised images, float32 (N, H, W, C) in [0, 1].

        Args:
            start: images to start from, same shape.
            target: what `terms` wants, first dimension N.
            rng: draws the jitter.
            bar: moved by one a step and image.
        """
        tf, steps = tensorflow(), self._settings.steps
        rates = self._rates()
        shifts = rng.integers(0, 2 * self._settings.jitter + 1, (steps, 2), dtype=np.int32)
        wanted, x = tf.constant(target), tf.constant(start)
        state = (x, tf.zeros_like(x), tf.zeros_like(x))
        for index in range(steps):
            # tensors, not numbers: a number would compile the step anew for each value
            rate, shift = tf.constant(rates[index]), tf.constant(shifts[index])
            state, terms = self._step(state, wanted, rate, shift)
            if (index + 1) % _SHOW_EVERY == 0 or index + 1 == steps:
                moved = index % _SHOW_EVERY + 1
                values = {name: float(value) for name, value in terms.items()}
                bar.advance(moved * len(start), **values)
        return np.asarray(state[0])

    def _rates(self) -> np.ndarray:
        """Adam's step sizes, float32 (steps,): cosine times the correction of its two averages."""
        step = np.arange(1, self._settings.steps + 1)
        cosine = 0.5 * (1 + np.cos(np.pi * (step - 1) / self._settings.steps))
        correction = np.sqrt(1 - _BETA2**step) / (1 - _BETA1**step)
        return (self._settings.learning_rate * cosine * correction).astype(np.float32)

    def _descend(self, state: Any, target: Any, rate: Any, shift: Any) -> Any:
        """One step of Adam: the new (images, first moment, second moment), and the terms."""
        tf = tensorflow()
        x, first, second = state
        with tf.GradientTape() as tape:
            tape.watch(x)
            terms = self._terms(self._shifted(x, shift), target)
            total = tf.add_n(list(terms.values()))
        gradient = tape.gradient(total, x)
        first = _BETA1 * first + (1 - _BETA1) * gradient
        second = _BETA2 * second + (1 - _BETA2) * tf.square(gradient)
        x = tf.clip_by_value(x - rate * first / (tf.sqrt(second) + _EPSILON), 0.0, 1.0)
        return (x, first, second), terms

    def _shifted(self, x: Any, shift: Any) -> Any:
        """The batch moved by `shift` - jitter pixels, dark where nothing moved in."""
        tf, jitter = tensorflow(), self._settings.jitter
        if not jitter:
            return x
        padded = tf.pad(x, [[0, 0], [jitter, jitter], [jitter, jitter], [0, 0]])
        begin = tf.concat([[0], shift, [0]], 0)
        return tf.ensure_shape(tf.slice(padded, begin, tf.shape(x)), x.shape)
