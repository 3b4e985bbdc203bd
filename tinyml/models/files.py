"""Keras models on disk: checked before they are loaded, saved so that equal models are equal bytes."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tinyml.errors import InputError
from tinyml.models import keras3
from tinyml.models.flattening import flattened
from tinyml.models.runtime import tensorflow

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip entry can hold
_CODE_CLASSES = ("Lambda", "__lambda__")  # both hold marshalled Python code


def load(path: Path, allow_unsafe: bool = False) -> Any:
    """Load a Keras model (.keras, .h5 or SavedModel), uncompiled and without models inside.

    Args:
        path: the file, or the directory of a SavedModel that Keras wrote.
        allow_unsafe: load a model with a Lambda layer, whose code runs on loading.

    Raises:
        InputError: missing, unreadable or truncated file; a Lambda layer without `allow_unsafe`; something
            of Keras 3 that Keras 2 has not.
    """
    if not path.exists():
        raise InputError(path, "no such model file", "check the path")
    if not allow_unsafe and (_saved_model_has_code(path) or any(_names_code(_config(path)))):
        raise InputError(
            path,
            "has a Lambda layer, which runs code from the file when loaded",
            "replace the layer, or load it with --allow-unsafe if you trust its author",
        )
    tf = tensorflow()
    keras3.register()
    version = _keras_version(path)
    major = version.split(".")[0]
    if major.isdigit() and int(major) > 2:
        return flattened(keras3.load(path, _config(path), version))
    try:
        options = {"safe_mode": not allow_unsafe} if path.suffix == ".keras" else {}
        model = tf.keras.models.load_model(path, compile=False, **options)
    except Exception as error:  # Keras raises whatever the broken part happens to raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            path, f"Keras cannot load it ({reason})", "save it again with Keras 2"
        ) from None
    return flattened(model)


def save(model: Any, path: Path) -> None:
    """Save a model as `.keras`; the same weights and structure always give the same bytes."""
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "model.keras"
        bare = type(model).from_config(model.get_config())  # leaves the optimizer's state behind
        bare.set_weights(model.get_weights())
        bare.save(raw)
        with zipfile.ZipFile(raw) as source, zipfile.ZipFile(path, "w") as target:
            for name in sorted(source.namelist()):
                content = source.read(name)
                if name == "metadata.json":
                    metadata = json.loads(content)
                    metadata["date_saved"] = "1980-01-01@00:00:00"
                    content = json.dumps(metadata, sort_keys=True).encode()
                target.writestr(zipfile.ZipInfo(name, _EPOCH), content)


def _keras_version(path: Path) -> str:
    """Version of Keras that wrote a .keras or .h5 file; nothing where that cannot be read."""
    try:
        text = _stored_text(path, "metadata.json", "keras_version") or ""
        return str(json.loads(text)["keras_version"]) if path.suffix == ".keras" else text
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile):
        return ""


def _stored_text(path: Path, member: str, attribute: str) -> str | None:
    """A member of a .keras archive, or an attribute of a .h5 file; None of anything else."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return archive.read(member).decode()
    if path.suffix in (".h5", ".hdf5"):
        import h5py

        with h5py.File(path, "r") as stored:
            text = stored.attrs[attribute]
            return text if isinstance(text, str) else text.decode()
    return None


def _config(path: Path) -> Any:
    try:
        text = _stored_text(path, "config.json", "model_config")
        if text is not None:
            return json.loads(text)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            path,
            f"not a readable Keras model, or truncated ({error})",
            "save it again with Keras 2",
        ) from None
    if path.is_dir() and (path / "keras_metadata.pb").is_file():
        return {}  # judged by _saved_model_has_code: its configuration is not a single JSON text
    if (path / "saved_model.pb").is_file():
        raise InputError(
            path,
            "is a SavedModel without Keras' part, as model.export() and tf.saved_model.save() write it",
            f"save it with model.save('{path.name}.keras'), or convert it to an int8 .tflite and export that",
        )
    raise InputError(
        path,
        f"unknown model type '{path.suffix}'" if path.suffix else "unknown model type",
        "give a .keras or .h5 file or a Keras SavedModel",
    )


def _saved_model_has_code(path: Path) -> bool:
    """True for a Keras SavedModel with a layer whose configuration holds code."""
    metadata = path / "keras_metadata.pb"
    if not metadata.is_file():
        return False
    text = metadata.read_bytes()
    return any(b'"class_name": "%s"' % name.encode() in text for name in _CODE_CLASSES)


def _names_code(config: Any) -> Iterator[bool]:
    """True for each place of a Keras configuration that holds code."""
    if isinstance(config, dict):
        yield config.get("class_name") in _CODE_CLASSES
        for value in config.values():
            yield from _names_code(value)
    elif isinstance(config, list):
        for value in config:
            yield from _names_code(value)
