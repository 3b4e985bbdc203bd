"""The statistics that a student's batch norms keep, measured anew when it has learnt.

The running averages of training are of images that were mixed and changed, and of weights that moved
on since; for use the images as they are say it better (arXiv 2105.07576, section 3, "PreciseBN").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml.dreams import Images
from tinyml.errors import InputError
from tinyml.models.runtime import tensorflow

_BATCH, _MOST = 250, 40  # images a batch as they are dreamt, and batches at most


def require(model: Any, where: str) -> None:
    """Raises InputError when a Keras model has no batch norm."""
    if not _norms(model):
        raise InputError(where, "has no batch norm to measure anew", "leave --reestimate out")


def reestimate(model: Any, x: Images | np.ndarray, seed: int) -> None:
    """Give each batch norm the mean of its batches' means and variances, over `x` or a part of it.

    Args:
        model: a Keras model, changed in place; only these statistics are.
        x: images, float32 (N, H, W, C); those looked at are in memory a batch at a time.
        seed: of their order.
    """
    tf, norms = tensorflow(), _norms(model)
    order = np.random.default_rng([seed, len(x)]).permutation(len(x))[: _BATCH * _MOST]
    kept = [norm.momentum for norm in norms]
    for number, part in enumerate(np.array_split(order, -(-len(order) // _BATCH))):
        for norm in norms:
            norm.momentum = number / (number + 1)  # a running average that forgets nothing
        model(tf.constant(x[part]), training=True)
    for norm, momentum in zip(norms, kept):
        norm.momentum = momentum


def _norms(model: Any) -> list[Any]:
    norm = tensorflow().keras.layers.BatchNormalization
    return [layer for layer in model.layers if isinstance(layer, norm)]
