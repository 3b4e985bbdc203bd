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

    def dataset(self, key: Any, seed: int, epochs: int, batch: int) -> Any:
        """A tf.data.Dataset of (x, y) batches: `epochs` passes, each in an order of its own.

        Args:
            key: int64 tensor (2,), client and round.
            seed: the run's.
            epochs: local passes over the data.
            batch: samples a batch; the last one of a pass may be smaller.
        """
        tf = tensorflow()
        base = tf.strings.join([str(self.directory), "/", tf.strings.as_string(key[0])])
        y = tf.io.decode_raw(tf.io.read_file(tf.strings.join([base, ".y"])), tf.int64)
        x = tf.io.decode_raw(tf.io.read_file(tf.strings.join([base, ".x"])), tf.float32)
        x = tf.reshape(x, (-1, *self.shape))

        def one_pass(epoch: Any) -> Any:
            mixed = tf.stack([key[0] + seed, key[1] * epochs + epoch])
            order = tf.random.experimental.stateless_shuffle(tf.range(tf.size(y)), seed=mixed)
            samples = tf.data.Dataset.from_tensor_slices(order).batch(batch)
            return samples.map(lambda some: (tf.gather(x, some), tf.gather(y, some)))

        return tf.data.Dataset.range(epochs).flat_map(one_pass)

    def element_spec(self) -> Any:
        """The type of one batch."""
        tf = tensorflow()
        return (
            tf.TensorSpec((None, *self.shape), tf.float32),
            tf.TensorSpec((None,), tf.int64),
        )
