"""The mean of what the clients trained."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.federated.learning import Learning, Setup
from tinyml.federated.strategies import averaging, no_argument, server_sgd

NAME = "fedavg"
USAGE = "fedavg"


@dataclass(frozen=True)
class FedAvg:
    """McMahan et al. 2017, arXiv 1602.05629: models averaged by their clients' number of samples.

    The server's learning rate is 1: its model becomes the mean.
    """

    def build(self, setup: Setup) -> Learning:
        """TFF's weighted FedAvg."""
        return averaging(setup, server_sgd(setup))


def parse(argument: str | None) -> FedAvg:
    """From "fedavg"."""
    no_argument(argument)
    return FedAvg()
