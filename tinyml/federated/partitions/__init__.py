"""How a data set is cut into the clients' parts: one partitioner a file, found by its NAME.

A partitioner's file holds NAME, USAGE (what the user writes) and parse(argument, seed); names,
defaults and meanings are Flower's.
"""

from __future__ import annotations

import sys
from typing import Protocol

import numpy as np

from tinyml.errors import InputError
from tinyml.federated import rooms


class Partitioner(Protocol):
    """Cuts labels into clients' parts."""

    def partition(self, labels: np.ndarray, clients: int) -> list[np.ndarray]:
        """Indices of each client's samples, sorted; every sample is in exactly one part.

        Args:
            labels: int64 (N,), from 0.
            clients: how many parts, at least 1.

        Raises:
            InputError: `labels` cannot be cut this way.
        """


def parse(text: str, seed: int) -> Partitioner:
    """The partitioner that `text` names, e.g. "iid" or "dirichlet:0.3".

    Raises:
        InputError: unknown name or a bad argument; lists what is known.
    """
    partitioner: Partitioner = rooms.parse(sys.modules[__name__], "--partition", text, seed)
    return partitioner


def check_counts(labels: np.ndarray, clients: int) -> None:
    """Refuse more clients than samples.

    Raises:
        InputError: there are more.
    """
    if not 1 <= clients <= len(labels):
        raise InputError(
            "--clients", f"{clients} clients for {len(labels)} samples", "give fewer clients"
        )
