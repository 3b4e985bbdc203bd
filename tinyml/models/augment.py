"""Random small affine changes of images, in numpy: the same generator gives the same images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Affine:
    """How far an image may be changed; each is the largest value drawn.

    Args:
        shift: translation, in sides of the image.
        rotation: in radians.
        scale: relative change of size.
        shear: horizontal shear, in pixels a pixel.
        flip: mirror every second image, on average, left to right.
    """

    shift: float = 0.09
    rotation: float = 0.2
    scale: float = 0.12
    shear: float = 0.15
    flip: bool = False


def affine(x: np.ndarray, how: Affine, rng: np.random.Generator) -> np.ndarray:
    """Each image changed by its own random affine map; outside an image lies zero.

    Args:
        x: float32 (N, H, W, C).
        how: ranges of the changes.
        rng: source of randomness.

    Returns:
        float32 (N, H, W, C), bilinear between pixels.
    """
    count, height, width, _ = x.shape
    matrix, shift = _draw(count, how, rng)
    shift = shift * (height, width)
    rows, columns = np.mgrid[:height, :width]
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    grid = np.stack([rows, columns], -1).reshape(-1, 2) - centre
    if how.flip:
        matrix = matrix * np.where(rng.random((count, 1, 1)) < 0.5, [[1, -1]], 1)
    places = grid @ matrix.transpose(0, 2, 1) + centre + shift[:, None]
    return _bilinear(x, places).reshape(x.shape)


def _draw(count: int, how: Affine, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Matrices (N, 2, 2) and shifts (N, 2), in (row, column) order."""

    def draw(limit: float, *shape: int) -> np.ndarray:
        return rng.uniform(-limit, limit, (count, *shape))

    angle, shear, scale = draw(how.rotation), draw(how.shear), 1 + draw(how.scale, 2)
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    stretch = np.zeros((count, 2, 2))
    stretch[:, 0, 0], stretch[:, 1, 1], stretch[:, 1, 0] = scale[:, 0], scale[:, 1], shear
    return rotation @ stretch, draw(how.shift, 2)


def _bilinear(x: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values of x at fractional (row, column) places (N, P, 2); zero outside."""
    count, height, width, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    limit = np.array([height + 1, width + 1]) - 1e-4
    places = np.clip(places + 1, 0, limit)
    corner = places.astype(np.intp)
    (r, c), part = np.moveaxis(corner, -1, 0), (places - corner)[..., None].astype(x.dtype)
    n = np.arange(count)[:, None]
    top = padded[n, r, c] * (1 - part[:, :, 1]) + padded[n, r, c + 1] * part[:, :, 1]
    low = padded[n, r + 1, c] * (1 - part[:, :, 1]) + padded[n, r + 1, c + 1] * part[:, :, 1]
    return top * (1 - part[:, :, 0]) + low * part[:, :, 0]
