"""The batch-norm prior of DeepInversion (Yin et al. 2020, arXiv 1912.08795, equation 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyml.distill.teacher import NormStatistics
from tinyml.models.runtime import tensorflow

_EPSILON = 1e-3  # channels that never fire have a variance of nearly 0


def batch_norm(inputs: Sequence[Any], norms: Sequence[NormStatistics]) -> Any:
    """Mean distance of a batch's statistics to the running ones, over the layers; scalar >= 0.

    Per layer ||mean - running mean|| + ||variance - running variance||, each channel in units of
    its running deviation (variance) and the norm divided by sqrt(channels), so that one weight
    suits layers and networks of any scale. The paper leaves both in absolute units.

    Args:
        inputs: what each batch norm receives, float32 (N, ..., channels).
        norms: the running statistics, in the same order.
    """
    tf = tensorflow()
    distances = []
    for x, norm in zip(inputs, norms):
        mean, variance = tf.nn.moments(x, list(range(len(x.shape) - 1)))
        scale = norm.variance + _EPSILON
        distances.append(_length((mean - norm.mean) / tf.sqrt(scale)))
        distances.append(_length((variance - norm.variance) / scale))
    return 2.0 * tf.add_n(distances) / len(distances)


def _length(x: Any) -> Any:
    """Root mean square; the tiny term keeps the gradient at 0 finite."""
    tf = tensorflow()
    return tf.sqrt(tf.reduce_mean(tf.square(x)) + 1e-12)
