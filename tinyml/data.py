"""Data sets by name or file, as arrays with a train/validation/test split.

Arrays are float32 in [0, 1], shape (N, height, width, channels); labels are int64, shape (N,), from 0.
A file is an `.npz` in the Keras layout (x_train, y_train, x_test, y_test; uint8 or float); when it has
no x_validation, a tenth of the training set (drawn with a fixed seed) becomes the validation split.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyml.errors import InputError

_SPLIT_SEED = 20180602  # fixed: the split is part of the data set, not of an experiment
NAMES = ("digits",)


@dataclass(frozen=True)
class Split:
    """x: float32 (N, H, W, C) in [0, 1]; y: int64 (N,)."""

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Dataset:
    """A data set with its three splits."""

    name: str
    classes: int
    train: Split
    validation: Split
    test: Split

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample, (height, width, channels)."""
        return tuple(int(n) for n in self.train.x.shape[1:])


def load(source: str) -> Dataset:
    """Load a data set by name (`digits`) or from an `.npz` file.

    Raises:
        InputError: unknown name, unreadable file, wrong shapes, labels out of range, values not finite.
    """
    if source in NAMES:
        return _digits()
    path = Path(source)
    if path.suffix == ".npz":
        return _npz(path)
    raise InputError(
        source,
        "not a data set",
        f"give one of {', '.join(NAMES)} or a .npz file in the Keras layout",
    )


def load_test(source: str) -> Split:
    """Only the test split; of an `.npz`, x_test may also be int8: raw values for a quantized model.

    Raises:
        InputError: as `load`.
    """
    path = Path(source)
    if path.suffix != ".npz":
        return load(source).test
    arrays = _read_arrays(path, ("x_test", "y_test"))
    x = arrays["x_test"]
    if x.dtype != np.int8:
        x = _samples(path, "x_test", x)
    elif x.ndim < 2 or 0 in x.shape:
        raise InputError(path, f"x_test has shape {x.shape}", "expected (N, ...)")
    return Split(x, _labels(path, "y_test", arrays["y_test"], len(x)))


def source_path(source: str) -> Path | None:
    """The file behind `source`, or None for a data set known by name (for run records)."""
    return None if source in NAMES else Path(source)


def require_shape(dataset: Dataset, shape: tuple[int, ...], model: object) -> None:
    """Check that samples have the shape that a model takes.

    Raises:
        InputError: they do not.
    """
    if dataset.shape != tuple(shape):
        raise InputError(
            dataset.name,
            f"samples have shape {dataset.shape}, {model} takes {tuple(shape)}",
            "use the data set that the model was made for",
        )


def _digits() -> Dataset:
    """scikit-learn's bundled digits: 1,797 real 8x8 images; 1,257 train, 180 validation, 360 test."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError(
            "digits", "needs scikit-learn", "pip install 'tinyml-toolchain[train]'"
        ) from None
    bunch = load_digits()
    x = (bunch.images / 16.0).astype(np.float32)[..., np.newaxis]
    y = bunch.target.astype(np.int64)
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(x))
    train, validation, test = np.split(order, [1257, 1437])
    return Dataset("digits", 10, *(Split(x[part], y[part]) for part in (train, validation, test)))


def _npz(path: Path) -> Dataset:
    arrays = _read_arrays(path, ("x_train", "y_train", "x_test", "y_test"))
    x_train = _samples(path, "x_train", arrays["x_train"])
    y_train = _labels(path, "y_train", arrays["y_train"], len(x_train))
    x_test = _samples(path, "x_test", arrays["x_test"])
    y_test = _labels(path, "y_test", arrays["y_test"], len(x_test))
    classes = int(y_train.max()) + 1
    if "x_validation" in arrays and "y_validation" in arrays:
        x_held = _samples(path, "x_validation", arrays["x_validation"])
        held = Split(x_held, _labels(path, "y_validation", arrays["y_validation"], len(x_held)))
        train = Split(x_train, y_train)
    else:
        order = np.random.default_rng(_SPLIT_SEED).permutation(len(x_train))
        cut = max(1, len(x_train) // 10)
        held = Split(x_train[order[:cut]], y_train[order[:cut]])
        train = Split(x_train[order[cut:]], y_train[order[cut:]])
    test = Split(x_test, y_test)
    for name, part in (("test", test), ("validation", held)):
        if part.x.shape[1:] != train.x.shape[1:]:
            raise InputError(
                path,
                f"{name} samples have shape {part.x.shape[1:]}, training samples {train.x.shape[1:]}",
                "make them equal",
            )
        if int(part.y.max()) >= classes:
            raise InputError(
                path,
                f"labels out of range: {name} label {int(part.y.max())}, "
                f"training labels go to {classes - 1}",
                "number the classes from 0 and have each of them in the training set",
            )
    return Dataset(path.stem, classes, train, held, test)


def _read_arrays(path: Path, needed: tuple[str, ...]) -> dict[str, np.ndarray]:
    try:
        # opened here, because numpy leaves a broken file open
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise InputError(path, "no such file", "check the path") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            path, f"not a readable .npz ({error})", "make it with numpy.savez"
        ) from None
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise InputError(path, f"lacks {', '.join(missing)}", f"store {', '.join(needed)}")
    return arrays


def _samples(path: Path, name: str, x: np.ndarray) -> np.ndarray:
    if x.ndim == 3:
        x = x[..., np.newaxis]
    if x.ndim != 4 or 0 in x.shape:
        raise InputError(
            path,
            f"{name} has shape {x.shape}",
            "expected (N, height, width) or (N, height, width, channels)",
        )
    if x.dtype == np.uint8:
        return x.astype(np.float32) / 255.0
    if x.dtype.kind != "f":
        raise InputError(path, f"{name} has type {x.dtype}", "use uint8, or float in [0, 1]")
    x = x.astype(np.float32)
    if not np.isfinite(x).all() or x.min() < 0 or x.max() > 1:
        raise InputError(
            path, f"{name} has values outside [0, 1] or not finite", "scale it to [0, 1]"
        )
    return x


def _labels(path: Path, name: str, y: np.ndarray, count: int) -> np.ndarray:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape != (count,):
        raise InputError(
            path, f"{name} has shape {y.shape}", f"expected ({count},), one label a sample"
        )
    if y.dtype.kind not in "iu" or y.min() < 0:
        raise InputError(
            path, f"{name} has labels out of range or not integers", "number the classes from 0"
        )
    return y.astype(np.int64)
