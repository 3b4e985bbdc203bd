"""How a data set is cut into the clients' parts: one partitioner a file, found by its NAME.

A partitioner's file holds NAME, USAGE (what the user writes) and parse(argument, seed); names,
defaults and meanings are Flower's.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Protocol

import numpy as np

from tinyml.errors import InputError


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


def known() -> dict[str, ModuleType]:
    """The partitioners' modules by name."""
    modules = [
        importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
    ]
    return {module.NAME: module for module in modules}


def parse(text: str, seed: int) -> Partitioner:
    """The partitioner that `text` names, e.g. "iid" or "dirichlet:0.3".

    Raises:
        InputError: unknown name or a bad argument; lists what is known.
    """
    name, _, argument = text.partition(":")
    modules = known()
    usages = ", ".join(modules[n].USAGE for n in sorted(modules))
    if name not in modules:
        raise InputError("--partition", f"no partition '{text}'", f"give one of {usages}")
    try:
        partitioner: Partitioner = modules[name].parse(argument or None, seed)
    except ValueError as error:
        raise InputError("--partition", f"'{text}': {error}", f"give one of {usages}") from None
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
