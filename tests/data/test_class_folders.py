"""Class folders: what is read, how it is divided, and what is refused."""

from __future__ import annotations

import shutil
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from tinyml import data
from tinyml.data import containers
from tinyml.errors import InputError


def refused(source, *said) -> str:
    with pytest.raises(InputError) as caught:
        data.load(str(source))
    text = str(caught.value)
    assert "\n" not in text
    for part in said:
        assert part in text, text
    return text


def samples(dataset) -> dict[str, list[bytes]]:
    """The samples' bytes in each part."""
    parts = ("train", "validation", "test")
    return {name: [x.tobytes() for x in getattr(dataset, name).x] for name in parts}


def test_given_parts_are_kept_and_pixels_are_exact(files):
    pixels = {}
    for part in ("train", "validation", "test"):
        for label in ("dog", "cat"):
            pixels[part, label] = files.image(f"{part}/{label}/a.png")
    read = data.load(str(files.root))
    assert read.names == read.class_names == ("cat", "dog")
    assert (read.name, read.classes, read.shape) == ("set", 2, (4, 6, 3))
    for part in ("train", "validation", "test"):
        split = getattr(read, part)
        assert split.x.dtype == np.float32
        assert split.y.dtype == np.int64
        assert split.y.tolist() == [0, 1]
        expected = np.stack([pixels[part, label] for label in ("cat", "dog")])
        np.testing.assert_array_equal(split.x, expected.astype(np.float32) / 255.0)


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_grey_and_palette_images(files, mode):
    files.images(mode="L")
    for path in files.root.rglob("*.png"):
        with Image.open(path) as opened:
            opened.convert(mode).save(path)
    assert data.load(str(files.root)).shape == (4, 6, 3 if mode == "P" else 1)


def test_jpeg_is_read_by_either_name(files):
    files.images()
    for path in files.root.rglob("*.png"):
        with Image.open(path) as opened:
            opened.save(path.with_suffix(".JPG" if path.stem == "0" else ".jpeg"))
        path.unlink()
    assert len(data.load(str(files.root)).test) == 4


def test_numbers_are_classes_in_the_order_of_their_values(files):
    for part in ("train", "test"):
        for label in ("10", "9", "2"):
            files.image(f"{part}/{label}/{part}.png")
            files.image(f"{part}/{label}/{part}2.png")
    assert data.load(str(files.root)).names == ("2", "9", "10")


def test_without_a_validation_part_a_tenth_of_each_class_becomes_it(files):
    files.images(count=20)
    read = data.load(str(files.root))
    assert np.bincount(read.validation.y).tolist() == [2, 2]
    assert np.bincount(read.train.y).tolist() == [18, 18]
    assert np.bincount(read.test.y).tolist() == [20, 20]


def test_without_parts_a_fixed_rule_divides(files):
    for label in ("cat", "dog"):
        for number in range(30):
            files.image(f"{label}/{number}.png")
    read, again = (data.load(str(files.root)) for _ in range(2))
    assert samples(read) == samples(again)
    for part, count in (("train", 21), ("validation", 3), ("test", 6)):
        assert np.bincount(getattr(read, part).y).tolist() == [count, count]
    everything = [x for part in samples(read).values() for x in part]
    assert len(everything) == len(set(everything)) == 60


def test_equal_files_stay_together(files):
    for label in ("cat", "dog"):
        for number in range(10):
            files.image(f"{label}/{number}.png")
            for copy in "abc":
                source = files.root / f"{label}/{number}.png"
                shutil.copy(source, source.with_name(f"{number}{copy}.png"))
    parts = [set(part) for part in samples(data.load(str(files.root))).values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 20  # equal images in one part only


@pytest.mark.parametrize("form", ["{label}_voice{voice}_{take}.wav", "{voice}a7_nohash_{take}.wav"])
def test_without_parts_no_speaker_is_in_two(files, form):
    for label in ("no", "yes"):
        for voice in range(10):
            for take in range(3):
                files.clip(f"{label}/" + form.format(label=label, voice=voice, take=take))
    read = data.load(str(files.root))
    assert [len(part) for part in (read.train, read.validation, read.test)] == [42, 6, 12]
    assert read.note == "0 of the 2 speakers in the test part are in the training part"


def test_known_speakers_in_a_given_test_are_told_of(files):
    for part, voices in (("train", "abc"), ("test", "bcd")):
        for label in ("no", "yes"):
            for voice in voices:
                files.clip(f"{part}/{label}/{label}_{voice}_0.wav")
                files.clip(f"{part}/{label}/{label}_{voice}_1.wav")
    read = data.load(str(files.root))
    assert read.note == "2 of the 3 speakers in the test part are in the training part"
    assert np.bincount(read.validation.y).tolist() == [1, 1]


def test_validation_has_new_speakers_when_the_test_has(files):
    for part, voices in (("train", "abcde"), ("test", "xy")):
        for label in ("no", "yes"):
            for voice in voices:
                for take in range(4):
                    files.clip(f"{part}/{label}/{label}_{voice}_{take}.wav")
    read = data.load(str(files.root))
    assert np.bincount(read.validation.y).tolist() == [4, 4]
    assert read.note == "0 of the 2 speakers in the test part are in the training part"


def test_test_files_that_were_learnt_are_told_of(files):
    files.images()
    shutil.copy(files.root / "train/cat/0.png", files.root / "test/dog/copy.png")
    shutil.copy(files.root / "train/cat/1.png", files.root / "test/cat/copy.png")
    shutil.copy(files.root / "train/cat/0.png", files.root / "train/cat/2.png")
    read = data.load(str(files.root))
    held = {x.tobytes() for x in read.validation.x}
    learnt = sum(x.tobytes() not in held for x in read.test.x[[2, 5]])
    assert read.note == f"{learnt} files of the test part are in the training part, byte for byte"


def test_names_that_do_not_tell_the_speaker_give_no_note(files):
    for part in ("train", "test"):
        for name in ("no/no_anna_1", "no/no_anna_2", "yes/yes_anna_1", "yes/second"):
            files.clip(f"{part}/{name}.wav")
    assert data.load(str(files.root)).note == ""


def pack(root, archive, top="") -> None:
    """All below `root` into an archive; folders have entries of their own."""
    entries = [(path, top + str(path.relative_to(root))) for path in sorted(root.rglob("*"))]
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as opened:
            for path, name in entries:
                opened.write(path, name)
    else:
        with tarfile.open(archive, "w:gz" if archive.name.endswith("gz") else "w") as opened:
            for path, name in entries:
                opened.add(path, name, recursive=False)


@pytest.mark.parametrize("name", ["d.tar.gz", "d.tgz", "d.tar", "d.zip"])
@pytest.mark.parametrize("top", ["", "./", "pets-1.0/"])
def test_archives_give_what_the_folder_gives(files, tmp_path, name, top):
    files.images()
    files.put("README.txt", b"by hand")
    files.put("train/.DS_Store", b"")
    files.put("__MACOSX/train/cat/._0.png", b"")
    pack(files.root, tmp_path / name, top)
    before = sorted(tmp_path.rglob("*"))
    read = data.load(str(tmp_path / name))
    assert samples(read) == samples(data.load(str(files.root)))
    assert read.name == "d"
    assert sorted(tmp_path.rglob("*")) == before


def member(kind: bytes = tarfile.REGTYPE, name: str = "train/cat/0.png", link: str = ""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (member(tarfile.SYMTYPE, link="/etc/passwd"), "a link or device"),
        (member(tarfile.LNKTYPE, link="train/cat/1.png"), "a link or device"),
        (member(tarfile.FIFOTYPE), "a link or device"),
        (member(name="../train/cat/0.png"), "leads out of the archive"),
        (member(name="train/cat/../../../0.png"), "leads out of the archive"),
        (member(name="/train/cat/0.png"), "leads out of the archive"),
    ],
)
def test_unsafe_members_of_a_tar_are_refused(tmp_path, info, said):
    archive = tmp_path / "d.tar.gz"
    with tarfile.open(archive, "w:gz") as opened:
        opened.addfile(info)
    refused(archive, said, info.name)


def test_unsafe_members_of_a_zip_are_refused(tmp_path):
    archive = tmp_path / "d.zip"
    for name, mode, said in (("a/../../b.png", 0, "leads out"), ("a/b.png", 0o120777, "a link")):
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        with zipfile.ZipFile(archive, "w") as opened:
            opened.writestr(info, b"x")
        refused(archive, said, name)


@pytest.mark.parametrize("name", ["d.tar.gz", "d.zip"])
def test_broken_archives_are_refused(files, tmp_path, name):
    files.images()
    archive = tmp_path / name
    pack(files.root, archive)
    archive.write_bytes(archive.read_bytes()[:-200])
    refused(archive, name, "not readable, or cut short")
    archive.write_bytes(b"nothing")
    refused(archive, name, "not readable, or cut short")


def test_a_huge_member_is_not_read(files, tmp_path, monkeypatch):
    files.images()
    pack(files.root, tmp_path / "d.zip")
    monkeypatch.setattr(containers, "_LARGEST", 50)
    refused(tmp_path / "d.zip", "the largest file taken")
    refused(files.root, "the largest file taken")


def test_no_classes(files, tmp_path):
    refused(files.root, "holds no class folders")
    refused(tmp_path / "none.zip", "no such file")
    refused(tmp_path / "none", "not a data set", "digits", "class folders")


def test_one_class(files):
    for part in ("train", "test"):
        files.image(f"{part}/cat/{part}.png")
    refused(files.root, "one class only ('cat')")


@pytest.mark.parametrize("part", ["", "train/", "test/"])
def test_empty_class(files, part):
    if part:
        files.images()
    else:
        files.image("dog/a.png")
        files.image("cat/a.png")
    (files.root / f"{part}bird").mkdir()
    refused(files.root, f"{part}bird", "an empty class")


def test_class_that_the_training_part_lacks(files):
    files.images()
    files.image("test/bird/a.png")
    refused(files.root, "test/bird", "a class that train/ lacks")


@pytest.mark.parametrize("lacking", ["train", "test"])
def test_missing_part(files, lacking):
    files.images()
    shutil.rmtree(files.root / lacking)
    refused(files.root, f"has no {lacking}/")


def test_too_few_files_to_hold_some_out(files):
    for name in ("cat/a", "cat/b", "cat/c", "dog/a"):
        files.image(f"{name}.png")
    refused(files.root, "class 'dog'", "too few")


def test_files_in_other_places(files):
    files.images()
    stray = files.put("train/0.png", (files.root / "train/cat/0.png").read_bytes())
    refused(files.root, "train/0.png", "outside the folders of the classes")
    stray.unlink()
    files.image("train/cat/kittens/0.png")
    refused(files.root, "train/cat/kittens/0.png", "outside the folders")


def test_parts_without_class_folders(files):
    files.image("train/a.png")
    files.image("test/a.png")
    refused(files.root, "without class folders")


@pytest.mark.parametrize("name", ["train/cat/0.gif", "test/dog/labels.txt"])
def test_other_files_among_the_samples(files, name):
    files.images()
    files.put(name, b"GIF89a")
    refused(files.root, name, "is none of .png, .jpg, .jpeg, .wav")


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + b"x" * 60, "half"])
def test_unreadable_image(files, content):
    files.images(size=(60, 40))
    whole = (files.root / "train/dog/1.png").read_bytes()
    files.put("train/dog/1.png", whole[: len(whole) // 2] if content == "half" else content)
    refused(files.root, "train/dog/1.png", "not a readable image")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"size": (7, 4)}, "4x7x3 (height x width x channels), but test/cat/0.png is"),
        ({"mode": "L"}, "4x6x1"),
        ({"mode": "RGBA"}, "type RGBA"),
        ({"mode": "I;16"}, "type I;16"),
        ({"mode": "CMYK"}, "type CMYK"),
    ],
)
def test_unlike_images(files, kind, said):
    files.images()
    files.image("train/dog/2.png", **kind)
    refused(files.root, "train/dog/2.png", said)


def test_transparent_palette(files):
    files.images()
    with Image.open(files.root / "train/dog/1.png") as opened:
        opened.convert("P").save(files.root / "train/dog/1.png", transparency=0)
    refused(files.root, "train/dog/1.png", "has transparency")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"channels": 2}, "2 channels of 16 bits"),
        ({"width": 3}, "1 channels of 24 bits"),
        ({"width": 1}, "1 channels of 8 bits"),
        ({"rate": 16000}, "a clip at 16000 Hz, but test/no/0.wav is a clip at 8000 Hz"),
        ({"count": 0}, "holds 0 of its 0 samples"),
    ],
)
def test_unlike_clips(files, kind, said):
    for name in ("train/no/0", "train/no/1", "train/yes/0", "test/no/0", "test/yes/0"):
        files.clip(f"{name}.wav")
    files.clip("train/yes/1.wav", **kind)
    refused(files.root, "train/yes/1.wav", said)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"OggS" * 20, "half"])
def test_unreadable_clip(files, content):
    for name in ("train/no/0", "train/yes/1"):
        files.clip(f"{name}.wav")
    whole = (files.root / "train/yes/1.wav").read_bytes()
    files.put("train/yes/1.wav", whole[: len(whole) // 2] if content == "half" else content)
    refused(files.root, "train/yes/1.wav")


def test_images_and_clips_do_not_mix(files):
    files.images()
    files.clip("train/dog/9.wav")
    refused(files.root, "train/dog/9.wav", "a clip at 8000 Hz, but test/cat/0.png is an image")
