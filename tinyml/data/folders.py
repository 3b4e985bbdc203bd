"""Class folders of images or WAV clips, on disk or in an archive.

  ROOT/train/CLASS/FILE, ROOT/test/CLASS/FILE and, if there is one, ROOT/validation/CLASS/FILE
  ROOT/CLASS/FILE, which `splits` divides

Without validation/, a tenth of train/ becomes it, class by class; by speaker, where `splits` knows the
speakers and those of test/ are not in train/. An archive may hold all this in one folder. Classes are
numbered in the order of their names or, when all names are numbers, of their values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import console
from tinyml.data import audio, containers, media, splits
from tinyml.data.audio import AudioSettings
from tinyml.data.dataset import Dataset, Split, as_float
from tinyml.errors import InputError

SPLITS = ("train", "validation", "test")
_MEDIA = media.IMAGES + media.CLIPS
_LAYOUT = "put the files in CLASS/ or in train/CLASS/ and test/CLASS/"


@dataclass(frozen=True)
class _Sample:
    """An image uint8 (H, W, C) or a clip int16 (samples,); its file's place and SHA-256."""

    parts: tuple[str, ...]
    value: np.ndarray
    digest: str

    @property
    def label(self) -> str:
        return self.parts[-2]

    @property
    def speaker(self) -> str | None:
        return splits.speaker(self.label, self.parts[-1])


_Divided = dict[str, list[_Sample]]  # by the names of SPLITS


@dataclass
class _Found:
    """What a root holds."""

    path: Path
    samples: list[_Sample] = field(default_factory=list)
    folders: list[tuple[str, ...]] = field(default_factory=list)
    others: list[tuple[str, ...]] = field(default_factory=list)
    settings: AudioSettings | None = None
    rate: int = 0  # samples a second; 0: images
    form: str = ""  # what the first file is, in words

    def where(self, parts: Iterable[str]) -> str:
        """How errors call a file or folder."""
        return "/".join([str(self.path), *parts])


def read(path: Path, settings: Mapping[str, Any]) -> Dataset:
    """The data set in a folder or archive.

    Args:
        path: the root.
        settings: fields of `AudioSettings` that go before those of ROOT/audio.toml.

    Raises:
        InputError: no such layout; files that cannot be read or are not alike; classes that are
            empty, too few or not in the training part.
    """
    with console.working(f"reading {path}"):
        found = _collect(path)
    depth = _depth(found)
    _check_folders(found, depth)
    parts = _given(found) if depth == 3 else {"train": found.samples}
    names = _class_names(found, parts)
    _divide(parts)
    for name, part in parts.items():
        _require_classes(found, name, part, names)
    chosen = replace(found.settings or AudioSettings(), **settings)
    chosen.check(path)
    if settings and not found.rate:
        raise InputError(path, "holds images, no clips", f"leave out {', '.join(settings)}")
    return Dataset(
        name=path.name.partition(".")[0] if containers.is_archive(path) else path.resolve().name,
        classes=len(names),
        **{part: _split(found, parts[part], names, chosen) for part in SPLITS},
        names=tuple(names),
        audio=chosen if found.rate else None,
        note=_note(parts),
    )


def _collect(path: Path) -> _Found:
    found = _Found(path)
    for item in containers.items(path, _is_wanted):
        if item.content is None:
            found.folders.append(item.parts)
        elif item.parts[-1] == audio.SETTINGS_FILE:
            _set_audio(found, item.parts, item.content)
        elif _is_wanted(item.parts[-1]):
            _add(found, item.parts, item.content)
        else:
            found.others.append(item.parts)
    if not found.samples:
        raise InputError(path, f"holds no class folders with {', '.join(_MEDIA)} files", _LAYOUT)
    _leave_common_folder(found)
    found.samples.sort(key=lambda sample: sample.parts)
    return found


def _set_audio(found: _Found, parts: tuple[str, ...], content: bytes) -> None:
    where = found.where(parts)
    if found.settings:
        raise InputError(where, f"a second {audio.SETTINGS_FILE}", "leave one, beside the classes")
    found.settings = audio.from_toml(content.decode("utf-8", "replace"), where)


def _is_wanted(name: str) -> bool:
    return name.lower().endswith(_MEDIA) or name == audio.SETTINGS_FILE


def _add(found: _Found, parts: tuple[str, ...], content: bytes) -> None:
    """Decode a file and check that it is like the first one."""
    where = found.where(parts)
    rate = 0
    if parts[-1].lower().endswith(media.CLIPS):
        value, rate = media.clip(content, where)
        form = f"a clip at {rate} Hz"
    else:
        value = media.image(content, where)
        form = "an image of {}x{}x{} (height x width x channels)".format(*value.shape)
    if not found.samples:
        found.rate, found.form = rate, form
    elif form != found.form:
        first = "/".join(found.samples[0].parts)
        raise InputError(where, f"is {form}, but {first} is {found.form}", "make all files alike")
    found.samples.append(_Sample(parts, value, hashlib.sha256(content).hexdigest()))


def _leave_common_folder(found: _Found) -> None:
    """Take away a folder that everything lies in, as archives often have it."""
    tops = {sample.parts[0] for sample in found.samples}
    if len(tops) == 1 and not tops & set(SPLITS) and all(len(s.parts) > 2 for s in found.samples):
        found.samples = [_Sample(s.parts[1:], s.value, s.digest) for s in found.samples]
        found.folders = [parts[1:] for parts in found.folders if parts[0] in tops and parts[1:]]
        found.others = [parts[1:] for parts in found.others if parts[0] in tops]
        found.path = found.path / tops.pop()


def _depth(found: _Found) -> int:
    """Parts of each file's path: 3 with a split, 2 without one."""
    usual = len(found.samples[0].parts)
    for sample in found.samples:
        depth = len(sample.parts)
        in_split = sample.parts[0] in SPLITS
        if depth != usual or depth not in (2, 3) or (depth == 3 and not in_split):
            raise InputError(
                found.where(sample.parts), "lies outside the folders of the classes", _LAYOUT
            )
    if usual == 2 and {sample.label for sample in found.samples} <= set(SPLITS):
        raise InputError(found.path, "its splits hold files without class folders", _LAYOUT)
    return usual


def _check_folders(found: _Found, depth: int) -> None:
    filled = {sample.parts[:-1] for sample in found.samples}
    for parts in found.folders:
        in_layout = len(parts) == depth - 1 and (depth == 2 or parts[0] in SPLITS)
        if in_layout and parts not in filled:
            raise InputError(
                found.where(parts),
                f"an empty class (no {', '.join(_MEDIA)} file)",
                "fill or remove it",
            )
    for parts in found.others:
        if len(parts) == depth:
            raise InputError(
                found.where(parts), f"is none of {', '.join(_MEDIA)}", "convert or remove it"
            )


def _given(found: _Found) -> _Divided:
    parts: _Divided = {}
    for sample in found.samples:
        parts.setdefault(sample.parts[0], []).append(sample)
    for needed in ("train", "test"):
        if needed not in parts:
            raise InputError(found.path, f"has no {needed}/", _LAYOUT)
    return parts


def _class_names(found: _Found, parts: _Divided) -> list[str]:
    """Names of the classes, by label: those of the training part."""
    names = {sample.label for sample in parts["train"]}
    for sample in found.samples:
        if sample.label not in names:
            where = found.where(sample.parts[:-1])
            raise InputError(where, "a class that train/ lacks", "have every class in train/")
    if len(names) < 2:
        raise InputError(found.path, f"has one class only ('{names.pop()}')", _LAYOUT)
    return sorted(names, key=int if all(name.isdecimal() for name in names) else None)


def _divide(parts: _Divided) -> None:
    """Add the parts that the data set lacks, out of its training part."""
    has_test = "test" in parts
    if not has_test:
        by_speaker = len(_speakers(parts["train"])) >= len(SPLITS)
        _hold_out(parts, "test", splits.TEST, by_speaker)
    if "validation" not in parts:
        apart = not _speakers(parts["train"]) & _speakers(parts["test"])
        by_speaker = apart and len(_speakers(parts["train"])) > 1
        rest = 1.0 if has_test else 1 - splits.TEST
        _hold_out(parts, "validation", splits.VALIDATION / rest, by_speaker)


def _hold_out(parts: _Divided, name: str, share: float, by_speaker: bool) -> None:
    whole = parts["train"]
    groups = [str(s.speaker) if by_speaker else s.digest for s in whole]
    labels = np.array([sample.label for sample in whole])
    chosen = splits.held_out(labels, groups, share, by_class=not by_speaker)
    parts["train"] = [s for s, is_held in zip(whole, chosen) if not is_held]
    parts[name] = [s for s, is_held in zip(whole, chosen) if is_held]


def _speakers(samples: list[_Sample]) -> set[str]:
    """Who speaks in the samples; nobody when one of them does not say."""
    found = {sample.speaker for sample in samples}
    return set() if None in found else {name for name in found if name is not None}


def _require_classes(found: _Found, name: str, part: list[_Sample], names: list[str]) -> None:
    """Each class must be learnt, and those parts that we make have all of them, too."""
    lacking = set(names) - {sample.label for sample in part}
    if lacking and (name == "train" or not part):
        raise InputError(
            found.path,
            f"class '{min(lacking)}' has too few different files to hold some out for {SPLITS[1:]}",
            "add files, or make train/, validation/ and test/ yourself",
        )


def _split(found: _Found, part: list[_Sample], names: list[str], how: AudioSettings) -> Split:
    numbers = {name: label for label, name in enumerate(names)}
    y = np.array([numbers[sample.label] for sample in part], np.int64)
    values = [sample.value for sample in part]
    if found.rate:
        return Split(audio.features(values, found.rate, how, found.path), y)
    return Split(as_float(np.stack(values)), y)


def _note(parts: _Divided) -> str:
    """What a reader of the test accuracy should know: whose voices, and which files, were learnt."""
    said = []
    learnt, asked = _speakers(parts["train"]), _speakers(parts["test"])
    if learnt and asked:
        said.append(
            f"{len(asked & learnt)} of the {len(asked)} speakers in the test part are in the "
            "training part"
        )
    known = {sample.digest for sample in parts["train"]}
    equal = sum(sample.digest in known for sample in parts["test"])
    if equal:
        said.append(f"{equal} files of the test part are in the training part, byte for byte")
    return "; ".join(said)
