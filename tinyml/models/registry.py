"""Architectures by name: each family is a file here with PATTERN, USAGE and `build`.

A family that `--fit` may search has `sizes`, too: its ladders of names from small to large.
"""

from __future__ import annotations

import importlib
from typing import Any

from tinyml.errors import InputError

FAMILIES = ("resnet", "wrn", "dscnn", "mobilenet", "autoencoder", "fedavg_cnn")


def usage() -> str:
    """What names there are, for help texts and errors."""
    return "; ".join(importlib.import_module(f"tinyml.models.{f}").USAGE for f in FAMILIES)


def build(name: str, shape: tuple[int, ...], classes: int) -> Any:
    """A freshly initialised Keras model, from float32 (N, *shape) in [0, 1] to (N, classes) logits.

    An autoencoder, the one family that is no classifier, answers with (N, *shape).

    Args:
        name: e.g. `resnet-8-16`.
        shape: (height, width, channels) of one sample.
        classes: number of classes.

    Raises:
        InputError: no family knows the name, or the family refuses it.
    """
    for family in FAMILIES:
        module = importlib.import_module(f"tinyml.models.{family}")
        match = module.PATTERN.fullmatch(name)
        if match:
            return module.build(**match.groupdict(), shape=shape, classes=classes)
    raise InputError(name, "no such model", f"use {usage()}")


def ladders() -> dict[str, list[tuple[str, ...]]]:
    """Each family's ladders: names of networks that differ in width only, the narrowest first."""
    modules = {family: importlib.import_module(f"tinyml.models.{family}") for family in FAMILIES}
    return {family: m.sizes() for family, m in modules.items() if hasattr(m, "sizes")}
