"""The runs that a configuration asks for, one for each combination of its lists and seed."""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_DREAMS = "dreams:"
_TOLD = ("partition", "strategy")  # in a record's name


@dataclass(frozen=True)
class Planned:
    """One run of `tinyml federate`.

    Attributes:
        dataset: name of a file (NAME.npz) or folder among the data.
        model: name of the architecture that it starts from, untrained.
        options: of the command, by their names without dashes in front; dreams by name.
        seed: of the start, the partition and the run.
    """

    dataset: str
    model: str
    options: dict[str, Any]
    seed: int

    @property
    def name(self) -> str:
        """Of its record: readable, and another one for other settings."""
        settings = json.dumps([self.dataset, self.model, self.options], sort_keys=True)
        digest = hashlib.sha256(settings.encode()).hexdigest()[:8]
        told = {"partition": "iid", "strategy": "fedavg", **self.options}
        words = [self.dataset, *(str(told[key]).replace(":", "") for key in _TOLD)]
        if "share" in told:
            words += [f"share{told['share']}", str(told.get("share-source", "real")).split(":")[-1]]
        return "-".join((*words, digest, f"seed{self.seed}"))

    def arguments(self, data: Path, dreams: Path, start: Path) -> list[str]:
        """Of the command line, without its output.

        Args:
            data: the data set.
            dreams: where the directories of dreams lie.
            start: the untrained model.
        """
        found = ["--model", str(start), "--data", str(data), "--seed", str(self.seed)]
        for option, value in self.options.items():
            if str(value).startswith(_DREAMS):
                value = _DREAMS + str(dreams / value[len(_DREAMS) :])
            if value is True:
                found.append(f"--{option}")
            elif value is not False:
                found += [f"--{option}", str(value)]
        return found


def planned(config: Path) -> list[Planned]:
    """All runs of a configuration, seed by seed: a first answer comes early."""
    read = tomllib.loads(config.read_text(encoding="utf-8"))
    common = {key: value for key, value in read.items() if key not in ("seeds", "runs")}
    runs = [
        settings for part in read.get("runs", [{}]) for settings in _combined({**common, **part})
    ]
    return [
        Planned(settings.pop("dataset"), settings.pop("model"), settings, seed)
        for seed in read["seeds"]
        for settings in (dict(run) for run in runs)
    ]


def _combined(settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every choice of one value from each list."""
    lists = [value if isinstance(value, list) else [value] for value in settings.values()]
    for values in itertools.product(*lists):
        yield dict(zip(settings, values))
