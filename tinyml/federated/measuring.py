"""What a model is worth on a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml.data import Dataset, Split
from tinyml.models.runtime import tensorflow

_BATCH = 256
_MIXER = 0x7A  # so that this draw shares its random stream with no other of the seed


@dataclass(frozen=True)
class Worth:
    """Mean cross-entropy, and the share of samples classified rightly."""

    loss: float
    accuracy: float


def measure(model: Any, split: Split) -> Worth:
    """Of a Keras model that answers logits."""
    tf = tensorflow()
    logits = model.predict(split.x, batch_size=_BATCH, verbose=0)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(split.y, logits)
    return Worth(
        float(np.mean(losses, dtype=np.float64)), float(np.mean(logits.argmax(axis=-1) == split.y))
    )


def training_sample(dataset: Dataset, seed: int) -> Split:
    """As many random training samples as there are test samples: what shows overfitting cheaply."""
    size = min(len(dataset.train), len(dataset.test))
    chosen = np.random.default_rng([seed, _MIXER]).choice(len(dataset.train), size, replace=False)
    return Split(dataset.train.x[chosen], dataset.train.y[chosen])
