"""How a teacher is trained; the defaults are also the command line's (so: no heavy import here)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainSettings:
    """How to train on labelled data.

    Args:
        epochs: passes over the training split.
        steps: gradient steps in all, in place of the epochs.
        batch_size: samples a step.
        learning_rate: the highest, at the start; it falls to 0 along a cosine.
        augment: change the images by small affine maps.
        flip: with it, mirror every second image left to right: for photographs.
    """

    epochs: int = 40
    steps: int | None = None
    batch_size: int = 64
    learning_rate: float = 3e-3
    augment: bool = True
    flip: bool = False
