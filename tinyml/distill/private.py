"""Metadata under differential privacy: one cluster a class, Gaussian noise on clipped sums.

The guarantee is (epsilon, delta) for adding or removing one sample (Dwork and Roth 2014, appendix A),
over the whole file. A sample is in the statistics of its own class only: its count, the sum of the
activations and the sum of their outer products. With activations cut to the length C, these change by
at most 1, C and C^2 in L2 norm, so with each divided by its bound the whole changes by at most the
root of the number of parts. dp-accounting says how much Gaussian noise that takes. What is computed
from the noisy sums, eigenvectors included (Dwork et al. 2014, "Analyze Gauss"), costs nothing more.

k-means would look at the data, so it is not used. Each sample takes part by a draw of its own, which
makes the guarantee stronger than what is claimed. The noise comes from the operating system's entropy
and has no seed: whoever knows the seed could take it off. Its floats are not hardened (Mironov 2012).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

from tinyml.data import Split
from tinyml.distill.clusters import Cluster
from tinyml.distill.settings import Budget, Limits
from tinyml.distill.teacher import Teacher
from tinyml.errors import InputError

_NOISE_IMAGES = 250  # that show whether the layer follows a ReLU


@dataclass(frozen=True)
class _Sums:
    """Noisy statistics of one class: count, sum (F,), sum of outer products (F, F) or None."""

    count: float
    total: np.ndarray
    products: np.ndarray | None


def clusters(
    teacher: Teacher, data: Split, limits: Limits, budget: Budget, rng: np.random.Generator
) -> list[Cluster]:
    """One cluster a class, in the order of the classes.

    Args:
        teacher: gives the activations.
        data: labelled samples.
        limits: `fraction`, `components` and `smallest_cluster` are heeded, the last by noisy counts.
        budget: the guarantee.
        rng: draws samples and noise; of unknown state, or there is no guarantee.

    Raises:
        InputError: a class with too few samples for so much noise; dp-accounting is missing.
    """
    parts = 3 if limits.components else 2
    noise = noise_scale(budget) * math.sqrt(parts)
    floor = 0.0 if _never_negative(teacher) else -np.inf
    found = []
    for label in range(teacher.classes):
        own = data.x[(data.y == label) & (rng.random(len(data)) < limits.fraction)]
        features = teacher.features(own) if len(own) else np.zeros((0, _width(teacher)))
        sums = _noisy(clipped(features, budget.clip), noise, budget.clip, parts == 3, rng)
        if sums.count < max(1, limits.smallest_cluster):
            raise InputError(
                "--epsilon",
                f"class {label} has about {max(0, round(sums.count))} samples under this much noise, "
                f"fewer than a cluster needs ({limits.smallest_cluster})",
                "raise --fraction or --epsilon",
            )
        found.append(_cluster(sums, noise * budget.clip**2, limits.components, floor))
    return found


def noise_scale(budget: Budget) -> float:
    """Standard deviation of the Gaussian noise for a sum that one sample changes by at most 1.

    Raises:
        InputError: dp-accounting is not installed.
    """
    try:
        from dp_accounting.pld import accountant, common
    except ImportError:
        raise InputError(
            "--epsilon", "needs dp-accounting", "pip install 'tinyml-toolchain[train]'"
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its SciPy calls an old part of numpy
        wanted = common.DifferentialPrivacyParameters(budget.epsilon, budget.delta)
        return float(accountant.get_smallest_gaussian_noise(wanted, 1, 1.0))


def clipped(features: np.ndarray, clip: float) -> np.ndarray:
    """Activations float64 (N, F), those longer than `clip` shortened to it."""
    features = features.astype(np.float64)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    shortened: np.ndarray = features * np.minimum(1, clip / np.maximum(lengths, 1e-12))
    return shortened


def _noisy(
    features: np.ndarray, noise: float, clip: float, products: bool, rng: np.random.Generator
) -> _Sums:
    width = features.shape[1]
    count = len(features) + rng.normal(scale=noise)
    total = features.sum(axis=0) + rng.normal(scale=noise * clip, size=width)
    if not products:
        return _Sums(count, total, None)
    drawn = np.triu(rng.normal(scale=noise * clip**2, size=(width, width)))
    mirrored = drawn + np.triu(drawn, 1).T
    return _Sums(count, total, features.T @ features + mirrored)


def _cluster(sums: _Sums, noise: float, components: int, floor: float) -> Cluster:
    """Centroid and principal components of the noisy sums; those lost in the noise are left out.

    Pure noise of standard deviation s in a symmetric matrix of F rows has eigenvalues up to 2 s sqrt(F).
    """
    centroid = sums.total / sums.count
    if sums.products is None:
        rows, variances = np.zeros((0, len(centroid))), np.zeros(0)
    else:
        covariance = sums.products / sums.count - np.outer(centroid, centroid)
        values, vectors = np.linalg.eigh(covariance)
        lost = 2 * noise / sums.count * math.sqrt(len(centroid))
        kept = [i for i in np.argsort(-values)[:components] if values[i] > lost]
        rows, variances = vectors[:, kept].T, values[kept]
    return Cluster(np.maximum(centroid, floor), rows, variances, round(sums.count))


def _never_negative(teacher: Teacher) -> bool:
    """Whether the layer follows a ReLU, judged without data."""
    x = np.random.default_rng(0).random((_NOISE_IMAGES, *teacher.shape), np.float32)
    return bool(teacher.features(x).min() >= 0)


def _width(teacher: Teacher) -> int:
    return int(teacher.model.get_layer(teacher.layer).output_shape[-1])
