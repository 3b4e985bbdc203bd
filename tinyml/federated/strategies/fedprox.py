"""FedAvg whose clients are held near the server's model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tinyml.federated.learning import Learning, Setup
from tinyml.federated.strategies import averaging, server_sgd
from tinyml.models.runtime import tensorflow

NAME = "fedprox"
USAGE = "fedprox:MU"


@dataclass(frozen=True)
class FedProx:
    """Li et al. 2020, arXiv 1812.06127: clients minimise loss + mu/2 ||w - w_server||^2.

    The server's learning rate is 1 unless given; mu = 0 is FedAvg. This is TFF's FedAvg with the
    term in the clients' optimizer: TFF 0.87's own FedProx (`build_weighted_fed_prox`) has its sign
    wrong and drives clients away from the server, w = 1.33 where mu = 0.5 ought to give 0.8.
    """

    mu: float

    def build(self, setup: Setup) -> Learning:
        """TFF's weighted FedAvg with a proximal optimizer on the clients."""
        optimizer = _proximal_sgd(setup.local.learning_rate, self.mu)
        return averaging(setup, server_sgd(setup), optimizer)


def _proximal_sgd(rate: float, mu: float) -> Any:
    """A TFF optimizer: w <- w - rate (g + mu (w - the w that it saw first))."""
    import tensorflow_federated as tff

    tf = tensorflow()

    class ProximalSgd(tff.learning.optimizers.Optimizer):
        def initialize(self, specs: Any) -> Any:
            anchor = tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), specs)
            return {"anchor": anchor, "begun": tf.constant(False), "learning_rate": rate}

        def next(self, state: Any, weights: Any, gradients: Any) -> tuple[Any, Any]:
            anchor = tf.nest.map_structure(
                lambda known, w: tf.where(state["begun"], known, w), state["anchor"], weights
            )
            moved = tf.nest.map_structure(
                lambda w, g, first: w - state["learning_rate"] * (g + mu * (w - first)),
                weights,
                gradients,
                anchor,
            )
            return {**state, "anchor": anchor, "begun": tf.constant(True)}, moved

        def get_hparams(self, state: Any) -> Any:
            return {"learning_rate": state["learning_rate"]}

        def set_hparams(self, state: Any, hparams: Any) -> Any:
            return {**state, **hparams}

    return ProximalSgd()


def parse(argument: str | None) -> FedProx:
    """From "fedprox:0.01"."""
    mu = float(argument) if argument else -1.0
    if not math.isfinite(mu) or mu < 0:
        raise ValueError("needs mu, a number from 0")
    return FedProx(mu)
