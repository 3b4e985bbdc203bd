"""Sliding windows: output sizes and padding, shared by convolutions and pools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

import numpy as np

PADDINGS = {0: "SAME", 1: "VALID"}
Pads = tuple[int, int]  # elements of padding before and after an axis
Padding = Union[str, tuple[Pads, Pads]]  # SAME, VALID, or what is around rows and columns


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a sliding window: sizes in elements, `before` is the padding at its start."""

    input: int
    output: int
    before: int


def slide(padding: str | Pads, size: int, window: int, stride: int, dilation: int = 1) -> Axis:
    """Output size and padding of a window over `size` elements (TFLite's ComputePaddingWithOffset).

    `output` is 0 or less when a window without padding to spare does not fit.
    """
    reach = (window - 1) * dilation + 1
    if not isinstance(padding, str):
        return Axis(size, (sum(padding) + size + stride - reach) // stride, padding[0])
    output = (
        (size + stride - 1) // stride if padding == "SAME" else (size + stride - reach) // stride
    )
    total = max((output - 1) * stride + reach - size, 0)
    return Axis(size, output, total // 2)


@dataclass(frozen=True)
class Window:
    """A window over both spatial axes; pairs are (height, width)."""

    rows: Axis
    columns: Axis
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)

    @property
    def reach(self) -> tuple[int, int]:
        """Elements from the first to the last that the window covers."""
        height, width = ((n - 1) * d + 1 for n, d in zip(self.size, self.dilation))
        return height, width

    @property
    def pads(self) -> tuple[Pads, Pads]:
        """The padding that the window reaches."""
        rows, columns = (
            (axis.before, max((axis.output - 1) * stride + reach - axis.before - axis.input, 0))
            for axis, stride, reach in zip((self.rows, self.columns), self.stride, self.reach)
        )
        return rows, columns


def gather(images: np.ndarray, zero_point: int, window: Window) -> np.ndarray:
    """What the window sees at each place, offset by the zero point; padding reads as 0.

    Args:
        images: int8 or int16 (batches, height, width, channels).
        zero_point: of the images.
        window: the window.

    Returns:
        int64 (batches, output height, output width, window height, window width, channels).
    """
    rows, row_inside = _positions(window.rows, window.size[0], window.stride[0], window.dilation[0])
    columns, column_inside = _positions(
        window.columns, window.size[1], window.stride[1], window.dilation[1]
    )
    offset = images.astype(np.int64) - zero_point
    seen = offset[:, rows[:, np.newaxis, :, np.newaxis], columns[np.newaxis, :, np.newaxis, :]]
    inside = row_inside[:, np.newaxis, :, np.newaxis] & column_inside[np.newaxis, :, np.newaxis, :]
    return np.where(inside[..., np.newaxis], seen, 0)


def inside_mask(window: Window) -> np.ndarray:
    """True where an element lies inside: bool (output height, output width, window height, width)."""
    _, rows = _positions(window.rows, window.size[0], window.stride[0], window.dilation[0])
    _, columns = _positions(window.columns, window.size[1], window.stride[1], window.dilation[1])
    return rows[:, np.newaxis, :, np.newaxis] & columns[np.newaxis, :, np.newaxis, :]


def _positions(axis: Axis, size: int, stride: int, dilation: int) -> tuple[np.ndarray, np.ndarray]:
    """Input positions (output, size), clipped into the input, and whether each was inside."""
    starts = np.arange(axis.output) * stride - axis.before
    places = starts[:, np.newaxis] + np.arange(size) * dilation
    return np.clip(places, 0, axis.input - 1), (places >= 0) & (places < axis.input)
