"""k-means and principal components of small sets of vectors, in numpy and in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_ROUNDS = 100


@dataclass(frozen=True)
class Cluster:
    """A cluster's shape without its members.

    Args:
        centroid: float64 (F,).
        components: float64 (R, F), orthonormal, the largest variance first.
        variances: float64 (R,), along the components, with n - 1 in the denominator.
        count: members.
    """

    centroid: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    count: int


def k_means(x: np.ndarray, k: int, smallest: int, rng: np.random.Generator) -> np.ndarray:
    """Cluster index int64 (N,) of each vector; no cluster has fewer than `smallest` members.

    Lloyd's algorithm from k-means++ starts. A cluster that ends too small is dissolved and the
    others are settled again, so there may be fewer than k.

    Args:
        x: (N, F), N >= smallest.
        k: clusters wanted.
        smallest: the least number of members.
        rng: draws the starts.
    """
    centres = _spread_starts(x, max(1, min(k, len(x) // smallest)), rng)
    while True:
        labels, centres = _lloyd(x, centres)
        sizes = np.bincount(labels, minlength=len(centres))
        if len(centres) == 1 or sizes.min() >= smallest:
            return labels
        centres = np.delete(centres, sizes.argmin(), axis=0)


def describe(x: np.ndarray, components: int) -> Cluster:
    """Centroid and principal components of the vectors (N, F) of one cluster.

    Args:
        x: the members.
        components: the most to keep; n members have at most n - 1 with any variance.
    """
    x = x.astype(np.float64)
    centroid = x.mean(axis=0)
    _, singular, rows = np.linalg.svd(x - centroid, full_matrices=False)
    kept = max(0, min(components, len(x) - 1, x.shape[1]))
    rows = rows[:kept]
    # an eigenvector's sign is arbitrary: make its largest entry positive, to give equal files
    signs = np.sign(rows[np.arange(kept), np.abs(rows).argmax(axis=1)]) if kept else np.empty(0)
    variances = singular[:kept] ** 2 / max(1, len(x) - 1)
    return Cluster(centroid, rows * signs[:, None], variances, len(x))


def _spread_starts(x: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """k-means++ (Arthur and Vassilvitskii 2007): each start far from those before it."""
    centres = [x[rng.integers(len(x))]]
    while len(centres) < k:
        nearest = _distances(x, np.stack(centres)).min(axis=1)
        total = nearest.sum()
        weights = nearest / total if total > 0 else np.full(len(x), 1 / len(x))
        centres.append(x[rng.choice(len(x), p=weights)])
    return np.stack(centres).astype(np.float64)


def _lloyd(x: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels = _distances(x, centres).argmin(axis=1)
    for _ in range(_ROUNDS):
        for index in range(len(centres)):
            if (labels == index).any():
                centres[index] = x[labels == index].mean(axis=0)
        moved = _distances(x, centres).argmin(axis=1)
        if (moved == labels).all():
            break
        labels = moved
    return labels, centres


def _distances(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distances (N, K)."""
    squared: np.ndarray = ((x[:, None].astype(np.float64) - centres[None]) ** 2).sum(axis=-1)
    return squared
