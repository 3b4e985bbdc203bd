"""`tinyml data`, and data sets in an .npz."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tinyml import data
from tinyml.cli import cli
from tinyml.data import npz
from tinyml.errors import InputError


def tinyml(*arguments: object) -> None:
    cli.main([str(a) for a in arguments], standalone_mode=False)


def same(one: data.Dataset, other: data.Dataset) -> None:
    assert one.class_names == other.class_names
    assert (one.audio, one.note) == (other.audio, other.note)
    for part in ("train", "validation", "test"):
        for name in ("x", "y"):
            arrays = [getattr(getattr(d, part), name) for d in (one, other)]
            assert arrays[0].dtype == arrays[1].dtype
            np.testing.assert_array_equal(*arrays)


def test_a_part_of_sorted_samples_holds_every_class():
    split = data.Split(np.arange(60.0).reshape(60, 1), np.repeat(np.arange(6), 10))
    part = split.spread(12)
    assert part.y.tolist() == [c for c in range(6) for _ in range(2)]
    assert part.x[:, 0].tolist() == [5.0 * i for i in range(12)]
    np.testing.assert_array_equal(split.spread(60).x, split.x)


def test_images_become_bytes_and_are_read_the_same(files, tmp_path, capsys):
    files.images(count=3)
    tinyml("data", files.root, "-o", tmp_path / "d.npz")
    same(data.load(str(tmp_path / "d.npz")), data.load(str(files.root)))
    with np.load(tmp_path / "d.npz") as stored:
        assert stored["x_train"].dtype == np.uint8
    record = json.loads((tmp_path / "d.npz.run.json").read_text())
    assert record["inputs"]["source"]["path"] == str(files.root)
    assert record["metrics"]["samples"] == {"train": 4, "validation": 2, "test": 6}
    assert record["metrics"]["classes"] == ["cat", "dog"]
    said = "d.npz: 4 train, 2 validation, 6 test samples of 4x6x3, 2 classes\n"
    assert capsys.readouterr().out.endswith(said)
    tinyml("data", files.root, "-o", tmp_path / "e.npz")
    assert (tmp_path / "d.npz").read_bytes() == (tmp_path / "e.npz").read_bytes()


def test_clips_keep_their_settings_and_note(files, tmp_path, capsys):
    for label in ("no", "yes"):
        for take in range(6):
            files.clip(f"{'train' if take < 3 else 'test'}/{label}/{label}_eve_{take}.wav")
    tinyml(
        "data", files.root, "--features", "spectrogram", "--hop-ms", 25, "-o", tmp_path / "d.npz"
    )
    read = data.load(str(tmp_path / "d.npz"))
    same(read, data.load(str(files.root), {"features": "spectrogram", "hop_ms": 25}))
    assert (read.audio.hop_ms, read.audio.frame_ms) == (25, 30)
    assert read.note == "1 of the 1 speakers in the test part are in the training part"
    assert read.note in capsys.readouterr().out
    record = json.loads((tmp_path / "d.npz.run.json").read_text())
    assert record["metrics"]["audio"]["hop_ms"] == 25


def test_digits_as_a_file(tmp_path):
    tinyml("data", "digits", "-o", tmp_path / "d.npz")
    same(data.load(str(tmp_path / "d.npz")), data.load("digits"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("digits", "-o", "{}/d.csv"), "written as .npz"),
        (("digits", "--mel-bins", 20, "-o", "{}/d.npz"), "no clips"),
        (("nothing", "-o", "{}/d.npz"), "not a data set"),
        (("none.zip", "-o", "{}/d.npz"), "no such file"),
    ],
)
def test_refusals_leave_nothing(tmp_path, arguments, said):
    with pytest.raises(InputError, match=said):
        tinyml("data", *(str(a).format(tmp_path) for a in arguments))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("classes", np.array(["a", "b", "c"]), "'classes' has shape"),
        ("classes", np.arange(2), "'classes' has shape"),
        ("audio", np.array("{"), "'audio' is not as written"),
        ("audio", np.array('{"hop": 3}'), "'audio' is not as written"),
    ],
)
def test_wrong_extras_are_refused(files, tmp_path, name, value, said):
    files.images()
    npz.write(tmp_path / "d.npz", data.load(str(files.root)))
    with np.load(tmp_path / "d.npz") as stored:
        arrays = dict(stored)
    np.savez(tmp_path / "d.npz", **{**arrays, name: value})
    with pytest.raises(InputError, match=said):
        data.load(str(tmp_path / "d.npz"))


def test_training_on_folders_records_the_names(files, tmp_path):
    files.images(count=4, size=(8, 8))
    tinyml(
        *("train", "--data", files.root, "--model", "ds-cnn-4", "--epochs", 1),
        *("--batch-size", 4, "-o", tmp_path / "m.keras"),
    )
    record = json.loads((tmp_path / "m.keras.run.json").read_text())
    assert record["metrics"]["classes"] == ["cat", "dog"]
    assert record["inputs"]["data"]["path"] == str(files.root)
    tinyml(
        *("export", tmp_path / "m.keras", "--calibration", files.root),
        *("--target", "cortex-m4", "-o", tmp_path / "project"),
    )
    tested = ("validate", tmp_path / "project", "--emulator", "host", "--data", files.root)
    tinyml(*tested, "-o", tmp_path / "verdict.json")
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert verdict["exact"]
    assert verdict["accuracy"] == verdict["accuracy_judge"] is not None
