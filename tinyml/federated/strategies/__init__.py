"""How clients train and how their updates are put together: one strategy a file, found by its NAME.

A strategy's file holds NAME, USAGE (what the user writes) and parse(argument). Each is TFF's own
process where TFF has one; each is tested against a plain loop.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

from tinyml.federated import rooms
from tinyml.federated.learning import BuiltIn, Learning, Setup
from tinyml.models.runtime import tensorflow


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
    """TFF's FedAvg; the clients' optimizer is plain SGD unless given."""
    import tensorflow_federated as tff

    sgd = tff.learning.optimizers.build_sgdm(setup.local.learning_rate)

    process = tff.learning.algorithms.build_weighted_fed_avg(
        setup.make_model,
        client_optimizer_fn=client_optimizer or sgd,
        server_optimizer_fn=server_optimizer,
        model_aggregator=setup.aggregator,
    )
    return BuiltIn(process, setup)


def total_of_metrics(setup: Setup) -> Any:
    """TFF computation: the clients' metrics summed, and made means of."""
    import tensorflow_federated as tff

    with tensorflow().Graph().as_default():  # keeps the model's variables out of the global state
        finalizers = setup.make_model().metric_finalizers()
    return tff.learning.metrics.sum_then_finalize(finalizers)
