"""Priors on the image itself: neighbouring pixels are alike, and most of it is dark."""

from __future__ import annotations

from typing import Any

from tinyml.models.runtime import tensorflow


def total_variation(x: Any) -> Any:
    """Mean squared difference of neighbouring pixels, of images (N, H, W, C); scalar >= 0."""
    tf = tensorflow()
    down, across = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
    return tf.reduce_mean(tf.square(down)) + tf.reduce_mean(tf.square(across))


def energy(x: Any) -> Any:
    """Mean squared pixel (the L2 prior), of images (N, H, W, C); scalar >= 0."""
    tf = tensorflow()
    return tf.reduce_mean(tf.square(x))
