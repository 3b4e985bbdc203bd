"""How far a student's maps are from the teacher's (hints: Romero et al. 2015, arXiv 1412.6550)."""

from __future__ import annotations

from typing import Any

from tinyml.models.runtime import tensorflow


def hint(teacher: list[Any], student: list[Any]) -> Any:
    """Mean squared difference in units of the teacher's variance, mean over the maps; scalar >= 0.

    Args:
        teacher: maps (N, H, W, C), those channels that the student stands for.
        student: maps of the same shapes.
    """
    tf = tensorflow()
    return tf.add_n([_share_unexplained(*both) for both in zip(teacher, student)]) / len(student)


def _share_unexplained(wanted: Any, given: Any) -> Any:
    """1 for a student that answers the mean everywhere, 0 for one that answers as the teacher."""
    tf = tensorflow()
    # The smallest variance keeps a layer that is dead on these images from counting for everything
    return tf.reduce_mean(tf.square(wanted - given)) / (tf.math.reduce_variance(wanted) + 1e-3)
