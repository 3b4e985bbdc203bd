"""Ways to make dreams: each is a file here with `SUMMARY` and `make`; adding a file adds a method.

`make(context)` gives a `Synthesizer`, which has two verbs: `sample` draws what to dream of, and
`synthesize` turns that into images.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tinyml.console import Progress
from tinyml.distill.metadata import Metadata
from tinyml.distill.settings import PixelSettings, method_names
from tinyml.distill.teacher import Teacher
from tinyml.errors import InputError


@dataclass(frozen=True)
class Context:
    """What a synthesizer may know: the teacher, the settings and, if given, the metadata."""

    teacher: Teacher
    pixels: PixelSettings
    metadata: Metadata | None = None


@dataclass(frozen=True)
class Draw:
    """What to dream of.

    Args:
        y: int64 (N,), the classes drawn.
        start: float32 (N, H, W, C) in [0, 1], the images to start from.
        target: (N, ...), what the images are pulled to; a method's own.
    """

    y: np.ndarray
    start: np.ndarray
    target: np.ndarray


class Synthesizer(Protocol):
    """One way to make dreams."""

    steps: int
    """Gradient steps an image takes; 0 when images are drawn outright."""

    def sample(self, count: int, rng: np.random.Generator) -> Draw:
        """Draw `count` things to dream of."""

    def synthesize(self, draw: Draw, rng: np.random.Generator, bar: Progress) -> np.ndarray:
        """Images float32 (N, H, W, C) in [0, 1] for a draw."""


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
