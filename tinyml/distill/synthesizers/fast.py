"""Fast: a generator whose learnt start needs a few steps a batch (no metadata at all).

Fang et al. 2022 (arXiv 2112.06253) adapt a generator and its noise to each batch in a few steps, and
learn where the generator starts so that a few steps do (first-order MAML). Three things differ here.
The start is learnt first and then kept, so that no batch depends on another. The generator is told
the class. And the batch ends with a few steps on the pixels themselves, which a generator this small
cannot reach.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinyml.console import Progress
from tinyml.distill import views
from tinyml.distill.devices import Devices
from tinyml.distill.generator import Generator
from tinyml.distill.losses.label import label
from tinyml.distill.pixels import PixelDescent
from tinyml.distill.priors import priors
from tinyml.distill.synthesizers import Context, Draw, Learnt, Synthesizer, balanced
from tinyml.models.runtime import tensorflow

SUMMARY = "as deepinversion, from a generator that needs a few steps a batch"
_BETA1, _BETA2, _EPSILON = 0.5, 0.999, 1e-8  # of Adam, as the paper's code has them
_GENERATOR_RATE, _LATENT_RATE = 5e-3, 1.5e-2  # the paper's, for two steps a batch
_LABEL = 0.4  # likewise, weight of the class
_LATENT = 64  # length of the noise vector
_EPISODE_SIZE = 100  # images in a batch that the start is learnt on
_START_RATE = 0.02  # at which it is learnt; falls to 0 along a cosine
_PIXEL_RATE = 0.1  # learning rate of the last steps, on the pixels


def make(context: Context) -> Fast:
    """Raises InputError when the teacher has no batch norm."""
    context.teacher.require_norms("fast")
    return Fast(context)


class Fast(Synthesizer):
    """Fang et al. 2022 (arXiv 2112.06253), section 3.3; see the file's text for what differs."""

    def __init__(self, context: Context) -> None:
        settings, teacher, devices = context.fast, context.teacher, context.devices
        self._context, self._settings = context, settings
        self.steps = settings.steps + settings.pixel_steps
        self.learning_images = settings.episodes * _EPISODE_SIZE * settings.steps
        self._generator = Generator(teacher.shape, teacher.classes, settings.width, _LATENT)
        self._adapt = devices.function(self._adapted_once)
        self._draw = devices.function(self._generator.images)
        refined = replace(context.pixels, learning_rate=_PIXEL_RATE)
        self._descent = PixelDescent(self._terms, refined, devices)

    def learn(self, rng: np.random.Generator, bar: Progress) -> Learnt:
        """The generator's start, by first-order MAML: Adam on the sum of each batch's gradients."""
        tf, settings, here = tensorflow(), self._settings, Devices()
        adapt, meta = here.function(self._adapted_once), here.function(_adam)
        start = [tf.constant(weight) for weight in self._generator.start(rng)]
        first, second = ([tf.zeros_like(w) for w in start] for _ in range(2))
        for episode in range(settings.episodes):
            draw = self.sample(_EPISODE_SIZE, rng)
            (*_, summed), terms = self._adapted(adapt, here, start, [draw])
            rate = 0.5 * _START_RATE * (1 + np.cos(np.pi * episode / settings.episodes))
            rates = [tf.constant(rate, tf.float32)] * len(start)
            number = tf.constant(episode + 1.0)
            start, first, second = meta(start, first, second, summed[:-1], rates, number)
            bar.advance(settings.steps * _EPISODE_SIZE, **here.means(terms))
        return {f"weight_{index:02d}": np.asarray(w) for index, w in enumerate(start)}

    def sample(self, count: int, rng: np.random.Generator) -> Draw:
        """Classes in equal shares and noise for the generator."""
        y = balanced(count, self._context.teacher.classes, rng)
        z = rng.standard_normal((count, _LATENT), np.float32)
        return Draw(y, z, y, views.draw(self._context.pixels, self.steps, rng))

    def synthesize(self, draws: Sequence[Draw], bar: Progress) -> list[np.ndarray]:
        """Images float32 (N, H, W, C) in [0, 1]; a draw is one batch of the statistics."""
        devices, steps = self._context.devices, self._settings.steps
        start = [tensorflow().constant(self.learnt[name]) for name in sorted(self.learnt)]
        (values, *_), terms = self._adapted(self._adapt, devices, start, draws)
        bar.advance(steps * sum(len(draw.y) for draw in draws), **devices.means(terms))
        y = devices.spread([tensorflow().constant(draw.y) for draw in draws])
        drawn = devices.collect(self._draw(values[:-1], values[-1], y))
        return self._descent(
            [
                replace(draw, start=np.asarray(x), moves=draw.moves[steps:])
                for draw, x in zip(draws, drawn)
            ],
            bar,
        )

    def _adapted(
        self, adapt: Callable[..., Any], devices: Devices, start: list[Any], draws: Sequence[Draw]
    ) -> Any:
        """The state of `_adapted_once` and the terms, after all steps on a batch for each device."""
        tf = tensorflow()
        y = devices.spread([tf.constant(draw.y) for draw in draws])
        values = [[*start, tf.constant(draw.start)] for draw in draws]
        state = devices.spread(
            [(v, *([tf.zeros_like(w) for w in v] for _ in range(3))) for v in values]
        )
        for index in range(self._settings.steps):
            move = devices.spread([tf.constant(draw.moves[index]) for draw in draws])
            state, terms = adapt(state, y, move, tf.constant(index + 1.0))
        return state, terms

    def _adapted_once(self, state: Any, y: Any, move: Any, number: Any) -> Any:
        """One step: the new (weights and noise, both moments, sum of gradients), and the terms."""
        tf, pixels = tensorflow(), self._context.pixels
        values, first, second, summed = state
        with tf.GradientTape() as tape:
            tape.watch(values)
            x = self._generator.images(values[:-1], values[-1], y)
            terms = self._terms(views.moved(x, move, pixels), y)
            total = tf.add_n(list(terms.values()))
        gradients = tape.gradient(total, values)
        rates = [_GENERATOR_RATE] * (len(values) - 1) + [_LATENT_RATE]
        summed = [total + gradient for total, gradient in zip(summed, gradients)]
        return (*_adam(values, first, second, gradients, rates, number), summed), terms

    def _terms(self, x: Any, y: Any) -> dict[str, Any]:
        seen = self._context.teacher.look(x)
        own = {"label": _LABEL * label(seen.logits, y)}
        return {**own, **priors(self._context, x, seen)}


def _adam(
    values: Any, first: Any, second: Any, gradients: Any, rates: Sequence[Any], number: Any
) -> Any:
    """One step of Adam (arXiv 1412.6980, algorithm 1), the `number`th: values and both moments."""
    tf = tensorflow()
    first = [_BETA1 * m + (1 - _BETA1) * g for m, g in zip(first, gradients)]
    second = [_BETA2 * v + (1 - _BETA2) * tf.square(g) for v, g in zip(second, gradients)]
    correction = tf.sqrt(1 - _BETA2**number) / (1 - _BETA1**number)
    moved = [
        value - rate * correction * m / (tf.sqrt(v) + _EPSILON)
        for value, rate, m, v in zip(values, rates, first, second)
    ]
    return moved, first, second
