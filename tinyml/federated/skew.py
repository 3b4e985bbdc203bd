"""How far clients' labels are from the population's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def label_counts(labels: np.ndarray, parts: Sequence[np.ndarray], classes: int) -> np.ndarray:
    """int64 (clients, classes): samples of each class in each part (arrays of indices)."""
    return np.stack([np.bincount(labels[part], minlength=classes) for part in parts])


def earth_movers_distance(counts: np.ndarray, population: np.ndarray) -> np.ndarray:
    """EMD_k = sum_i |p_k(y=i) - p(y=i)| for each client k, section 3 of arXiv 1806.00582.

    Args:
        counts: (clients, classes), samples of each class; no row is all zeros.
        population: (classes,), the same of the whole population.

    Returns:
        float64 (clients,), from 0 (alike) to below 2; 1.8 for one class of ten equally common ones.
    """
    own = counts / counts.sum(axis=1, keepdims=True)
    result: np.ndarray = np.abs(own - population / population.sum()).sum(axis=1)
    return result
