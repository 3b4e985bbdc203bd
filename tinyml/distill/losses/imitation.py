"""The student's loss: the teacher's softened answer (Hinton et al. 2015, arXiv 1503.02531)."""

from __future__ import annotations

from typing import Any

from tinyml.models.runtime import tensorflow


def imitation(teacher: Any, student: Any, temperature: float) -> Any:
    """T^2 KL(softmax(teacher / T) || softmax(student / T)), mean over the batch; scalar >= 0.

    Args:
        teacher: logits (N, classes).
        student: logits (N, classes).
        temperature: T > 0; T^2 keeps the gradient's size independent of it.
    """
    tf = tensorflow()
    wanted = tf.nn.log_softmax(teacher / temperature)
    given = tf.nn.log_softmax(student / temperature)
    divergence = tf.reduce_sum(tf.exp(wanted) * (wanted - given), axis=-1)
    return temperature**2 * tf.reduce_mean(divergence)
