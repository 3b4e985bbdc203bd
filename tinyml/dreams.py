"""The dreams directory: what `distill dream` writes and `distill student`, `federate`, `quantize` read.

DREAMS/
  shard-00000.npz   x: float32 (n, H, W, C) in [0, 1]; y: int64 (n,), the drawn class;
  shard-00001.npz   logits: float32 (n, classes), the teacher's answer
  ...
  recipe.json       how they were made
  dreams.png        a contact sheet, one row a class
  run.json          the run record
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyml.errors import InputError

PREFIX = "dreams:"


@dataclass(frozen=True)
class Dreams:
    """x: float32 (N, H, W, C) in [0, 1]; y: int64 (N,), drawn class; logits: float32 (N, classes)."""

    x: np.ndarray
    y: np.ndarray
    logits: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


def write_shard(directory: Path, index: int, shard: Dreams) -> None:
    """Write one shard; equal arrays give equal bytes."""
    np.savez(directory / f"shard-{index:05d}.npz", x=shard.x, y=shard.y, logits=shard.logits)


def read(directory: Path) -> Dreams:
    """All shards of a dreams directory, in order.

    Raises:
        InputError: not a dreams directory, or a shard is broken.
    """
    paths = sorted(directory.glob("shard-*.npz"))
    if not paths:
        raise InputError(
            directory, "no dreams in it (shard-*.npz)", "make them with 'tinyml distill dream'"
        )
    shards = [_read_shard(path) for path in paths]
    if len({(s.x.shape[1:], s.logits.shape[1:]) for s in shards}) != 1:
        raise InputError(directory, "its shards have different shapes", "make the dreams again")
    return Dreams(*(np.concatenate([getattr(s, n) for s in shards]) for n in ("x", "y", "logits")))


def _read_shard(path: Path) -> Dreams:
    try:
        # opened here, because numpy leaves a broken file open
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            shard = Dreams(stored["x"], stored["y"], stored["logits"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            path, f"not a readable shard of dreams ({error})", "make it again"
        ) from None
    count = len(shard.x) if shard.x.ndim == 4 else -1
    if shard.y.shape != (count,) or shard.logits.ndim != 2 or len(shard.logits) != count:
        raise InputError(path, "its arrays do not fit together", "make the dreams again")
    return shard
