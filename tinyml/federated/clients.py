"""Clients' data on disk, read by the worker by client number and round: nothing is shipped to it.

A key is int64 [client, round]. The order in which a client sees its samples depends only on the
run's seed, the key and the local epoch: a round gives the same whenever and wherever it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.models.runtime import tensorflow

SERVER = -1  # the "client" that holds the shared set, on which the server warms up
EVERYONE = -2  # the "client" that holds what all clients hold: centralised SGD


@dataclass(frozen=True)
class ClientStore:
    """A directory with two raw little-endian files a client: x (float32), y (int64).

    Attributes:
        directory: where they lie.
        shape: of one sample.
    """

    directory: Path
    shape: tuple[int, ...]

    def write(self, client: int, x: np.ndarray, y: np.ndarray) -> None:
        """Store the samples x (N, *shape) and labels y (N,) of a client."""
        x.astype("<f4").tofile(self.directory / f"{client}.x")
        y.astype("<i8").tofile(self.directory / f"{client}.y")

    def read(self, client: Any) -> tuple[Any, Any]:
        """Tensors x (N, *shape) and y (N,) of a client, whose number is an int64 scalar tensor."""
        tf = tensorflow()
        base = tf.strings.join([str(self.directory), "/", tf.strings.as_string(client)])
        y = tf.io.decode_raw(tf.io.read_file(tf.strings.join([base, ".y"])), tf.int64)
        x = tf.io.decode_raw(tf.io.read_file(tf.strings.join([base, ".x"])), tf.float32)
        return tf.reshape(x, (-1, *self.shape)), y


def order(key: Any, samples: Any, seed: int, epoch: Any) -> Any:
    """In which order a client sees its samples in a pass: a permutation, int32 (samples,).

    Args:
        key: int64 tensor whose first two elements are client and round.
        samples: how many it has, an int32 scalar.
        seed: the run's.
        epoch: the passes of all rounds before this one, an int64 scalar.
    """
    tf = tensorflow()
    mixed = tf.stack([key[0] + seed, epoch])
    return tf.random.experimental.stateless_shuffle(tf.range(samples), seed=mixed)
