"""What `tinyml federate` was asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinyml import data
from tinyml.errors import InputError
from tinyml.federated import cluster, faults, partitions, sharing, strategies, worker
from tinyml.federated.cluster import Cluster
from tinyml.federated.faults import Faults
from tinyml.federated.privacy import Privacy, plan


@dataclass(frozen=True)
class Request:
    """What the user asked for; the fields are the command's options."""

    model: Path
    data: str
    clients: int
    partition: str
    rounds: int
    epochs: int
    batch: int
    lr: float
    lr_decay: float
    strategy: str
    server_lr: float | None
    sample_clients: float
    dropout: float
    share: float
    share_alpha: float
    share_source: str
    warm_up: int
    evaluate_every: int
    divergence: bool
    faulty: str | None
    robust: bool
    dp_epsilon: float | None
    dp_delta: float
    workers: str | None
    local_workers: int
    allow_unsafe: bool
    seed: int

    def check(self) -> None:
        """Refuse at once what needs no TensorFlow to be refused.

        Raises:
            InputError: unknown partition, strategy or source; divergence where work is not equal; no
                worker.
        """
        partitions.parse(self.partition, self.seed)
        strategies.parse(self.strategy)
        sharing.path_of(self.share_source)
        if self.divergence and (self.sample_clients < 1 or self.dropout > 0):
            raise InputError(
                "--divergence",
                "compares with centralised SGD of equal work, so every client is needed every round",
                "leave out --sample-clients and --dropout",
            )
        self._check_answers()
        self.cluster()
        worker.require()
        self.privacy()

    def _check_answers(self) -> None:
        """What goes with faults, robust aggregation and privacy."""
        guarded = [
            option
            for option, given in (
                ("--faulty", self.faults is not None),
                ("--robust", self.robust),
                ("--dp-epsilon", self.dp_epsilon is not None),
            )
            if given
        ]
        if guarded and self.strategy.startswith("scaffold"):
            raise InputError(
                guarded[0],
                "not with --strategy scaffold, whose control variates are summed as they come",
                "choose another strategy",
            )
        if self.robust and self.dp_epsilon is not None:
            raise InputError(
                "--robust",
                "not with --dp-epsilon: that clips by itself, and zeroing would watch norms without noise",
                "leave out --robust",
            )

    def clients_per_round(self) -> int:
        """How many clients a round asks."""
        return max(1, round(self.sample_clients * self.clients))

    def cluster(self) -> Cluster:
        """Where the clients train.

        Raises:
            InputError: two ways given, or an address that is none.
        """
        if self.workers and self.local_workers:
            raise InputError("--local-workers", "not together with --workers", "give one of them")
        return Cluster(
            cluster.parse(self.workers or ""), self.local_workers, self.clients_per_round()
        )

    @property
    def faults(self) -> Faults | None:
        """Which clients answer wrongly, if any."""
        return None if self.faulty is None else faults.parse(self.faulty)

    def privacy(self) -> Privacy | None:
        """What is promised to the clients, if anything.

        Raises:
            InputError: it is out of reach.
        """
        if self.dp_epsilon is None:
            return None
        in_a_round = self.clients_per_round()
        return plan(self.dp_epsilon, self.dp_delta, self.clients, in_a_round, self.rounds)

    def learning_rate(self, number: int) -> float:
        """The clients' in round `number`, from 1."""
        return self.lr * self.lr_decay ** (number - 1)

    def inputs(self) -> dict[str, Path]:
        """The files and directories read, by role; data that is not there is told when it is read."""
        source = data.source_path(self.data)
        found = {
            "model": self.model,
            "data": source if source is not None and source.exists() else None,
            "dreams": sharing.path_of(self.share_source) if self.share else None,
        }
        return {role: path for role, path in found.items() if path is not None}

    def settings(self) -> dict[str, Any]:
        """What JSON can hold of it, for the record."""
        return {name: v for name, v in asdict(self).items() if name not in ("model", "seed")}
