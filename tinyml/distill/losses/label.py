"""Cross-entropy to the class that a dream was drawn for."""

from __future__ import annotations

from typing import Any

from tinyml.models.runtime import tensorflow


def label(logits: Any, y: Any) -> Any:
    """Mean cross-entropy in nats of logits (N, classes) against int64 classes (N,); scalar >= 0."""
    tf = tensorflow()
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
