"""Where batches of dreams are made: on one device, or on several that each take a whole batch.

A batch is never split: its statistics are what the batch-norm prior matches, so that a batch on two
devices would be another batch. Whole ones come out alike wherever they are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from tinyml.errors import InputError
from tinyml.models.runtime import tensorflow


class Devices:
    """One device of TensorFlow's choice, or those named, under `tf.distribute.MirroredStrategy`.

    Args:
        names: such as "gpu:0" and "gpu:1", or "cpu:0" and "cpu:1"; none leave the choice to
            TensorFlow.

    Raises:
        InputError: no such device.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._strategy = _strategy(names) if names else None

    @property
    def count(self) -> int:
        """Batches that are made at once."""
        return int(self._strategy.num_replicas_in_sync) if self._strategy else 1

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
    _split_cpu(sum(name.lower().startswith("cpu:") for name in names))
    known = [device.name.split(":", 1)[1].lower() for device in tf.config.list_logical_devices()]
    known = [name.replace("device:", "") for name in known]
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
