"""Training a student on dreams alone: the teacher answers, the student imitates.

Bhardwaj et al. 2019 (arXiv 1905.07072), section 3.3, with additions that need no data either:
dreams are mixed in pairs and answered anew (mixup, arXiv 1710.09412), changed by small affine maps,
and moved a little to where student and teacher disagree (as in arXiv 1905.09768). A student built like
the teacher may take hints from inside it, too (see `hints`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tinyml import console
from tinyml.distill import norms
from tinyml.distill.channels import inherit, matched_maps
from tinyml.distill.hints import Hints
from tinyml.distill.losses.imitation import imitation
from tinyml.distill.settings import StudentSettings
from tinyml.distill.teacher import Teacher
from tinyml.dreams import Images
from tinyml.errors import InputError
from tinyml.models import files, registry
from tinyml.models.augment import Affine, affine
from tinyml.models.outputs import require_classifier
from tinyml.models.runtime import tensorflow
from tinyml.models.training import Fitted, fit
from tinyml.run import Step

# Moved images have other statistics than the still ones that the batch norms are measured on
_MOVED = (
    "warning: --reestimate measures images as they are, but --disagreement moves those that the student "
    "learns from, which can ruin it; give --disagreement 0"
)


class Choice(Protocol):
    """What chooses a student when none is named; see `tinyml.fit`."""

    def settings(self) -> dict[str, Any]:
        """Plain values for the run record."""

    def search(self, teacher: Teacher) -> None:
        """Look for candidates; raises InputError when there are none."""

    def choose(self, teacher: Teacher, x: Images, settings: StudentSettings) -> str:
        """The name of the best for a teacher and dreams."""

    def found(self, made: Any, x: Images) -> dict[str, Any]:
        """What was found, with what the trained student takes, for the run record."""


def is_file_name(name: str) -> bool:
    """True when a student is named by a model file and not by an architecture."""
    return name.endswith((".keras", ".h5", ".hdf5"))


def build(name: str, teacher: Teacher, init: str, allow_unsafe: bool = False) -> Any:
    """An untrained student by name, or with the structure of a model file.

    Args:
        name: an architecture's name (see `registry`) or a .keras or .h5 file.
        teacher: gives shapes, and channels for `init`.
        init: "random" or "teacher-channels" (see `channels`).
        allow_unsafe: as in `files.load`.

    Raises:
        InputError: no such model; it does not take the teacher's samples or give its classes.
    """
    if is_file_name(name):
        stored = files.load(Path(name), allow_unsafe)
        student = tensorflow().keras.models.clone_model(stored)  # draws the weights anew
    else:
        student = registry.build(name, teacher.shape, teacher.classes)
    require_classifier(student, name)
    found = (tuple(student.input_shape[1:]), student.output_shape[-1])
    if found != (teacher.shape, teacher.classes):
        raise InputError(
            name,
            f"maps {found[0]} to {found[1]} classes, "
            f"the teacher {teacher.shape} to {teacher.classes}",
            "choose a student that fits the teacher",
        )
    if init == "teacher-channels":
        inherit(student, teacher.model)
    return student


def require(
    name: str, teacher: Teacher, init: str, settings: StudentSettings, allow_unsafe: bool = False
) -> None:
    """Raises InputError if `build` or `distill` would for a student of this name."""
    made = build(name, teacher, init, allow_unsafe)
    if settings.hint:
        matched_maps(made, teacher.model)
    if settings.reestimate:
        norms.require(made, name)


def distill(
    student: Any,
    teacher: Teacher,
    x: Images | np.ndarray,
    settings: StudentSettings,
    seed: int,
    within: Step | None = None,
) -> Fitted:
    """Train the student in place.

    Args:
        student: from float32 (N, H, W, C) to (N, classes) logits or probabilities.
        teacher: answers every image that is shown.
        x: dreams, float32 (N, H, W, C) in [0, 1]; of `Images`, only a batch is in memory.
        settings: how.
        seed: of order, mixing and augmentation.
        within: as of `training.fit`.

    Raises:
        InputError: hints are asked for, and the student is not built like the teacher; or batch norms
            measured anew, and it has none.
    """
    if settings.reestimate:
        norms.require(student, student.name)
        if settings.disagreement and settings.steps:
            console.note(_MOVED)
    pupil = Teacher(student, where=student.name)
    mixer = _Mixer(x, settings, seed)
    hints = Hints(pupil, teacher, settings.temperature, settings.hint) if settings.hint else None

    def loss(x: Any, reach: Any) -> Any:
        if settings.disagreement:
            x = _disagree(x, reach, teacher, pupil, settings.temperature)
        if hints is not None:
            return hints(x)
        wanted = tensorflow().stop_gradient(teacher.logits(x))
        given = pupil.logits(x, training=True)
        return imitation(wanted, given, settings.temperature)

    fitted = fit(
        student,
        mixer,
        loss,
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        label="student",
        within=within,
    )
    if settings.reestimate and settings.steps:
        norms.reestimate(student, x, seed)
    return fitted


class _Mixer:
    """Batches of dreams, changed by small affine maps and some of them mixed in pairs.

    With each image goes its reach: how far it is moved to where student and teacher disagree. A batch
    hangs on the seed and its number alone.
    """

    def __init__(self, x: Images | np.ndarray, settings: StudentSettings, seed: int) -> None:
        self._x, self._settings, self._seed = x, settings, seed
        self._how = Affine(flip=settings.flip)

    def __call__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Images float32 (batch, H, W, C) and reaches float32 (batch, 1, 1, 1)."""
        size, rng = self._settings.batch_size, np.random.default_rng([self._seed, number])
        share, chance, reach = rng.random((3, size, 1, 1, 1), np.float32)
        share = np.where(chance < self._settings.mixup, share, np.float32(1))
        x = share * self._changed(size, rng) + (1 - share) * self._changed(size, rng)
        return x, self._settings.disagreement * reach

    def _changed(self, size: int, rng: np.random.Generator) -> np.ndarray:
        x = self._x[rng.integers(len(self._x), size=size)]
        return affine(x, self._how, rng) if self._settings.augment else x


def _disagree(x: Any, reach: Any, teacher: Teacher, pupil: Teacher, temperature: float) -> Any:
    """Images moved by `reach` (root mean square) up the gradient of the imitation loss."""
    tf = tensorflow()
    with tf.GradientTape() as tape:
        tape.watch(x)
        distance = imitation(teacher.logits(x), pupil.logits(x), temperature)
    gradient = tape.gradient(distance, x)
    length = tf.sqrt(tf.reduce_mean(tf.square(gradient), axis=(1, 2, 3), keepdims=True)) + 1e-12
    return tf.stop_gradient(tf.clip_by_value(x + reach * gradient / length, 0.0, 1.0))
