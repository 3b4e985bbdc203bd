"""What the descent on pixels starts from.

Its steps are as large for a fine pattern as for a coarse one, so what is coarse in a dream is mostly what
was in its start. Photographs have most of their contrast there: their amplitude falls as one over the
frequency (Field 1987, "Relations between the statistics of natural images"), and their three colours
mostly change together.
"""

from __future__ import annotations

import numpy as np

from tinyml.distill.settings import PixelSettings

_CONTRAST = 1.2  # of the logit: pixels deviate by about 0.24 from 0.5, as in photographs
# Rows: red, green, blue; columns: brightness and two differences of colour, by what each contributes
# (rounded from the colour covariance of photographs, as in distill.pub/2017/feature-visualization)
_COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]], np.float32)


def draw(
    count: int, shape: tuple[int, ...], settings: PixelSettings, rng: np.random.Generator
) -> np.ndarray:
    """Images to start from, float32 (count, H, W, C) in [0, 1]: uniform noise, or natural noise."""
    if not settings.natural:
        return rng.random((count, *shape), np.float32)
    noise = _pink(rng.standard_normal((count, *shape), np.float32))
    if shape[-1] == len(_COLOURS):
        noise = noise @ (_COLOURS / np.sqrt((_COLOURS**2).sum(1).mean())).T
    return (1 / (1 + np.exp(-_CONTRAST * noise))).astype(np.float32)


def _pink(white: np.ndarray) -> np.ndarray:
    """White noise (N, H, W, C) with amplitude 1/f, of variance 1; brightness as of one a side."""
    height, width = white.shape[1:3]
    across, down = np.fft.fftfreq(width), np.fft.fftfreq(height)[:, None]
    lowest = 1 / max(height, width)
    scale = 1 / np.maximum(np.hypot(down, across), lowest)
    scale /= np.sqrt((scale**2).mean())
    waves = np.fft.fft2(white, axes=(1, 2)) * scale[..., None]
    return np.fft.ifft2(waves, axes=(1, 2)).real.astype(np.float32)
