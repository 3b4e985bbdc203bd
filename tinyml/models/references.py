"""Tensors that the configuration of a Keras 2 model names: [layer, call, tensor, keyword arguments]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def references(value: Any) -> Iterator[tuple[str, int, int]]:
    """(layer, call, tensor) of each reference in inbound nodes, also in the calls' keyword arguments."""
    if is_reference(value):
        yield value[0], value[1], value[2]
        value = value[3:]
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        yield from references(list(value.values()))


def replaced(value: Any, new: Callable[[str, int, int], list[Any]]) -> Any:
    """Inbound nodes, or ends of a model, with `new(layer, call, tensor)` for each reference."""
    if is_reference(value):
        return [*new(*value[:3]), *(replaced(item, new) for item in value[3:])]
    if isinstance(value, (list, tuple)):
        return [replaced(item, new) for item in value]
    if isinstance(value, dict):
        return {key: replaced(item, new) for key, item in value.items()}
    return value


def is_reference(value: Any) -> bool:
    """True for [layer, call, tensor, ...]."""
    return (
        isinstance(value, (list, tuple))
        and len(value) >= 3
        and isinstance(value[0], str)
        and all(isinstance(number, int) for number in value[1:3])
    )


def listed(ends: Any) -> list[Any]:
    """[[layer, call, tensor], ...] of a model's inputs or outputs; a single one may come without a list."""
    return [ends] if is_reference(ends) else list(ends)
