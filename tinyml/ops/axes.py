"""Loops over dimensions that a kernel runs over two arrays at once (tinyml_axes.h)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tinyml.ops.base import Fields


@dataclass(frozen=True)
class Axis:
    """One loop: its size, and its strides in the first and the second array."""

    size: int
    first: int
    second: int


def strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides in elements."""
    found, stride = [], 1
    for size in reversed(shape):
        found.append(stride)
        stride *= size
    return tuple(reversed(found))


def merged(loops: Iterable[Axis]) -> tuple[Axis, ...]:
    """The same places in the same order with the fewest loops, outermost first."""
    found: list[Axis] = []
    for axis in loops:
        if axis.size == 1:
            continue
        if found and _continues(found[-1], axis):
            axis = Axis(found.pop().size * axis.size, axis.first, axis.second)
        found.append(axis)
    return tuple(found)


def _continues(outer: Axis, inner: Axis) -> bool:
    """True when one step of `outer` is where `inner` would go on."""
    reach = (inner.size * inner.first, inner.size * inner.second)
    return (outer.first, outer.second) == reach


def fields(loops: Sequence[Axis]) -> Fields:
    """The kernels' tinyml_axes; without a loop there is one place."""
    loops = loops or (Axis(1, 0, 0),)
    places = tuple(
        (
            f"axis[{index}]",
            (("size", axis.size), ("first", axis.first), ("second", axis.second)),
        )
        for index, axis in enumerate(loops)
    )
    return (("count", len(loops)), *places)
