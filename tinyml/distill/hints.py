"""What a student learns from inside the teacher: the maps after its batch norms.

Logits of images that are not photographs say little about photographs; the maps on the way there say
it place by place. A student built like the teacher is asked for those of the teacher's channels that
it stands for (see `channels`), however it starts; it may lack the convolution of a shortcut.
"""

from __future__ import annotations

from typing import Any

from tinyml.distill.channels import matched_maps
from tinyml.distill.losses.hint import hint
from tinyml.distill.losses.imitation import imitation
from tinyml.distill.teacher import Teacher
from tinyml.models.runtime import tensorflow


class Hints:
    """The loss of a student that imitates the answer and the maps on the way to it.

    Args:
        pupil: the student.
        teacher: of the same structure.
        temperature: as of `imitation`.
        weight: of the maps' part.

    Raises:
        InputError: the structures differ; the teacher has no batch norm.
    """

    def __init__(self, pupil: Teacher, teacher: Teacher, temperature: float, weight: float) -> None:
        found = matched_maps(pupil.model, teacher.model)
        self._channels = [pair.channels for pair in found]
        self._wanted = teacher.watched([pair.whole for pair in found])
        self._given = pupil.watched([pair.own for pair in found])
        self._temperature, self._weight = temperature, weight

    def __call__(self, x: Any) -> Any:
        """The loss on images float32 (N, H, W, C); scalar."""
        tf = tensorflow()
        wanted, maps = self._wanted(x)
        given, own = self._given(x, training=True)
        maps = [tf.gather(m, which, axis=-1) for m, which in zip(maps, self._channels)]
        return imitation(wanted, given, self._temperature) + self._weight * hint(maps, own)
