"""Data sets in one `.npz`: the Keras layout, with what else is known of a data set.

x_train, y_train, x_test, y_test    x: uint8, or float in [0, 1], (N, H, W) or (N, H, W, C); for a model
                                    that takes no images any finite float, (N, ...)
x_validation, y_validation          if they are missing, a tenth of the training set
classes                             names of the classes, text (classes,); may be missing
audio                               audio settings as JSON; only of audio features
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tinyml.data import splits
from tinyml.data.audio import AudioSettings
from tinyml.data.dataset import Dataset, Split, as_float
from tinyml.errors import InputError

_BLOCK = 1024  # samples
_WHOLE = ("x_train", "y_train", "x_test", "y_test")


def read(path: Path, images: bool = True) -> Dataset:
    """The data set in an `.npz`.

    Args:
        path: the file.
        images: ask for samples (H, W) or (H, W, C) in [0, 1]; otherwise they may be of any shape and values.

    Raises:
        InputError: unreadable, or arrays that are missing or do not fit together.
    """
    return _dataset(path, _read_arrays(path, _WHOLE), images)


def read_training_samples(path: Path, images: bool = True) -> np.ndarray:
    """Only the samples to learn from, float32 (N, ...); of a file with x_train alone, all of it.

    Raises:
        InputError: as `read`.
    """
    arrays = _read_arrays(path, ("x_train",))
    if all(name in arrays for name in _WHOLE):
        return _dataset(path, arrays, images).train.x
    return _samples(path, "x_train", arrays["x_train"], images)


def _dataset(path: Path, arrays: dict[str, np.ndarray], images: bool) -> Dataset:
    parts = {name: _part(path, arrays, name, images) for name in ("train", "test")}
    if "x_validation" in arrays and "y_validation" in arrays:
        parts["validation"] = _part(path, arrays, "validation", images)
    else:
        parts["train"], parts["validation"] = _held_out(parts["train"])
    train = parts["train"]
    classes = int(train.y.max()) + 1
    _check_fit(path, parts, classes)
    return Dataset(
        path.stem,
        classes,
        train,
        parts["validation"],
        parts["test"],
        _names(path, arrays, classes),
        _audio(path, arrays),
        str(arrays.get("note", "")),
    )


def read_test(path: Path, images: bool = True) -> Split:
    """Only the test split; x_test may also be int8: raw values for a quantized model.

    Args:
        path: the file.
        images: as of `read`.

    Raises:
        InputError: as `read`.
    """
    arrays = _read_arrays(path, ("x_test", "y_test"))
    x = arrays["x_test"]
    if x.dtype != np.int8:
        return _part(path, arrays, "test", images)
    if x.ndim < 2 or 0 in x.shape:
        raise InputError(path, f"x_test has shape {x.shape}", "expected (N, ...)")
    return Split(x, _labels(path, "y_test", arrays["y_test"], len(x)))


def write(path: Path, dataset: Dataset) -> None:
    """Write a data set whole; samples that are multiples of 1/255 as uint8, others as float32.

    Equal data sets give equal bytes.
    """
    arrays: dict[str, np.ndarray] = {"classes": np.array(dataset.class_names)}
    for name in ("train", "validation", "test"):
        part = getattr(dataset, name)
        arrays[f"x_{name}"], arrays[f"y_{name}"] = _compact(part.x), part.y
    if dataset.audio:
        arrays["audio"] = np.array(json.dumps(asdict(dataset.audio), sort_keys=True))
    if dataset.note:
        arrays["note"] = np.array(dataset.note)
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


def _compact(x: np.ndarray) -> np.ndarray:
    """x as uint8 when nothing is lost by it; a block at a time, to need no second float copy."""
    packed = np.empty(x.shape, np.uint8)
    for start in range(0, len(x), _BLOCK):
        part = slice(start, start + _BLOCK)
        packed[part] = np.rint(x[part] * np.float32(255))
        if not np.array_equal(as_float(packed[part]), x[part]):
            return x
    return packed


def _part(path: Path, arrays: dict[str, np.ndarray], name: str, images: bool) -> Split:
    x = _samples(path, f"x_{name}", arrays.pop(f"x_{name}"), images)  # popped: the bytes can go
    return Split(x, _labels(path, f"y_{name}", arrays[f"y_{name}"], len(x)))


def _held_out(train: Split) -> tuple[Split, Split]:
    """The training set without a tenth, and the tenth."""
    order = np.random.default_rng(splits.SEED).permutation(len(train))
    cut = max(1, len(train) // 10)
    rest, held = order[cut:], order[:cut]
    return Split(train.x[rest], train.y[rest]), Split(train.x[held], train.y[held])


def _check_fit(path: Path, parts: dict[str, Split], classes: int) -> None:
    shape = parts["train"].x.shape[1:]
    for name in ("test", "validation"):
        part = parts[name]
        if part.x.shape[1:] != shape:
            raise InputError(
                path,
                f"{name} samples have shape {part.x.shape[1:]}, training samples {shape}",
                "make them equal",
            )
        if int(part.y.max()) >= classes:
            raise InputError(
                path,
                f"labels out of range: {name} label {int(part.y.max())}, "
                f"training labels go to {classes - 1}",
                "number the classes from 0 and have each of them in the training set",
            )


def _names(path: Path, arrays: dict[str, np.ndarray], classes: int) -> tuple[str, ...]:
    names = arrays.get("classes")
    if names is None:
        return ()
    if names.dtype.kind != "U" or names.shape != (classes,):
        raise InputError(
            path,
            f"'classes' has shape {names.shape} and type {names.dtype}",
            f"store the {classes} names as text, or leave it out",
        )
    return tuple(str(name) for name in names)


def _audio(path: Path, arrays: dict[str, np.ndarray]) -> AudioSettings | None:
    if "audio" not in arrays:
        return None
    try:
        settings = AudioSettings(**json.loads(str(arrays["audio"])))
    except (TypeError, ValueError) as error:
        raise InputError(path, f"'audio' is not as written ({error})", "make it again") from None
    settings.check(path)
    return settings


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


def _samples(path: Path, name: str, x: np.ndarray, images: bool) -> np.ndarray:
    """Samples as float32, an image always with its channels."""
    if images and x.ndim == 3:
        x = x[..., np.newaxis]
    if (x.ndim != 4 if images else x.ndim < 2) or 0 in x.shape:
        wanted = "(N, height, width) or (N, height, width, channels)" if images else "(N, ...)"
        raise InputError(path, f"{name} has shape {x.shape}", f"expected {wanted}")
    if x.dtype == np.uint8:
        return as_float(x)
    if x.dtype.kind != "f":
        wanted = "uint8, or float in [0, 1]" if images else "float"
        raise InputError(path, f"{name} has type {x.dtype}", f"use {wanted}")
    x = x.astype(np.float32)
    if not np.isfinite(x).all() or (images and (x.min() < 0 or x.max() > 1)):
        found, mend = "not finite", "leave such samples out"
        if images:
            found, mend = "outside [0, 1] or not finite", "scale it to [0, 1]"
        raise InputError(path, f"{name} has values {found}", mend)
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
