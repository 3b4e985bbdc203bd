"""Drawing dreams to where a student is not yet the teacher (Fang et al. 2022, arXiv 2112.06253)."""

from __future__ import annotations

from typing import Any

from tinyml.models.runtime import tensorflow


def adversarial(teacher: Any, student: Any) -> Any:
    """-KL(teacher || student), mean over the batch, where both name the same class; scalar <= 0.

    Where they name different classes already there is nothing to gain: there it counts 0.

    Args:
        teacher: logits (N, classes).
        student: logits (N, classes).
    """
    tf = tensorflow()
    wanted, given = tf.nn.log_softmax(teacher), tf.nn.log_softmax(student)
    divergence = tf.reduce_sum(tf.exp(wanted) * (wanted - given), axis=-1)
    agree = tf.equal(tf.argmax(teacher, -1), tf.argmax(student, -1))
    return -tf.reduce_mean(tf.where(agree, divergence, tf.zeros_like(divergence)))
