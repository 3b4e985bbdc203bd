"""How a teacher is trained; the defaults are also the command line's (so: no heavy import here)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainSettings:
    """How to train on labelled data.

    Args:
        epochs: passes over the training split.
        batch_size: samples a step.
        learning_rate: the highest, at the start; it falls to 0 along a cosine.
        augment: change the images by small affine maps.
    """

    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 3e-3
    augment: bool = True
