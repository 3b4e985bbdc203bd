"""Data sets by name, file or folder, as arrays with a train/validation/test split.

Arrays are float32 in [0, 1], shape (N, height, width, channels), or, for models that take other samples,
such as a sensor's, of any finite values and any shape; labels are int64, shape (N,), from 0.
A source is the name `digits`, an `.npz` (see `npz`), or class folders of images or WAV clips, also in a
.tar, .tar.gz or .zip (see `folders`). Pictures are held as bytes until their split is complete, so that
reading takes at most 6 bytes a value: 5 of the result, 1 to join it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.data import containers, folders, npz
from tinyml.data.audio import AudioSettings
from tinyml.data.dataset import Dataset, Split, require_shape
from tinyml.data.digits import digits
from tinyml.errors import InputError

__all__ = [
    "ACCEPTED",
    "NAMES",
    "AudioSettings",
    "Dataset",
    "Split",
    "load",
    "load_test",
    "load_training_samples",
    "require_shape",
    "source_path",
]

NAMES = ("digits",)
ACCEPTED = "a .npz, or class folders of PNG, JPEG or WAV files, also in a .tar.gz or .zip"


def load(
    source: str,
    audio: Mapping[str, Any] | None = None,
    shape: tuple[int, ...] | None = None,
) -> Dataset:
    """Load a data set.

    Args:
        source: `digits`, or the path of an `.npz`, a folder or an archive.
        audio: fields of `AudioSettings` that go before the folder's audio.toml.
        shape: of a model's samples. Unless it is that of images, (H, W, C), an `.npz` may hold samples of any
            shape with any finite values, as sensors give them; without, images are asked for.

    Raises:
        InputError: unknown name, unreadable file, wrong shapes, labels out of range, values not finite.
    """
    path = Path(source)
    if source not in NAMES and (path.is_dir() or (containers.is_archive(path) and path.exists())):
        return folders.read(path, audio or {})
    if audio:
        raise InputError(source, "holds no clips to make features of", "give class folders of WAV")
    if source in NAMES:
        return digits()
    if path.suffix == ".npz":
        return npz.read(path, images=_are_images(shape))
    what = "no such file" if containers.is_archive(path) else "not a data set"
    raise InputError(source, what, f"give {' or '.join(NAMES)}, {ACCEPTED}")


def load_training_samples(source: str, shape: tuple[int, ...]) -> np.ndarray:
    """Only the samples to learn from, float32 (N, ...); an `.npz` may hold x_train alone.

    Raises:
        InputError: as `load`.
    """
    path = Path(source)
    if path.suffix == ".npz" and not path.is_dir():
        return npz.read_training_samples(path, _are_images(shape))
    return load(source).train.x


def load_test(source: str, shape: tuple[int, ...] | None = None) -> Split:
    """Only the test split; of an `.npz`, x_test may also be int8: raw values for a quantized model.

    Args:
        source: as of `load`.
        shape: as of `load`.

    Raises:
        InputError: as `load`.
    """
    path = Path(source)
    if path.suffix == ".npz":
        return npz.read_test(path, _are_images(shape))
    return load(source).test


def _are_images(shape: tuple[int, ...] | None) -> bool:
    return shape is None or len(shape) == 3


def source_path(source: str) -> Path | None:
    """The file or folder behind `source`, for run records.

    None for a data set known by name, and for a name that is none: `load` then says what there is.
    """
    path = Path(source)
    return path if source not in NAMES and (path.exists() or path.suffix) else None
