"""Gradient descent on pixels: the loop that every optimising synthesizer shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinyml.console import Progress
from tinyml.distill import views
from tinyml.distill.devices import Devices
from tinyml.distill.settings import PixelSettings
from tinyml.distill.synthesizers import Draw
from tinyml.models.runtime import tensorflow

_SHOW_EVERY = 25  # steps between two readings of the losses: reading waits for the device
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8  # Adam's own (arXiv 1412.6980, algorithm 1)


Terms = Callable[[Any, Any], "dict[str, Any]"]


class PixelDescent:
    """Minimises the sum of weighted terms over a batch of images, which stay in [0, 1].

    Args:
        terms: from (images, target) to named scalars, already weighted; their sum is minimised.
        settings: how.
        devices: where.
    """

    def __init__(self, terms: Terms, settings: PixelSettings, devices: Devices) -> None:
        self._terms, self._settings, self._devices = terms, settings, devices
        self._step = devices.function(self._descend)

    def __call__(self, draws: Sequence[Draw], bar: Progress) -> list[np.ndarray]:
        """Optimised images of each draw, float32 (N, H, W, C) in [0, 1].

        Args:
            draws: one batch for each device, whose `start` are images; `target` is what `terms`
                wants, and there are as many steps as `moves`.
            bar: moved by one a step and image.
        """
        tf, devices, steps = tensorflow(), self._devices, len(draws[0].moves)
        rates, count = self._rates(steps), sum(len(draw.start) for draw in draws)
        wanted = devices.spread([tf.constant(draw.target) for draw in draws])
        x = devices.spread([tf.constant(draw.start) for draw in draws])
        first, second = (
            devices.spread([tf.zeros(draw.start.shape) for draw in draws]) for _ in range(2)
        )
        for index in range(steps):
            # tensors, not numbers: a number would compile the step anew for each value
            rate = tf.constant(rates[index])
            move = devices.spread([tf.constant(draw.moves[index]) for draw in draws])
            (x, first, second), terms = self._step((x, first, second), wanted, rate, move)
            if (index + 1) % _SHOW_EVERY == 0 or index + 1 == steps:
                moved = index % _SHOW_EVERY + 1
                bar.advance(moved * count, **devices.means(terms))
        return [np.asarray(part) for part in devices.collect(x)]

    def _rates(self, steps: int) -> np.ndarray:
        """Adam's step sizes, float32 (steps,): cosine times the correction of its two averages."""
        step = np.arange(1, steps + 1)
        cosine = 0.5 * (1 + np.cos(np.pi * (step - 1) / steps))
        correction = np.sqrt(1 - _BETA2**step) / (1 - _BETA1**step)
        return (self._settings.learning_rate * cosine * correction).astype(np.float32)

    def _descend(self, state: Any, target: Any, rate: Any, move: Any) -> Any:
        """One step of Adam: the new (images, first moment, second moment), and the terms."""
        tf = tensorflow()
        x, first, second = state
        with tf.GradientTape() as tape:
            tape.watch(x)
            terms = self._terms(views.moved(x, move, self._settings), target)
            total = tf.add_n(list(terms.values()))
        gradient = tape.gradient(total, x)
        first = _BETA1 * first + (1 - _BETA1) * gradient
        second = _BETA2 * second + (1 - _BETA2) * tf.square(gradient)
        x = tf.clip_by_value(x - rate * first / (tf.sqrt(second) + _EPSILON), 0.0, 1.0)
        return (x, first, second), terms
