"""The mean update as the gradient of Adam on the server."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.federated.learning import Learning, Setup
from tinyml.federated.strategies import averaging, no_argument

NAME = "fedadam"
USAGE = "fedadam"
_RATE = 0.01


@dataclass(frozen=True)
class FedAdam:
    """Reddi et al. 2021, arXiv 2003.00295: adaptive optimisation on the server.

    beta1, beta2 and epsilon (the paper's tau) are those of the paper's experiments; the server's
    learning rate is 0.01 unless given. TFF's Adam also corrects the moments' bias of the first
    rounds, which the paper leaves out.
    """

    beta_1: float = 0.9
    beta_2: float = 0.99
    epsilon: float = 1e-3

    def build(self, setup: Setup) -> Learning:
        """TFF's weighted FedAvg with its Adam on the server."""
        import tensorflow_federated as tff

        rate = _RATE if setup.server_learning_rate is None else setup.server_learning_rate
        adam = tff.learning.optimizers.build_adam(rate, self.beta_1, self.beta_2, self.epsilon)
        return averaging(setup, adam)


def parse(argument: str | None) -> FedAdam:
    """From "fedadam"."""
    no_argument(argument)
    return FedAdam()
