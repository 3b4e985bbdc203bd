"""What a holder of data gives away in place of the data: clusters of the teacher's activations.

Bhardwaj et al. 2019 (arXiv 1905.07072), section 3.1. The file is an `.npz`:

    schema         int64 (), SCHEMA
    teacher_sha256 str (), of the teacher's file
    layer          str (), the pooled feature layer
    classes        int64 ()
    epsilon        float64 (), of the differential privacy; inf without
    delta          float64 (), likewise; 0 without
    cluster_class  int64 (K,), class of each cluster
    counts         int64 (K,), members of each cluster
    centroids      float32 (K, F)
    components     float32 (K, R, F), principal directions; rows of 0 where there are fewer
    variances      float32 (K, R), along them; 0 where there are fewer

No sample and no label list is in it. Without differential privacy (see `private`) a centroid is a mean
of a few activations, though: the smallest cluster and the number of components bound how close it
comes to a single one. docs/metadata.md says what was measured.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.data import Split
from tinyml.distill import private
from tinyml.distill.clusters import Cluster, describe, k_means
from tinyml.distill.settings import Budget, Limits
from tinyml.distill.teacher import Teacher
from tinyml.errors import InputError

SCHEMA = 2
_SCALARS = {
    "teacher_sha256": str,
    "layer": str,
    "classes": int,
    "epsilon": float,
    "delta": float,
}
_ARRAYS = ("cluster_class", "counts", "centroids", "components", "variances")


@dataclass(frozen=True)
class Metadata:
    """The arrays of the file; see the module's text for shapes and types."""

    teacher_sha256: str
    layer: str
    classes: int
    cluster_class: np.ndarray
    counts: np.ndarray
    centroids: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    epsilon: float = np.inf
    delta: float = 0.0

    def draw(self, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Activations float32 (N, F) for the classes y, int64 (N,).

        A cluster of the class by its count, then centroid + sum_j eps_j sqrt(variance_j) pc_j.
        Never below 0 when no centroid is: then the layer follows a ReLU.
        """
        cluster = np.array([self._draw_cluster(int(c), rng) for c in y])
        spread = rng.standard_normal((len(y), self.variances.shape[1]))
        along = spread * np.sqrt(self.variances[cluster])
        t = self.centroids[cluster] + np.einsum("nr,nrf->nf", along, self.components[cluster])
        floor = 0.0 if self.centroids.min() >= 0 else -np.inf
        return np.maximum(t, floor).astype(np.float32)

    def _draw_cluster(self, label: int, rng: np.random.Generator) -> int:
        own = np.flatnonzero(self.cluster_class == label)
        weights = self.counts[own] / self.counts[own].sum()
        return int(rng.choice(own, p=weights))

    def feature_variance(self) -> np.ndarray:
        """Spread of each feature between the clusters, float32 (F,), above 0."""
        weights = self.counts / self.counts.sum()
        mean = weights @ self.centroids
        variance = weights @ (self.centroids - mean) ** 2
        return (variance + 1e-3 * variance.mean() + 1e-12).astype(np.float32)

    def require_fit(self, teacher: Teacher) -> None:
        """Raises InputError unless the teacher has these classes and this many features."""
        features = teacher.model.get_layer(teacher.layer).output_shape[-1]
        if (self.classes, self.centroids.shape[1]) != (teacher.classes, features):
            raise InputError(
                "--metadata",
                f"is of {self.classes} classes and {self.centroids.shape[1]} features, "
                f"{teacher.where} has {teacher.classes} and {features}",
                "make it again with this teacher",
            )


def summarise(
    teacher: Teacher,
    teacher_sha256: str,
    data: Split,
    limits: Limits,
    seed: int,
    budget: Budget | None = None,
) -> Metadata:
    """Run a part of the data through the teacher and keep the clusters of its activations.

    Args:
        teacher: the model that dreams will be made with.
        teacher_sha256: of its file.
        data: labelled samples, each class at least `limits.smallest_cluster` of the part.
        limits: how much to keep.
        seed: of the part drawn and of k-means; without a meaning under a budget.
        budget: differential privacy, see `private`; None for exact statistics.

    Raises:
        InputError: a class has too few samples; no pooled layer.
    """
    head = (teacher_sha256, teacher.layer, teacher.classes)
    if budget is not None:
        found = private.clusters(teacher, data, limits, budget, np.random.default_rng())
        arrays = _stack(list(range(teacher.classes)), found)
        return Metadata(*head, **arrays, epsilon=budget.epsilon, delta=budget.delta)
    return Metadata(*head, **_stack(*_exact(teacher, data, limits, seed)))


def _exact(
    teacher: Teacher, data: Split, limits: Limits, seed: int
) -> tuple[list[int], list[Cluster]]:
    """Classes and clusters by k-means, without noise."""
    rng = np.random.default_rng(seed)
    labels: list[int] = []
    found: list[Cluster] = []
    for label in range(teacher.classes):
        features = teacher.features(_part(data, label, limits, rng))
        member = k_means(features, limits.clusters, limits.smallest_cluster, rng)
        for index in np.unique(member):
            own = features[member == index]
            kept = min(limits.components, len(own) // limits.members_per_component)
            found.append(describe(own, kept))
            labels.append(label)
    return labels, found


def save(metadata: Metadata, path: Path) -> None:
    """Write the file; equal metadata give equal bytes."""
    arrays = {name: getattr(metadata, name) for name in _ARRAYS}
    with path.open("wb") as stream:  # numpy would add .npz to a name without it
        np.savez(
            stream,
            schema=np.int64(SCHEMA),
            teacher_sha256=np.str_(metadata.teacher_sha256),
            layer=np.str_(metadata.layer),
            classes=np.int64(metadata.classes),
            epsilon=np.float64(metadata.epsilon),
            delta=np.float64(metadata.delta),
            **arrays,
        )


def load(path: Path) -> Metadata:
    """Read the file.

    Raises:
        InputError: missing or broken file, another schema, arrays that do not fit together.
    """
    try:
        # opened here, because numpy leaves a broken file open
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            schema = int(stored["schema"])
            if schema != SCHEMA:
                raise InputError(
                    path, f"has schema {schema}, not {SCHEMA}", "make it again with this version"
                )
            found: dict[str, Any] = {name: stored[name] for name in _ARRAYS}
            found.update((name, kind(stored[name])) for name, kind in _SCALARS.items())
            made = Metadata(**found)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            path, f"not readable metadata ({error})", "make it with 'tinyml distill metadata'"
        ) from None
    _check(made, path)
    return made


def _part(data: Split, label: int, limits: Limits, rng: np.random.Generator) -> np.ndarray:
    """The samples of one class that are looked at: the fraction, rounded up."""
    own = np.flatnonzero(data.y == label)
    count = int(np.ceil(limits.fraction * len(own)))
    if count < limits.smallest_cluster:
        raise InputError(
            "--fraction",
            f"leaves {count} of {len(own)} samples of class {label}, fewer than a cluster needs "
            f"({limits.smallest_cluster})",
            "raise --fraction, or lower --smallest-cluster",
        )
    return data.x[np.sort(rng.permutation(own)[:count])]


def _stack(labels: list[int], found: list[Cluster]) -> dict[str, Any]:
    """The clusters as the file's arrays, by name."""
    rank = max(len(cluster.variances) for cluster in found)
    width = len(found[0].centroid)
    components = np.zeros((len(found), rank, width), np.float32)
    variances = np.zeros((len(found), rank), np.float32)
    for index, cluster in enumerate(found):
        components[index, : len(cluster.variances)] = cluster.components
        variances[index, : len(cluster.variances)] = cluster.variances
    counts = np.array([cluster.count for cluster in found], np.int64)
    centroids = np.stack([cluster.centroid for cluster in found]).astype(np.float32)
    classes = np.array(labels, np.int64)
    return dict(zip(_ARRAYS, (classes, counts, centroids, components, variances)))


def _check(made: Metadata, path: Path) -> None:
    """Shapes agree, numbers are finite, every class has a cluster."""
    k = len(made.cluster_class)
    shapes = (made.counts.shape, made.centroids.shape[:1], made.components.shape[::2])
    fits = (
        made.centroids.ndim == 2
        and made.components.ndim == 3
        and shapes == ((k,), (k,), made.centroids.shape)
        and made.variances.shape == made.components.shape[:2]
    )
    if not fits:
        raise InputError(path, "its arrays do not fit together", "make it again")
    numbers = (made.centroids, made.components, made.variances)
    if not all(np.isfinite(a).all() for a in numbers) or made.variances.min(initial=0) < 0:
        raise InputError(
            path, "has values that are not finite, or variances below 0", "make it again"
        )
    missing = set(range(made.classes)) - set(made.cluster_class.tolist())
    if missing or made.counts.min() < 1:
        raise InputError(
            path, f"has no cluster of class {min(missing, default=0)}", "make it again"
        )
