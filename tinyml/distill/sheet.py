"""A contact sheet of images, one row a class, as a PNG written without an imaging library."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np

_SIDE = 32  # pixels that a small image is enlarged to, at least: the mean of its sides
_GAP = 2
_GROUND = 255


def write(path: Path, x: np.ndarray, y: np.ndarray, classes: int, columns: int) -> None:
    """Write the first `columns` images of each class.

    Args:
        path: the .png.
        x: float32 (N, H, W, C) in [0, 1]; 3 channels are colours, else the first is shown as grey.
        y: int64 (N,).
        classes: rows.
        columns: images a row; a class with fewer leaves the rest empty.
    """
    zoom = math.ceil(_SIDE / math.sqrt(x.shape[1] * x.shape[2]))
    height, width = x.shape[1] * zoom + _GAP, x.shape[2] * zoom + _GAP
    colours = 3 if x.shape[3] == 3 else 1
    shape = (classes * height + _GAP, columns * width + _GAP, colours)
    canvas = np.full(shape, _GROUND, np.uint8)
    for label in range(classes):
        for column, index in enumerate(np.flatnonzero(y == label)[:columns]):
            tile = np.rint(x[index, :, :, :colours] * 255).astype(np.uint8)
            tile = tile.repeat(zoom, 0).repeat(zoom, 1)
            top, left = label * height + _GAP, column * width + _GAP
            canvas[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    path.write_bytes(png(canvas))


def png(pixels: np.ndarray) -> bytes:
    """uint8 (H, W, 1) or (H, W, 3) as a PNG file (W3C PNG specification, 2003); no dates in it."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    rows = b"".join(
        b"\0" + row.tobytes() for row in pixels
    )  # each row begins with its filter: none
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
