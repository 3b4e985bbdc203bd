"""Distance to a target activation (Bhardwaj et al. 2019, arXiv 1905.07072, section 3.2)."""

from __future__ import annotations

from typing import Any

from tinyml.models.runtime import tensorflow


def activation(features: Any, targets: Any, variance: Any) -> Any:
    """Mean squared distance over the batch, each feature in units of its own variance; scalar >= 0.

    Args:
        features: pooled activations, float32 (N, F).
        targets: drawn activations, float32 (N, F).
        variance: float32 (F,), spread of each feature over all classes.
    """
    tf = tensorflow()
    return tf.reduce_mean(tf.square(features - targets) / variance)
