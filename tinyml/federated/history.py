"""`history.jsonl`: one JSON line a round, on disk as soon as the round is over."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Round:
    """What is known after a round; round 0 is the model that enters the first one.

    Attributes:
        round: from 0.
        train_loss: mean over the clients' samples while they trained; None for round 0.
        train_accuracy: likewise. Of the moving local models on their own data, so it is high on
            skewed data whatever the global model is worth.
        test_accuracy: of the global model; None in rounds in which it is not measured.
        bytes_down: payload for a client in this round; in round 0 its part of the shared set.
        bytes_up: payload from a client: the update of the trainable weights.
        seconds: wall time without the measuring; in round 0 that of the warm-up.
    """

    round: int
    train_loss: float | None
    train_accuracy: float | None
    test_accuracy: float | None
    bytes_down: int
    bytes_up: int
    seconds: float


class History:
    """The rounds so far, in memory and in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines: list[dict[str, Any]] = []

    def append(self, done: Round) -> None:
        """Add a round; it is on disk when this returns."""
        line = asdict(done)
        self.lines.append(line)
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, sort_keys=True) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    @property
    def last(self) -> dict[str, Any]:
        """The last line."""
        return self.lines[-1]
