"""Every client holds few classes: the 1-class and 2-class settings of arXiv 1806.00582."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.errors import InputError
from tinyml.federated.partitions import check_counts

NAME = "pathological"
USAGE = "pathological:CLASSES"


@dataclass(frozen=True)
class PathologicalPartitioner:
    """Each client has samples of exactly `num_classes_per_partition` classes.

    Classes are dealt in a fixed order, as in Flower's `class_assignment_mode="deterministic"`:
    client k begins with class k modulo the number of classes and takes the next ones. (Flower's
    default, "random", can leave classes with no client, and so lose samples.) The samples of a
    class are shuffled and cut evenly among the clients that hold it. With 10 clients and 10
    classes, 2 classes each, a class is cut in 2: 20 parts, as in the paper.

    Example: `PathologicalPartitioner(1, seed=0).partition(labels, 10)`.
    """

    num_classes_per_partition: int
    seed: int = 42

    def partition(self, labels: np.ndarray, clients: int) -> list[np.ndarray]:
        """See `Partitioner.partition`."""
        check_counts(labels, clients)
        classes = np.unique(labels)
        held = self._holdings(classes, clients)
        random = np.random.default_rng(self.seed)
        parts: list[list[np.ndarray]] = [[] for _ in range(clients)]
        for label in classes:
            holders = [client for client in range(clients) if label in held[client]]
            samples = random.permutation(np.flatnonzero(labels == label))
            if len(samples) < len(holders):
                raise InputError(
                    "--partition",
                    f"class {label} has {len(samples)} samples for {len(holders)} clients",
                    "give fewer clients",
                )
            for client, part in zip(holders, np.array_split(samples, len(holders))):
                parts[client].append(part)
        return [np.sort(np.concatenate(part)) for part in parts]

    def _holdings(self, classes: np.ndarray, clients: int) -> list[set[int]]:
        """The classes of each client."""
        count = self.num_classes_per_partition
        if count > len(classes):
            raise InputError(
                "--partition",
                f"{count} classes a client, the data has {len(classes)}",
                "give fewer",
            )
        if clients + count - 1 < len(classes):
            raise InputError(
                "--partition",
                f"{clients} clients of {count} classes leave some of {len(classes)} classes out",
                "give more clients or more classes a client",
            )
        return [
            {int(classes[(client + step) % len(classes)]) for step in range(count)}
            for client in range(clients)
        ]


def parse(argument: str | None, seed: int) -> PathologicalPartitioner:
    """From "pathological:2"."""
    if argument is None or not argument.isdecimal() or int(argument) < 1:
        raise ValueError("needs the number of classes a client, at least 1")
    return PathologicalPartitioner(int(argument), seed)
