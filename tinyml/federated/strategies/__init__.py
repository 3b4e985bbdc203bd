"""How clients train and how their updates are put together: one strategy a file, found by its NAME.

A strategy's file holds NAME, USAGE (what the user writes) and parse(argument). Each is TFF's own
process where TFF has one; each is tested against a plain loop.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

import numpy as np

from tinyml.federated import client_work, rooms
from tinyml.federated.learning import BuiltIn, Learning, Setup


class Strategy(Protocol):
    """Builds a learning process."""

    def build(self, setup: Setup) -> Learning:
        """The process; the server's learning rate is the strategy's own unless `setup` has one."""


def parse(text: str) -> Strategy:
    """The strategy that `text` names, e.g. "fedavg" or "fedprox:0.01".

    Raises:
        InputError: unknown name or a bad argument; lists what is known.
    """
    strategy: Strategy = rooms.parse(sys.modules[__name__], "--strategy", text)
    return strategy


def no_argument(argument: str | None) -> None:
    """Refuse an argument.

    Raises:
        ValueError: there is one.
    """
    if argument is not None:
        raise ValueError("takes no argument")


def server_sgd(setup: Setup, momentum: float | None = None) -> Any:
    """The server's gradient descent, at the rate 1 unless `setup` has another."""
    import tensorflow_federated as tff

    rate = 1.0 if setup.server_learning_rate is None else setup.server_learning_rate
    return tff.learning.optimizers.build_sgdm(rate, momentum)


def averaging(setup: Setup, server_optimizer: Any, client_optimizer: Any = None) -> Learning:
    """FedAvg of TFF's parts around our client work; the clients' optimizer is SGD unless given."""
    import tensorflow_federated as tff

    sgd = tff.learning.optimizers.build_sgdm(setup.local.learning_rate)
    initial = client_work.initial_weights(setup)
    weights_type = initial.type_signature.result
    aggregator = setup.aggregator or tff.aggregators.MeanFactory()
    templates = tff.learning.templates
    process = templates.compose_learning_process(
        initial,
        templates.build_broadcast_process(weights_type),
        client_work.build(setup, client_optimizer or sgd),
        aggregator.create(weights_type.trainable, tff.TensorType(np.float32)),
        templates.build_apply_optimizer_finalizer(server_optimizer, weights_type),
    )
    return BuiltIn(client_work.by_key(process))
