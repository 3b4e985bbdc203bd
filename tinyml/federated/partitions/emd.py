"""Clients whose labels lie at a given mean distance from the population's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinyml.errors import InputError
from tinyml.federated import skew
from tinyml.federated.partitions import check_counts

NAME = "emd"
USAGE = "emd:X"
_TOLERANCE = 0.01
_AROUND = 32  # how far from the bisection's end the best is looked for: rounding makes steps uneven


@dataclass(frozen=True)
class EmdPartitioner:
    """Each client is a mixture of all classes, as in the population, and of classes of its own.

    The mean of the clients' earth mover's distances (`skew.earth_movers_distance`) is `distance`
    within 0.01. A client that holds the part t from its own classes q and 1 - t from the population
    p has the distribution p + t (q - p), so its distance is t times that of q: every distance from
    0 to that of q is reached, by the same mixture at every client.

    Its own classes: with as many clients as classes or more, one each, dealt in order, a class cut
    evenly among those that hold it; with fewer clients, whole classes dealt in order. So 10 clients
    of 10 equal classes reach from 0 (IID) to 1.8 (`pathological:1`). A client's size is that of its
    own classes.

    In counts: all samples start in their own clients; M of them, spread evenly over the clients and
    classes, go into a pool, which is dealt back such that each client gets as many as it gave and
    each class goes to all clients alike. M is the one that meets the distance best.

    Example: `EmdPartitioner(1.2, seed=0).partition(labels, 10)`.
    """

    distance: float
    seed: int = 42

    def partition(self, labels: np.ndarray, clients: int) -> list[np.ndarray]:
        """See `Partitioner.partition`."""
        check_counts(labels, clients)
        classes, counts = np.unique(labels, return_counts=True)
        table = self._best(_own(counts, clients))
        random = np.random.default_rng(self.seed)
        parts: list[list[np.ndarray]] = [[] for _ in range(clients)]
        for column, label in enumerate(classes):
            samples = random.permutation(np.flatnonzero(labels == label))
            cuts = np.cumsum(table[:, column])[:-1]
            for client, part in enumerate(np.split(samples, cuts)):
                parts[client].append(part)
        return [np.sort(np.concatenate(part)) for part in parts]

    def _best(self, own: np.ndarray) -> np.ndarray:
        """The table of counts (clients, classes) whose mean distance is nearest."""
        order = _spread(own.ravel())

        def mixed(given: int) -> np.ndarray:
            gone = np.bincount(order[:given], minlength=own.size).reshape(own.shape)
            return own - gone + _dealt(gone.sum(axis=1), gone.sum(axis=0))

        def distance(given: int) -> float:
            return _mean_distance(mixed(given))

        total = int(own.sum())
        low, high = 0, total  # the distance falls as more is given
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if distance(middle) > self.distance else (low, middle)
        near = range(max(0, low - _AROUND), min(total, low + _AROUND) + 1)
        best = min(near, key=lambda given: abs(distance(given) - self.distance))
        if abs(distance(best) - self.distance) > _TOLERANCE:
            raise InputError(
                "--partition",
                f"no mean EMD of {self.distance:g} with {len(own)} clients of this data: it goes from "
                f"{distance(total):.3f} to {distance(0):.3f}, the nearest is {distance(best):.3f}",
                "give one in between",
            )
        return mixed(best)


def _own(counts: np.ndarray, clients: int) -> np.ndarray:
    """int64 (clients, classes): the most skewed cut, of which each client's own classes are."""
    table = np.zeros((clients, len(counts)), np.int64)
    for label, count in enumerate(counts):
        holders = range(label, clients, len(counts)) or [label % clients]
        if count < len(holders):
            raise InputError(
                "--partition",
                f"class {label} has {count} samples for {len(holders)} clients",
                "give fewer clients",
            )
        for holder, part in zip(holders, np.array_split(np.arange(count), len(holders))):
            table[holder, label] = len(part)
    return table


def _spread(counts: np.ndarray) -> np.ndarray:
    """Each index as often as its count says, in an order in which all are spread evenly."""
    index = np.repeat(np.arange(len(counts)), counts)
    rank = np.arange(len(index)) - np.repeat(np.cumsum(counts) - counts, counts)
    return index[np.argsort((rank + 0.5) / counts[index], kind="stable")]


def _dealt(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The table of these sums that is closest to rows x columns / total, to about one a cell."""
    row, column = _spread(rows), np.repeat(np.arange(len(columns)), columns)
    cells = np.bincount(row * len(columns) + column, minlength=len(rows) * len(columns))
    return cells.reshape(len(rows), len(columns))


def _mean_distance(table: np.ndarray) -> float:
    return float(skew.earth_movers_distance(table, table.sum(axis=0)).mean())


def parse(argument: str | None, seed: int) -> EmdPartitioner:
    """From "emd:1.2"."""
    distance = float(argument) if argument else -1.0
    if not math.isfinite(distance) or distance < 0:
        raise ValueError("needs the mean EMD, a number from 0")
    return EmdPartitioner(distance, seed)
