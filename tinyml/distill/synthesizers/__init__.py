"""Ways to make dreams: each is a file here with `SUMMARY` and `make`; adding a file adds a method.

`make(context)` gives a `Synthesizer`, which has two verbs: `sample` draws what to dream of, and
`synthesize` turns that into images. All that is random is in the draw.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tinyml.console import Progress
from tinyml.distill.devices import Devices
from tinyml.distill.metadata import Metadata
from tinyml.distill.settings import FastSettings, PixelSettings, method_names
from tinyml.distill.teacher import Teacher
from tinyml.errors import InputError

Learnt = dict[str, np.ndarray]


@dataclass(frozen=True)
class Context:
    """What a synthesizer may know.

    Args:
        teacher: whose dreams are made.
        pixels: how, and the weights of the priors.
        metadata: of the teacher's activations, if given.
        fast: settings of the method `fast`.
        student: dreams are drawn to where it and the teacher disagree, if given.
        devices: where batches are made.
    """

    teacher: Teacher
    pixels: PixelSettings
    metadata: Metadata | None = None
    fast: FastSettings = field(default_factory=FastSettings)
    student: Teacher | None = None
    devices: Devices = field(default_factory=Devices)


@dataclass(frozen=True)
class Draw:
    """What to dream of.

    Args:
        y: int64 (N,), the classes drawn.
        start: float32, first dimension N: the images to start from, or what a method makes them of.
        target: (N, ...), what the images are pulled to; a method's own.
        moves: of `views.draw`, one row a step.
    """

    y: np.ndarray
    start: np.ndarray
    target: np.ndarray
    moves: np.ndarray


class Synthesizer(ABC):
    """One way to make dreams."""

    steps: int
    """Gradient steps an image takes; 0 when images are drawn outright."""

    learnt: Learnt
    """What `learn` gave, perhaps in an earlier run; set before the first batch is made."""

    learning_images = 0
    """Images that `learn` looks at, each as often as it does: its share of the progress."""

    def learn(self, rng: np.random.Generator, bar: Progress) -> Learnt:
        """What all batches begin with."""
        return {}

    @abstractmethod
    def sample(self, count: int, rng: np.random.Generator) -> Draw:
        """Draw `count` things to dream of."""

    @abstractmethod
    def synthesize(self, draws: Sequence[Draw], bar: Progress) -> list[np.ndarray]:
        """Images float32 (N, H, W, C) in [0, 1] of each draw; one draw for each device."""


def make(method: str, context: Context) -> Synthesizer:
    """The synthesizer of that name.

    Raises:
        InputError: no such method, or it needs what the context lacks.
    """
    known = method_names()
    if method not in known:
        raise InputError("--method", f"no method '{method}'", f"use {', '.join(known)}")
    made: Synthesizer = importlib.import_module(f"{__name__}.{method}").make(context)
    return made


def balanced(count: int, classes: int, rng: np.random.Generator) -> np.ndarray:
    """Classes int64 (count,), each as often as any other (up to one), in random order."""
    return rng.permutation(np.arange(count, dtype=np.int64) % classes)


def drawn(teacher: Teacher, x: np.ndarray) -> Draw:
    """Images that are dreams as they are; their class is whatever the teacher says."""
    y = teacher.answers(x).argmax(1).astype(np.int64)
    return Draw(y, x, y, np.zeros((0, 3), np.int32))
