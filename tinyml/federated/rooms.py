"""Rooms: packages in which each file is one choice, with NAME, USAGE (what the user writes) and parse."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from tinyml.errors import InputError


def known(room: ModuleType) -> dict[str, ModuleType]:
    """The modules of a room by their NAME."""
    modules = [
        importlib.import_module(f"{room.__name__}.{found.name}")
        for found in pkgutil.iter_modules(room.__path__)
    ]
    return {module.NAME: module for module in modules}


def parse(room: ModuleType, option: str, text: str, *more: Any) -> Any:
    """What the module that `text` ("NAME" or "NAME:ARGUMENT") names makes of its argument.

    Args:
        room: the package.
        option: the option that `text` was given for, e.g. "--partition".
        text: what the user wrote.
        more: further arguments of the module's `parse`.

    Raises:
        InputError: unknown name, or an argument that the module refuses; lists what is known.
    """
    name, _, argument = text.partition(":")
    modules = known(room)
    usages = ", ".join(modules[n].USAGE for n in sorted(modules))
    if name not in modules:
        kind = option.lstrip("-")
        raise InputError(option, f"no {kind} '{text}'", f"give one of {usages}")
    try:
        return modules[name].parse(argument or None, *more)
    except ValueError as error:
        raise InputError(option, f"'{text}': {error}", f"give one of {usages}") from None
