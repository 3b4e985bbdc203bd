"""Kernels: which one computes each node.

Every file here that defines a `SPECIALISATION` adds a faster way for some nodes; `choice` decides among them
and the operators' general kernels.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from tinyml.kernels.base import Specialisation

_HELPERS = ("base", "choice", "cmsis_nn", "cost", "packing", "planes", "ranges", "requantize")


@cache
def specialisations() -> tuple[Specialisation, ...]:
    """Every specialisation, by file name."""
    return tuple(
        importlib.import_module(f"{__name__}.{module.name}").SPECIALISATION
        for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name)
        if module.name not in _HELPERS
    )
