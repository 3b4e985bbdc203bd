"""What `tinyml federate` was asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinyml import data
from tinyml.errors import InputError
from tinyml.federated import partitions, sharing, strategies, worker


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
        worker.require()

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
