"""`history.jsonl`: one JSON line a round, on disk as soon as the round is over."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tinyml.federated.learning import Trained
from tinyml.federated.measuring import Worth


@dataclass(frozen=True)
class Round:
    """What is known after a round; round 0 is the model that enters the first one.

    Attributes:
        round: from 0.
        clients: numbers of those whose updates arrived.
        dropped: numbers of those that got the model and were lost.
        learning_rate: the clients'; None for round 0.
        client: what the clients saw while they trained, of their moving local models on their own
            data: high on skewed data whatever the global model is worth. None when none trained.
        train: of the global model, on as many training samples as there are test samples; None in
            rounds in which it is not measured.
        test: likewise, on the test split.
        bytes_down: payload for a client in this round; in round 0 its part of the shared set.
        bytes_up: payload from a client.
        divergence: by layer, ||w - w_sgd|| / ||w_sgd||; None when not asked for.
        seconds: wall time without the measuring; in round 0 that of the warm-up.
    """

    round: int
    clients: list[int]
    dropped: list[int]
    learning_rate: float | None
    client: Trained | None
    train: Worth | None
    test: Worth | None
    bytes_down: int
    bytes_up: int
    divergence: dict[str, float] | None
    seconds: float

    def line(self) -> dict[str, Any]:
        """Flat: client, train and test become their loss and accuracy, e.g. `test_accuracy`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("client", "train", "test"):
            worth = values.pop(name)
            values[f"{name}_loss"] = worth.loss if worth else None
            values[f"{name}_accuracy"] = worth.accuracy if worth else None
        return values


class History:
    """The rounds so far, in memory and in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines: list[dict[str, Any]] = []

    def append(self, done: Round) -> None:
        """Add a round; it is on disk when this returns."""
        line = done.line()
        self.lines.append(line)
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(_text(line))
            stream.flush()
            os.fsync(stream.fileno())

    def resume(self, last: int) -> None:
        """Take up the file's rounds up to `last`, and drop what a killed run wrote after them."""
        found = self._path.read_text(encoding="utf-8").splitlines()[: last + 1]
        self.lines = [json.loads(line) for line in found]
        written = self._path.with_suffix(".new")
        written.write_text("".join(_text(line) for line in self.lines), encoding="utf-8")
        written.replace(self._path)

    @property
    def last(self) -> dict[str, Any]:
        """The last line."""
        return self.lines[-1]


def _text(line: dict[str, Any]) -> str:
    return json.dumps(line, sort_keys=True) + "\n"
