"""Who takes part in a round: drawn anew from the seed and the round, so that a resumed run repeats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SAMPLE, _DROP = 0x5A, 0xD0  # so that the two draws of a round never share a random stream


@dataclass(frozen=True)
class Participation:
    """How clients are sampled and lost.

    Attributes:
        clients: how many there are.
        sample: the part of them that a round asks, above 0 to 1; at least one client.
        dropout: probability that a client that was asked is lost before its update arrives.
        seed: the run's.
    """

    clients: int
    sample: float
    dropout: float
    seed: int

    def asked(self, number: int) -> list[int]:
        """The clients that get the model in round `number`, sorted."""
        size = max(1, round(self.sample * self.clients))
        if size == self.clients:
            return list(range(self.clients))
        random = np.random.default_rng([self.seed, _SAMPLE, number])
        return sorted(random.choice(self.clients, size, replace=False).tolist())

    def dropped(self, number: int) -> list[int]:
        """Those of them whose update is lost, sorted."""
        random = np.random.default_rng([self.seed, _DROP, number])
        lost = random.random(self.clients) < self.dropout
        return [client for client in self.asked(number) if lost[client]]
