"""Small data sets as files: images by Pillow, clips by the standard library."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


class Files:
    """Writes files below a root; pixels and samples are random, so that no two are equal."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._rng = np.random.default_rng(5)

    def put(self, name: str, content: bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def image(self, name: str, mode: str = "RGB", size: tuple[int, int] = (6, 4)) -> np.ndarray:
        """A picture `size` (width, height); gives its pixels."""
        channels = {"RGB": (3,), "RGBA": (4,), "CMYK": (4,)}.get(mode, ())
        depth = np.uint16 if mode == "I;16" else np.uint8
        pixels = self._rng.integers(0, 256, (size[1], size[0], *channels)).astype(depth)
        buffer = io.BytesIO()
        form = "JPEG" if mode == "CMYK" else "PNG"
        Image.fromarray(pixels, None if mode == "I;16" else mode).save(buffer, form)
        self.put(name, buffer.getvalue())
        return pixels

    def clip(
        self, name: str, count: int = 400, rate: int = 8000, width: int = 2, channels: int = 1
    ):
        """A WAV file; gives its samples."""
        samples = self._rng.integers(-3000, 3000, count * channels).astype("<i2")
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as stream:
            stream.setnchannels(channels)
            stream.setsampwidth(width)
            stream.setframerate(rate)
            stream.writeframes(samples.tobytes() if width == 2 else bytes(width * len(samples)))
        self.put(name, buffer.getvalue())
        return samples

    def images(self, count: int = 2, **kind) -> None:
        """train/ and test/ with the classes cat and dog."""
        for part in ("train", "test"):
            for label in ("cat", "dog"):
                for number in range(count):
                    self.image(f"{part}/{label}/{number}.png", **kind)


@pytest.fixture
def files(tmp_path) -> Files:
    (tmp_path / "set").mkdir()
    return Files(tmp_path / "set")
