"""A small network that draws images from noise and a class; its weights are plain values.

The upsampling generator of Fang et al. 2022 (arXiv 2112.06253), narrower, and told the class: dense to
a map a quarter of the image's size, twice (upsample, convolve, normalise, leaky ReLU), one more
convolution, sigmoid. Sides that 4 does not divide are made larger and cut.

Weights are passed in and not kept: adapting a copy of them, as meta-learning does, is then a matter
of values, and the same on every device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml.models.runtime import tensorflow

_SCALE = 4  # two doublings
_LEAK = 0.2
_EPSILON = 1e-5


@dataclass(frozen=True)
class Generator:
    """The network's structure.

    Args:
        shape: of one image, (height, width, channels).
        classes: number of classes.
        width: channels of the last hidden convolution; the ones before have twice as many.
        latent: length of the noise vector.
    """

    shape: tuple[int, ...]
    classes: int
    width: int
    latent: int

    def start(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Random weights, float32, in the order that `images` takes them (He's initialisation)."""
        wide, narrow = 2 * self.width, self.width
        height, width = self._small
        fan = self.latent + self.classes
        made = [_normal(rng, (fan, height * width * wide), self.latent + 1)]
        made += _norm(wide)
        made += [_normal(rng, (3, 3, wide, wide), 9 * wide), *_norm(wide)]
        made += [_normal(rng, (3, 3, wide, narrow), 9 * wide), *_norm(narrow)]
        channels = self.shape[2]
        return [
            *made,
            _normal(rng, (3, 3, narrow, channels), 9 * narrow),
            np.zeros(channels, np.float32),
        ]

    def images(self, weights: Sequence[Any], z: Any, y: Any) -> Any:
        """Images float32 (N, H, W, C) in (0, 1).

        Args:
            weights: as `start` orders them.
            z: noise, float32 (N, latent), of variance 1.
            y: classes, int64 (N,).
        """
        tf = tensorflow()
        dense, gamma, beta, *blocks = weights
        (kernel, bias), blocks = blocks[-2:], blocks[:-2]
        x = tf.matmul(tf.concat([z, tf.one_hot(y, self.classes)], 1), dense)
        x = tf.reshape(x, (-1, *self._small, 2 * self.width))
        x = _normalised(x, gamma, beta)
        for index in range(0, len(blocks), 3):
            x = _doubled(x)
            x = tf.nn.conv2d(x, blocks[index], 1, "SAME")
            x = tf.nn.leaky_relu(_normalised(x, *blocks[index + 1 : index + 3]), _LEAK)
        x = tf.nn.conv2d(x, kernel, 1, "SAME") + bias
        return tf.sigmoid(x[:, : self.shape[0], : self.shape[1]])

    @property
    def _small(self) -> tuple[int, int]:
        return -(-self.shape[0] // _SCALE), -(-self.shape[1] // _SCALE)


def _normal(rng: np.random.Generator, shape: tuple[int, ...], fan: int) -> np.ndarray:
    return (rng.standard_normal(shape) * np.sqrt(2 / fan)).astype(np.float32)


def _norm(channels: int) -> list[np.ndarray]:
    return [np.ones(channels, np.float32), np.zeros(channels, np.float32)]


def _doubled(x: Any) -> Any:
    """Each pixel of (N, H, W, C) as 2x2 of it."""
    tf = tensorflow()
    _, height, width, channels = x.shape
    tiled = tf.tile(x[:, :, None, :, None], (1, 1, 2, 1, 2, 1))
    return tf.reshape(tiled, (-1, 2 * height, 2 * width, channels))


def _normalised(x: Any, gamma: Any, beta: Any) -> Any:
    """Batch normalisation with the batch's own statistics."""
    batch_norm = tensorflow().compat.v1.nn.fused_batch_norm
    return batch_norm(x, gamma, beta, epsilon=_EPSILON, is_training=True)[0]
