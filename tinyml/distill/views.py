"""A batch as it is looked at in one step: shifted a little, and perhaps mirrored."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml.distill.settings import PixelSettings
from tinyml.models.runtime import tensorflow


def draw(settings: PixelSettings, steps: int, rng: np.random.Generator) -> np.ndarray:
    """What is done to the whole batch at each step, int32 (steps, 3).

    Columns: shift down and right, each plus `settings.jitter`, and 1 where it is mirrored.
    """
    shifts = rng.integers(0, 2 * settings.jitter + 1, (steps, 2), dtype=np.int32)
    if not settings.flip:
        return np.pad(shifts, ((0, 0), (0, 1)))
    return np.concatenate([shifts, rng.integers(0, 2, (steps, 1), dtype=np.int32)], 1)


def moved(x: Any, move: Any, settings: PixelSettings) -> Any:
    """Images float32 (N, H, W, C) after one row of `draw`; dark or mirrored where they end."""
    tf = tensorflow()
    if settings.flip:
        x = tf.cond(move[2] > 0, lambda: tf.reverse(x, [2]), lambda: x)
    jitter = settings.jitter
    if not jitter:
        return x
    margin = [[0, 0], [jitter, jitter], [jitter, jitter], [0, 0]]
    padded = tf.pad(x, margin, "SYMMETRIC" if settings.natural else "CONSTANT")
    begin = tf.concat([[0], move[:2], [0]], 0)
    return tf.ensure_shape(tf.slice(padded, begin, tf.shape(x)), x.shape)
