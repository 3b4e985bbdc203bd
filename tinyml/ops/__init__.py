"""Operators: one file each, found by looking into this folder.

A file defines `OPERATOR`, an instance of a subclass of `base.Operator`; adding an operator is adding a
file here and its kernel in `cmsis_glue/`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from tinyml.ops.base import Operator

_HELPERS = (
    "arithmetic",
    "axes",
    "bands",
    "base",
    "channels",
    "elementwise",
    "extremes",
    "fixed_point",
    "integers",
    "lookup",
    "movement",
    "rules",
    "schedules",
    "sigmoids",
    "states",
    "sums",
    "windows",
)


@cache
def registry() -> dict[str, Operator]:
    """Every operator by its name, TFLite's, e.g. "CONV_2D", unless a pass makes it."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name not in _HELPERS:
            operator = importlib.import_module(f"{__name__}.{module.name}").OPERATOR
            found[operator.name] = operator
    return dict(sorted(found.items()))


def of_tflite() -> dict[str, Operator]:
    """The operators that a file may hold."""
    return {name: operator for name, operator in registry().items() if operator.in_tflite}


def known(name: str) -> bool:
    """True when there is an operator file for this operator."""
    return name in registry()


def find(name: str) -> Operator:
    """The operator of a name; KeyError when there is none."""
    return registry()[name]
