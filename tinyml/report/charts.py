"""Places of a chart's marks, in percent of its drawing area; the templates draw them.

x grows to the right and y downwards, as in SVG.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tinyml.report.plain import Number

MOST_TICKS = 12  # on an axis of whole numbers, on a phone
_LEAST_HEIGHT = 1.5  # percent: a buffer of a few bytes must still be seen and touched


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    value: float


@dataclass(frozen=True)
class Axis:
    """A straight axis from `low` to `high` with round ticks."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def at(self, value: float) -> float:
        """Where a value lies, 0 to 100."""
        return _percent(value - self.low, self.high - self.low)


def _percent(part: float, whole: float) -> float:
    return round(100 * min(max(part / whole, 0), 1), 3) if whole > 0 else 0.0


def axis(low: float, high: float, wanted: int = 5, top: float | None = None) -> Axis:
    """An axis from a round value at or below `low` to a round one at or above `high`.

    Args:
        low: the least value to show.
        high: the largest.
        wanted: about how many ticks.
        top: ends the axis exactly here, e.g. at an accuracy of 1.
    """
    step = _round_step((high - low) / wanted)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    begin, end = first * step, max(last, first + 1) * step if top is None else top
    values = [i * step for i in range(first, last + 1) if i * step <= end + 1e-9]
    ticks = tuple(Tick(_percent(v - begin, end - begin), round(v, 9)) for v in values)
    return Axis(begin, end, ticks)


def _round_step(rough: float) -> float:
    """The least of 1, 2, 5, 10, ... times a power of ten that is not below `rough`."""
    if rough <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(rough))
    return next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * (1 - 1e-9))


def accuracy_axis(values: Sequence[float]) -> Axis:
    """An axis for accuracies, up to 1 and from a round value below the least."""
    least = min(values, default=0.0)
    return axis(min(least, 0.98), 1.0, top=1.0)


def whole_ticks(count: int) -> range:
    """Positions 0 to `count` - 1, thinned evenly when there are too many for labels."""
    return range(0, count, int(max(_round_step(count / MOST_TICKS), 1)))


def centre(position: int, positions: int) -> float:
    """The middle of a position's column."""
    return _percent(position + 0.5, positions)


def columns(position: int, positions: int) -> tuple[float, float, float]:
    """Where the two bars of a position begin, and how wide each is."""
    width = 100 / positions
    left = width * position
    return round(left + 0.1 * width, 3), round(left + 0.5 * width, 3), round(0.4 * width, 3)


@dataclass(frozen=True)
class Mark:
    """A point of a chart, and what is said of it when it is pointed at."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Series:
    """Marks of one colour.

    Attributes:
        label: what it is.
        name: the output that it is of; "" when that is clear.
        style: the number of its colour and dashes.
        joined: the marks are joined by a line.
    """

    label: str
    name: str
    style: int
    marks: tuple[Mark, ...]
    joined: bool = True


@dataclass(frozen=True)
class Chart:
    """Marks over two axes.

    Attributes:
        x_title, y_title: of the axes, with units.
        x_ticks, y_ticks: (label, place).
        about: what the chart shows, in words.
        what: the singular of what a mark is, e.g. "a round".
    """

    x_title: str
    y_title: str
    x_ticks: tuple[tuple[str, float], ...]
    y_ticks: tuple[tuple[str, float], ...]
    series: tuple[Series, ...]
    about: str
    what: str


def labelled(scale: Axis, form: Callable[[float], str]) -> tuple[tuple[str, float], ...]:
    """An axis' ticks as (label, place)."""
    return tuple((form(tick.value), tick.at) for tick in scale.ticks)


def whole_axis(last: int) -> Axis:
    """An axis of the positions 0 to `last`."""
    ticks = tuple(Tick(_percent(p, max(last, 1)), p) for p in whole_ticks(last + 1))
    return Axis(0, max(last, 1), ticks)


def thinned(points: Sequence[Any], most: int) -> list[Any]:
    """At most about `most` of the points, evenly, the first and the last among them."""
    stride = len(points) // most + 1
    return list(points[::stride]) + (list(points[-1:]) if (len(points) - 1) % stride > 0 else [])


def place(x: float, y: float, text: str, across: Axis, scale: Axis) -> Mark:
    """A mark at a value of each axis."""
    return Mark(across.at(x), round(100 - scale.at(y), 3), text)


@dataclass(frozen=True)
class Block:
    """A buffer's rectangle in the memory map: when it is live, and where."""

    x: float
    y: float
    width: float
    height: float


def block(first: int, last: int, offset: int, nbytes: int, positions: int, scale: Axis) -> Block:
    """The rectangle of a buffer; byte 0 is at the bottom, position 0 at the left."""
    left, bottom = _percent(first, positions), scale.at(offset)
    width, height = _percent(last, positions) - left, scale.at(offset + nbytes) - bottom
    top = bottom + max(height, _LEAST_HEIGHT)
    return Block(left, round(100 - top, 3), round(width, 3), round(top - bottom, 3))


def outline(
    block: Block,
    over: Sequence[tuple[int, int]],
    under: Sequence[tuple[int, int]],
    positions: int,
    scale: Axis,
) -> str:
    """The points of a block as an SVG polygon, with slanted edges where it shares bytes for one position.

    Args:
        block: the rectangle.
        over: (from, to) of the bytes that it takes over from others during its first position.
        under: of those that another takes over during its last.
        positions: of the whole map.
        scale: of its bytes.
    """
    left, right = block.x, block.x + block.width
    column = _percent(1, positions)
    points = [(left, block.y + block.height), (right, block.y + block.height)]
    for low, high in sorted(under):
        points += [
            (right, _y(scale, low)),
            (right - column, _y(scale, low)),
            (right, _y(scale, high)),
        ]
    points += [(right, block.y), (left, block.y)]
    for low, high in sorted(over, reverse=True):
        points += [
            (left, _y(scale, high)),
            (left + column, _y(scale, high)),
            (left, _y(scale, low)),
        ]
    return " ".join(f"{x:.6g},{y:.6g}" for x, y in _corners(points))


def _corners(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """The points of a polygon without those on a level line, which may run back on itself."""
    distinct = [p for p, before in zip(points, [points[-1], *points]) if p != before]
    after = [*distinct[1:], distinct[0]]
    for before, point, following in zip([distinct[-1], *distinct], distinct, after):
        if not before[1] == point[1] == following[1]:
            yield point


def _y(scale: Axis, value: float) -> float:
    return 100 - scale.at(value)


def bars(values: Sequence[Number]) -> list[float]:
    """Lengths in percent of the longest."""
    longest = max(values, default=0)
    return [_percent(value, longest) for value in values]


def stacked(parts: Sequence[tuple[str, int]], whole: int) -> Iterator[tuple[str, int, float]]:
    """(label, value, width) of each part that is not empty."""
    for label, value in parts:
        if value:
            yield label, value, _percent(value, whole)
