"""Real files of Keras 3 (see make_keras3.py): read as models of Keras 2 that answer the same, or refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from tinyml.errors import InputError
from tinyml.models import files

ZIPS = sorted(Path(__file__).parent.glob("keras-*.zip"))
READ = [
    (archive, name)
    for archive in ZIPS
    for name in zipfile.ZipFile(archive).namelist()
    if not name.endswith(".npz")
    and f"{name.split('.')[0]}.npz" in zipfile.ZipFile(archive).namelist()
]
UNKNOWN = {
    "polynomial": "operation Square 'square'",
    "dictionary": "a dictionary",
    "solarized": "Solarization",
}
HALF = 2**-6  # bfloat16 computes with 8 bits


def stored(archive: Path, name: str, folder: Path) -> Path:
    """A file of the archive, in a folder."""
    with zipfile.ZipFile(archive) as opened:
        return Path(opened.extract(name, folder))


def changed(path: Path, member: str, content: bytes | None) -> Path:
    """A .keras file with other content of one of its members, or without it."""
    copy = path.with_name("changed.keras")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            if name != member:
                target.writestr(name, source.read(name))
            elif content is not None:
                target.writestr(name, content)
    return copy


def test_both_ends_of_keras_3_are_here() -> None:
    assert [archive.stem for archive in ZIPS] == ["keras-3.0.5", "keras-3.15.1"]
    assert len(READ) == 7 + 9


@pytest.mark.parametrize(("archive", "name"), READ, ids=lambda part: Path(part).stem)
def test_answers_as_keras_3_did(archive: Path, name: str, tmp_path: Path) -> None:
    model = files.load(stored(archive, name, tmp_path))
    with np.load(stored(archive, f"{name.split('.')[0]}.npz", tmp_path)) as arrays:
        given = [arrays[key] for key in sorted(arrays) if key[0] == "x"]
        wanted = [arrays[key] for key in sorted(arrays) if key[0] == "y"]
    said = model(given if len(given) > 1 else given[0], training=False)
    said = said if isinstance(said, list) else [said]
    assert len(said) == len(wanted)
    tolerance = HALF if name.startswith("half") else 2e-6
    for one, other in zip(said, wanted, strict=True):
        assert np.ptp(other) > 0.01
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)

    files.save(model, tmp_path / "again.keras")
    again = files.load(tmp_path / "again.keras")
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_keras_2_has_not_is_named(name: str, tmp_path: Path) -> None:
    path = stored(ZIPS[-1], f"{name}.keras", tmp_path)
    with pytest.raises(InputError, match=UNKNOWN[name]) as raised:
        files.load(path)
    assert "written by Keras 3.15.1" in str(raised.value)
    assert "TF_USE_LEGACY_KERAS" in str(raised.value)


def test_weights_that_are_missing_or_misshapen(tmp_path: Path) -> None:
    path = stored(ZIPS[-1], "cnn.keras", tmp_path)
    with pytest.raises(InputError, match=r"not in one model\.weights\.h5"):
        files.load(changed(path, "model.weights.h5", None))
    weights = stored(path, "model.weights.h5", tmp_path)
    with h5py.File(weights, "a") as opened:
        del opened["layers/conv2d_1"]
    with pytest.raises(InputError, match="'conv2d_1' needs weights of shapes"):
        files.load(changed(path, "model.weights.h5", weights.read_bytes()))
    with h5py.File(weights, "a") as opened:
        opened["layers/conv2d_1/vars/0"] = np.zeros((1, 1, 4, 7), np.float32)
        opened["layers/conv2d_1/vars/1"] = np.zeros(7, np.float32)
    with pytest.raises(InputError, match=r"\(1, 1, 4, 6\).*\(1, 1, 4, 7\)"):
        files.load(changed(path, "model.weights.h5", weights.read_bytes()))
    with pytest.raises(InputError, match=r"changed\.keras"):
        files.load(changed(path, "model.weights.h5", b"no HDF5"))


@pytest.mark.parametrize(
    ("layer", "option", "value", "said"),
    [
        ("Conv2D", "novelty", 2, "novelty=2"),
        ("Conv2D", "dtype", {"config": {"mode": "int8", "source_name": None}}, "was quantized"),
        ("Dense", "activation", "no_such", "no_such"),
    ],
)
def test_options_that_keras_2_has_not(
    layer: str, option: str, value: object, said: str, tmp_path: Path
) -> None:
    path = stored(ZIPS[-1], "cnn.keras", tmp_path)
    config = json.loads(zipfile.ZipFile(path).read("config.json"))
    part = next(part for part in config["config"]["layers"] if part["class_name"] == layer)
    part["config"][option] = value
    with pytest.raises(InputError, match=said):
        files.load(changed(path, "config.json", json.dumps(config).encode()))


def test_a_call_that_is_not_there_is_refused_not_awaited(tmp_path: Path) -> None:
    path = stored(ZIPS[-1], "nested.keras", tmp_path)
    text = zipfile.ZipFile(path).read("config.json").decode()
    text = text.replace(
        '"keras_history": ["backbone", 0, 0]', '"keras_history": ["backbone", 3, 0]'
    )
    with pytest.raises(InputError, match="call 3 of 'backbone'"):
        files.load(changed(path, "config.json", text.encode()))


def test_code_in_the_file_is_refused_before_anything_else(tmp_path: Path) -> None:
    path = stored(ZIPS[-1], "cnn.keras", tmp_path)
    text = zipfile.ZipFile(path).read("config.json").decode()
    text = text.replace('"class_name": "Dropout"', '"class_name": "Lambda"')
    code = changed(path, "config.json", text.encode())
    with pytest.raises(InputError, match="Lambda layer"):
        files.load(code)
    with pytest.raises(InputError, match="cannot be read here"):
        files.load(code, allow_unsafe=True)
