"""scikit-learn's bundled digits."""

from __future__ import annotations

import numpy as np

from tinyml.data import splits
from tinyml.data.dataset import Dataset, Split
from tinyml.errors import InputError


def digits() -> Dataset:
    """1,797 real 8x8 images; 1,257 train, 180 validation, 360 test."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError(
            "digits", "needs scikit-learn", "pip install 'tinyml-toolchain[train]'"
        ) from None
    bunch = load_digits()
    x = (bunch.images / 16.0).astype(np.float32)[..., np.newaxis]
    y = bunch.target.astype(np.int64)
    order = np.random.default_rng(splits.SEED).permutation(len(x))
    train, validation, test = (Split(x[i], y[i]) for i in np.split(order, [1257, 1437]))
    return Dataset("digits", 10, train, validation, test)
