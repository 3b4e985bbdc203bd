"""Where batches of dreams are made: on one device, or on several, of several hosts even, that each
take a whole batch.

A batch is never split: its statistics are what the batch-norm prior matches, so that a batch on two
devices would be another batch. Whole ones come out alike wherever they are made.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from tinyml.distill.hosts import Exchange, Hosts
from tinyml.errors import InputError
from tinyml.models.runtime import tensorflow

Arrays = dict[str, np.ndarray]


class Devices:
    """One device of TensorFlow's choice, or those named, under `tf.distribute.MirroredStrategy`.

    With several hosts, each has its own: what is given and collected is this host's, until they
    `gather` it.

    Args:
        names: such as "gpu:0" and "gpu:1", or "cpu:0" and "cpu:1"; none leave the choice to
            TensorFlow.
        hosts: those that make batches, which have met.

    Raises:
        InputError: no such device.
        TinymlError: a host is lost.
    """

    def __init__(self, names: Sequence[str] = (), hosts: Hosts | None = None) -> None:
        _split_cpu(sum(name.lower().startswith("cpu:") for name in names))
        self._index = hosts.index if hosts else 0
        self.hosts = len(hosts.addresses) if hosts else 1
        self._exchange = Exchange(hosts) if hosts else None  # before TensorFlow does anything else
        self._strategy = _strategy(names) if names else None

    @property
    def count(self) -> int:
        """Batches that are made at once, on this host."""
        return int(self._strategy.num_replicas_in_sync) if self._strategy else 1

    def gather(self, own: list[Arrays]) -> list[Arrays]:
        """What all hosts have made, in their order; all must call it, with a part or an empty one.

        Raises:
            TinymlError: a host is lost.
        """
        if self._exchange is None:
            return own
        named = {f"{n}/{name}": a for n, arrays in enumerate(own) for name, a in arrays.items()}
        parts = [_unpacked(part) for part in self._exchange(_packed(named))]
        return [arrays for part in parts for arrays in _numbered(part)]

    def of_chief(self, arrays: Arrays) -> Arrays:
        """What the chief gives; the others give anything. All must call it; raises as `gather`."""
        return _unpacked(self._exchange(_packed(arrays))[0]) if self._exchange else arrays

    def own(self, batches: Sequence[Any]) -> Sequence[Any]:
        """This host's part of batches for all devices of all hosts."""
        begin = self._index * self.count
        return batches[begin : begin + self.count]

    def scope(self) -> AbstractContextManager[Any]:
        """Models built or loaded here have their weights on every device."""
        scope: AbstractContextManager[Any] = (
            self._strategy.scope() if self._strategy else nullcontext()
        )
        return scope

    def function(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """`step` compiled; on several devices it runs on each with that device's arguments."""
        tf = tensorflow()
        if self._strategy is None:
            compiled: Callable[..., Any] = tf.function(step)
        else:
            compiled = tf.function(lambda *args: self._strategy.run(step, args))
        return compiled

    def spread(self, values: Sequence[Any]) -> Any:
        """One tensor a device, as an argument of `function`."""
        if self._strategy is None:
            (value,) = values
            return value
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: values[context.replica_id_in_sync_group]
        )

    def collect(self, value: Any) -> list[Any]:
        """Each device's part of a result of `function`."""
        if self._strategy is None:
            return [value]
        return list(self._strategy.experimental_local_results(value))

    def means(self, values: dict[str, Any]) -> dict[str, float]:
        """Scalars of a result, averaged over the devices."""
        return {
            name: float(np.mean([float(part) for part in self.collect(value)]))
            for name, value in values.items()
        }


def _strategy(names: Sequence[str]) -> Any:
    tf = tensorflow()
    # "/device:GPU:0", after "/job:worker/replica:0/task:0" where there are several hosts
    known = [d.name.rpartition("device:")[2].lower() for d in tf.config.list_logical_devices()]
    for name in names:
        if name.lower() not in known:
            raise InputError("--devices", f"no device '{name}'", f"use {', '.join(known)}")
    return tf.distribute.MirroredStrategy(list(names))


def _split_cpu(parts: int) -> None:
    """Offer the CPU as that many devices; without effect once TensorFlow has begun."""
    tf = tensorflow()
    if parts < 2:
        return
    cpu = tf.config.list_physical_devices("CPU")[0]
    part = tf.config.LogicalDeviceConfiguration()
    try:
        tf.config.set_logical_device_configuration(cpu, [part] * parts)
    except RuntimeError:  # already in use: the check of the names says what there is
        return


def _packed(arrays: Arrays) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def _unpacked(content: bytes) -> Arrays:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return dict(stored)


def _numbered(named: Arrays) -> list[Arrays]:
    """Arrays by NUMBER/NAME as a list of arrays by name."""
    found: dict[str, Arrays] = {}
    for key, array in named.items():
        number, _, name = key.partition("/")
        found.setdefault(number, {})[name] = array
    return list(found.values())
