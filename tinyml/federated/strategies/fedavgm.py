"""The mean update, with momentum on the server."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.federated.learning import Learning, Setup
from tinyml.federated.strategies import averaging, server_sgd

NAME = "fedavgm"
USAGE = "fedavgm[:MOMENTUM]"


@dataclass(frozen=True)
class FedAvgM:
    """Hsu, Qi, Brown 2019, arXiv 1909.06335: v <- momentum v + mean update, w <- w + rate v.

    The momentum is 0.9 and the server's learning rate 1 unless given.
    """

    momentum: float = 0.9

    def build(self, setup: Setup) -> Learning:
        """TFF's weighted FedAvg with its momentum SGD on the server."""
        return averaging(setup, server_sgd(setup, self.momentum))


def parse(argument: str | None) -> FedAvgM:
    """From "fedavgm" or "fedavgm:0.7"."""
    if argument is None:
        return FedAvgM()
    momentum = float(argument)
    if not 0 < momentum < 1:
        raise ValueError("the momentum lies between 0 and 1")
    return FedAvgM(momentum)
