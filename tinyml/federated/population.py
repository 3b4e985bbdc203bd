"""Who holds what: the clients' own samples and what is shared with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml.data import Dataset, Split
from tinyml.federated import partitions, sharing, skew
from tinyml.federated.clients import EVERYONE, SERVER, ClientStore


@dataclass(frozen=True)
class Population:
    """The clients' data.

    Attributes:
        own: each client's samples, without the shared ones.
        shared: the set G; empty when nothing is shared.
        handed: for each client, indices into `shared`.
        counts: int64 (clients, classes), of `own`.
        shared_counts: int64 (clients, classes), of `handed`.
    """

    own: tuple[Split, ...]
    shared: Split
    handed: tuple[np.ndarray, ...]
    counts: np.ndarray
    shared_counts: np.ndarray

    @property
    def samples(self) -> int:
        """All samples that the clients train on in one pass, own and shared."""
        return int(self.counts.sum() + self.shared_counts.sum())

    @property
    def emd(self) -> np.ndarray:
        """Earth mover's distance of each client's own labels to all clients' labels."""
        return skew.earth_movers_distance(self.counts, self.counts.sum(axis=0))

    @property
    def emd_with_shared(self) -> np.ndarray:
        """The same of its own and its shared labels together, to all clients' own labels."""
        together = self.counts + self.shared_counts
        return skew.earth_movers_distance(together, self.counts.sum(axis=0))

    def samples_of(self, client: int) -> int:
        """What a client trains on in one pass, own and shared."""
        return len(self.own[client]) + len(self.handed[client])

    def store(self, store: ClientStore, everyone: bool = False) -> None:
        """Write each client's samples, and the shared set as the server's.

        Args:
            store: where to.
            everyone: also write all that the clients hold as `EVERYONE`'s.
        """
        for client in range(len(self.own)):
            store.write(client, *self._held(client))
        store.write(SERVER, self.shared.x, self.shared.y)
        if everyone:
            held = [self._held(client) for client in range(len(self.own))]
            x, y = (np.concatenate(parts) for parts in zip(*held))
            store.write(EVERYONE, x, y)

    def _held(self, client: int) -> tuple[np.ndarray, np.ndarray]:
        """x and y of a client's own samples and its part of the shared set."""
        handed = self.handed[client]
        part = Split(self.shared.x[handed], self.shared.y[handed])
        joined = sharing.joined(self.own[client], part)
        return joined.x, joined.y

    def described(self) -> dict[str, Any]:
        """For `partition.json`."""
        return {
            "labels": self.counts.tolist(),
            "labels_shared": self.shared_counts.tolist(),
            "emd": self.emd.tolist(),
            "emd_with_shared": self.emd_with_shared.tolist(),
        }


@dataclass(frozen=True)
class Share:
    """The shared set as asked for: |G| / |D|, the part of it that a client gets, and the source."""

    beta: float
    alpha: float
    source: str


def populate(dataset: Dataset, partition: str, clients: int, share: Share, seed: int) -> Population:
    """Cut the training split for the clients.

    Raises:
        InputError: an unknown or impossible partition, or a shared set that cannot be drawn.
    """
    partitioner = partitions.parse(partition, seed)
    shared, rest = sharing.draw(dataset, share.beta, share.source, seed)
    parts = partitioner.partition(rest.y, clients)
    handed = sharing.hand_out(shared, share.alpha, clients, seed)
    return Population(
        tuple(Split(rest.x[part], rest.y[part]) for part in parts),
        shared,
        tuple(handed),
        skew.label_counts(rest.y, parts, dataset.classes),
        skew.label_counts(shared.y, handed, dataset.classes),
    )
