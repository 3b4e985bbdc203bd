"""Every class is spread over the clients by a Dirichlet draw."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinyml.errors import InputError
from tinyml.federated.partitions import check_counts

NAME = "dirichlet"
USAGE = "dirichlet:ALPHA"
_ATTEMPTS = 10  # Flower's number


@dataclass(frozen=True)
class DirichletPartitioner:
    """For each class, the clients' shares of it are drawn from Dirichlet(alpha, ..., alpha).

    Yurochkin et al. 2019, arXiv 1905.12022. Small `alpha` is more skewed. The draw is repeated, at
    most 10 times, until every client has at least `min_partition_size` samples. With
    `self_balancing`, a client that already has more than its even share of all samples gets no more.

    Example: `DirichletPartitioner(0.3, seed=0).partition(labels, 10)`.
    """

    alpha: float
    min_partition_size: int = 10
    seed: int = 42
    self_balancing: bool = False

    def partition(self, labels: np.ndarray, clients: int) -> list[np.ndarray]:
        """See `Partitioner.partition`."""
        check_counts(labels, clients)
        random = np.random.default_rng(self.seed)
        for _ in range(_ATTEMPTS):
            parts = self._draw(labels, clients, random)
            if min(len(part) for part in parts) >= self.min_partition_size:
                return parts
        raise InputError(
            "--partition",
            f"{_ATTEMPTS} draws with alpha {self.alpha:g} left a client fewer than "
            f"{self.min_partition_size} samples",
            "give a larger alpha, fewer clients or another seed",
        )

    def _draw(
        self, labels: np.ndarray, clients: int, random: np.random.Generator
    ) -> list[np.ndarray]:
        parts: list[list[np.ndarray]] = [[] for _ in range(clients)]
        sizes = np.zeros(clients, np.int64)
        for label in np.unique(labels):
            samples = random.permutation(np.flatnonzero(labels == label))
            shares = random.dirichlet(np.full(clients, self.alpha))
            if self.self_balancing:
                shares = _open_shares(shares, sizes <= len(labels) / clients)
            cuts = (np.cumsum(shares)[:-1] * len(samples)).astype(int)
            for client, part in enumerate(np.split(samples, cuts)):
                parts[client].append(part)
                sizes[client] += len(part)
        return [np.sort(np.concatenate(part)) for part in parts]


def _open_shares(shares: np.ndarray, is_open: np.ndarray) -> np.ndarray:
    """Shares of the clients that are still open, made to sum to 1 again."""
    kept = shares * is_open
    if kept.sum() == 0:  # a tiny alpha gave all of the class to clients that are full
        kept = is_open.astype(float)
    result: np.ndarray = kept / kept.sum()
    return result


def parse(argument: str | None, seed: int) -> DirichletPartitioner:
    """From "dirichlet:0.3"."""
    alpha = float(argument) if argument else 0.0
    if not math.isfinite(alpha) or alpha <= 0:
        raise ValueError("needs alpha, a number above 0")
    return DirichletPartitioner(alpha, seed=seed)
