"""Clients' data on disk, read by the worker by client number and round: nothing is shipped to it.

A key is int64 [client, round, 1 if the client is faulty]. The order in which a client sees its samples
depends only on the run's seed, client, round and local epoch: a round gives the same whenever and
wherever it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.models.runtime import tensorflow

SERVER = -1  # the "client" that holds the shared set, on which the server warms up
EVERYONE = -2  # the "client" that holds what all clients hold: centralised SGD
_SAMPLES, _LABELS, _START = ".x", ".y", "start"


def key(client: int, number: int, faulty: bool = False) -> np.ndarray:
    """The key of a client in a round."""
    return np.array([client, number, faulty], np.int64)


def order(key: Any, samples: Any, seed: int, epoch: Any) -> Any:
    """In which order a client sees its samples in a pass: a permutation, int32 (samples,).

    Args:
        key: int64 tensor, the client's.
        samples: how many it has, an int32 scalar.
        seed: the run's.
        epoch: the passes of all rounds before this one, an int64 scalar.
    """
    tf = tensorflow()
    mixed = tf.stack([key[0] + seed, epoch])
    return tf.random.experimental.stateless_shuffle(tf.range(samples), seed=mixed)


@dataclass(frozen=True)
class ClientStore:
    """A directory with two files a client, flat tensors as TensorFlow serialises them: x and y.

    Attributes:
        directory: where they lie.
        shape: of one sample.
        seen_as: the directory's name where the worker runs; None when that is the same.
    """

    directory: Path
    shape: tuple[int, ...]
    seen_as: str | None = None

    def write(self, client: int, x: np.ndarray, y: np.ndarray) -> None:
        """Store the samples x (N, *shape) and labels y (N,) of a client."""
        self._write(f"{client}{_SAMPLES}", x.astype(np.float32))
        self._write(f"{client}{_LABELS}", y.astype(np.int64))

    def write_start(self, weights: Sequence[np.ndarray]) -> None:
        """Store the weights (float32) that the run begins with, for clients that stay behind."""
        self._write(_START, np.concatenate([np.ravel(w) for w in weights]))

    def read(self, client: Any) -> tuple[Any, Any]:
        """Tensors x (N, *shape) and y (N,) of a client, whose number is an int64 scalar tensor."""
        tf = tensorflow()
        name = tf.strings.as_string(client)
        x = self._read(tf.strings.join([name, _SAMPLES]), tf.float32)
        y = self._read(tf.strings.join([name, _LABELS]), tf.int64)
        return tf.reshape(x, (-1, *self.shape)), y

    def read_start(self, like: Sequence[Any]) -> list[Any]:
        """The weights that `write_start` stored, as tensors of the shapes of `like`."""
        tf = tensorflow()
        flat = self._read(_START, tf.float32)
        parts = tf.split(flat, [int(np.prod(part.shape)) for part in like])
        return [tf.reshape(part, other.shape) for part, other in zip(parts, like)]

    def files(self) -> Iterator[tuple[str, np.ndarray]]:
        """Name and content (float32 or int64, flat) of all that is stored, one at a time."""
        tf = tensorflow()
        for path in sorted(self.directory.iterdir()):
            kind = tf.int64 if path.suffix == _LABELS else tf.float32
            yield path.name, tf.io.parse_tensor(path.read_bytes(), kind).numpy()

    def _write(self, name: str, array: np.ndarray) -> None:
        tf = tensorflow()
        (self.directory / name).write_bytes(tf.io.serialize_tensor(np.ravel(array)).numpy())

    def _read(self, name: Any, kind: Any) -> Any:
        tf = tensorflow()
        path = tf.strings.join([self.seen_as or str(self.directory), "/", name])
        return tf.ensure_shape(tf.io.parse_tensor(tf.io.read_file(path), kind), (None,))
