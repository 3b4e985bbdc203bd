"""In which order kernels read and write (base.Overlap), so that an output may lie on its own input.

Each function states for an input of a node, the first unless said otherwise, how one kind of kernel walks:
images one after the other, in each the steps in the order of the output's rows, then columns. Input and
output are (images, height, width, channels). The kernel's header says the same in words.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tinyml.ops.base import Overlap, Schedule

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView
    from tinyml.ops.windows import Window


def by_pixels(
    node: NodeView,
    window: Window,
    group: int = 1,
    staged: bool = True,
    across_rows: bool = False,
) -> Overlap:
    """A kernel that writes all channels of some pixels at a time.

    Args:
        node: the node.
        window: what an output pixel sees.
        group: output pixels a step; a row's last step may have fewer.
        staged: all that a step sees is read before any of its pixels is written. Otherwise the kernel
            may look again at what this step sees until the step's last byte is written.
        across_rows: a step may begin in one row and end in the next.
    """
    return Overlap(0, partial(_pixel_schedule, node, window, group, staged, across_rows))


def by_channels(node: NodeView, window: Window) -> Overlap:
    """A kernel that, pixel by pixel, reads one channel of what the window sees, then writes it.

    For a depthwise convolution's multiplier: the input channel is read once more for each of its output
    channels.
    """
    return Overlap(0, partial(_channel_schedule, node, window))


def by_blocks(node: NodeView, window: Window, block: tuple[int, int], together: int = 1) -> Overlap:
    """A kernel that writes blocks of pixels, and copies input pixels when a block first sees them.

    Args:
        node: the node.
        window: what an output pixel sees.
        block: rows and columns of output pixels; those at the end of a row or column may have fewer.
        together: blocks a step, row by row.
    """
    return Overlap(0, partial(_block_schedule, node, window, block, together))


def planar(node: NodeView) -> Overlap:
    """A depthwise kernel that copies a whole input channel, then writes the output channels made of it."""
    return Overlap(0, partial(_planar_schedule, node))


def scattered(node: NodeView, window: Window, position: int) -> Overlap:
    """A transposed convolution that gathers, output pixel by output pixel, as it goes on writing it.

    Args:
        node: the node.
        window: through which an input pixel reaches the output.
        position: of the node's input.
    """
    return Overlap(position, partial(_scatter_schedule, node, window, position))


def by_vectors(node: NodeView, vectors: int) -> Overlap:
    """A kernel that reads one of several vectors, then writes the vector made of it."""
    return Overlap(0, partial(_vector_schedule, node, vectors))


def _pixel_schedule(
    node: NodeView, window: Window, group: int, staged: bool, across_rows: bool
) -> Schedule:
    width = window.columns.output
    pixels = np.arange(window.rows.output * width).reshape(-1, width)
    in_row = pixels // width * -(-width // group) + pixels % width // group
    steps = pixels // group if across_rows else in_row
    last_read = np.append(steps, -1)[_last_readers(window)]
    return _every_image(node, *((last_read, steps) if staged else _unstaged(last_read, steps)))


def _block_schedule(
    node: NodeView, window: Window, block: tuple[int, int], together: int
) -> Schedule:
    count = -(-window.columns.output // block[1])
    axes = (window.rows, window.columns)
    rows, columns = (np.append(np.arange(a.output) // b, -1) for a, b in zip(axes, block))
    steps = rows[:-1, np.newaxis] * count + columns[:-1]
    seen_rows, seen_columns = rows[_first_reader(window, 0)], columns[_first_reader(window, 1)]
    seen = seen_rows[:, np.newaxis] * count + seen_columns
    never = (seen_rows < 0)[:, np.newaxis] | (seen_columns < 0)
    return _every_image(node, np.where(never, -1, seen // together), steps // together)


def _vector_schedule(node: NodeView, vectors: int) -> Schedule:
    steps = np.arange(vectors, dtype=np.int32)
    return Schedule(
        np.repeat(steps, node.input(0).nbytes // vectors),
        np.repeat(steps, node.output.nbytes // vectors),
    )


def _channel_schedule(node: NodeView, window: Window) -> Schedule:
    depth, channels = node.input(0).shape[-1], node.output.shape[-1]
    last_pixel = _last_readers(window).reshape(-1, 1)
    last_channel = (np.arange(depth) + 1) * (channels // depth) - 1
    last_read = np.where(last_pixel < 0, -1, last_pixel * channels + last_channel)
    writes = np.arange(window.rows.output * window.columns.output * channels)
    return _every_image(node, last_read, writes)


def _planar_schedule(node: NodeView) -> Schedule:
    _, height, width, depth = node.input(0).shape
    _, output_height, output_width, channels = node.output.shape
    reads = np.tile(np.arange(depth), height * width)
    writes = np.tile(np.repeat(np.arange(depth), channels // depth), output_height * output_width)
    return _every_image(node, reads, writes)


def _scatter_schedule(node: NodeView, window: Window, position: int) -> Schedule:
    last_read = _pixels(window, _last_reached(window, 0), _last_reached(window, 1))
    pixels = np.arange(window.rows.output * window.columns.output)
    return _every_image(node, *_unstaged(last_read, pixels), position)


def _unstaged(last_read: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same when a step writes while it reads: its writes are a step of their own, before its reads."""
    return np.where(last_read < 0, -1, 2 * last_read + 1), 2 * steps


def _last_readers(window: Window) -> np.ndarray:
    """For each input pixel the number of the last output pixel that sees it, -1 when none does."""
    return _pixels(window, _last_reader(window, 0), _last_reader(window, 1))


def _pixels(window: Window, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Numbers of output pixels in these rows and columns; -1 where one of both is."""
    rows = rows[:, np.newaxis]
    return np.where((rows < 0) | (columns < 0), -1, rows * window.columns.output + columns)


def _last_reader(window: Window, dimension: int) -> np.ndarray:
    """The same along one dimension: 0 for rows, 1 for columns.

    What lies between the elements of a dilated window counts as seen.
    """
    axis = (window.rows, window.columns)[dimension]
    stride = window.stride[dimension]
    places = np.arange(axis.input) + axis.before  # counted from the first window's beginning
    last = np.minimum(places // stride, axis.output - 1)
    return np.where(places - last * stride < window.reach[dimension], last, -1)


def _first_reader(window: Window, dimension: int) -> np.ndarray:
    """For each input row or column the first output that sees it, or one beyond; the size when none does."""
    axis = (window.rows, window.columns)[dimension]
    begin = np.arange(axis.output) * window.stride[dimension] - axis.before
    return np.searchsorted(begin + window.reach[dimension], np.arange(axis.input), side="right")


def _last_reached(window: Window, dimension: int) -> np.ndarray:
    """For each input row or column the last output that hears of it when the window scatters."""
    axis = (window.rows, window.columns)[dimension]
    first = np.arange(axis.input) * window.stride[dimension] - axis.before
    last = np.minimum(first + window.reach[dimension] - 1, axis.output - 1)
    return np.where((last < first) | (last < 0), -1, last)


def _every_image(
    node: NodeView, last_read: np.ndarray, first_write: np.ndarray, position: int = 0
) -> Schedule:
    """The schedule of one image, given for pixels or elements, for all bytes of all images."""
    reads, writes = last_read.ravel(), first_write.ravel()
    begin = np.arange(node.output.shape[0])[:, np.newaxis] * (max(reads.max(), writes.max()) + 1)
    return Schedule(
        _bytes(np.where(reads < 0, -1, reads + begin), node.input(position).nbytes),
        _bytes(writes + begin, node.output.nbytes),
    )


def _bytes(steps: np.ndarray, nbytes: int) -> np.ndarray:
    return np.repeat(steps.astype(np.int32), nbytes // steps.size)
