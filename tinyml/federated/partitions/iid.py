"""Every client's labels look like the whole's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.federated.partitions import check_counts

NAME = "iid"
USAGE = "iid"


@dataclass(frozen=True)
class IidPartitioner:
    """Parts of equal size (to one sample), drawn uniformly without replacement.

    Example: `IidPartitioner(seed=0).partition(labels, 10)`.
    """

    seed: int = 42

    def partition(self, labels: np.ndarray, clients: int) -> list[np.ndarray]:
        """See `Partitioner.partition`."""
        check_counts(labels, clients)
        order = np.random.default_rng(self.seed).permutation(len(labels))
        return [np.sort(part) for part in np.array_split(order, clients)]


def parse(argument: str | None, seed: int) -> IidPartitioner:
    """From "iid"."""
    if argument is not None:
        raise ValueError("takes no argument")
    return IidPartitioner(seed)
