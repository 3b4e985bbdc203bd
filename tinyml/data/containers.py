"""Files below a folder, or in a .tar, .tar.gz or .zip that is read as it is, without unpacking it."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tinyml.errors import InputError

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")

_LARGEST = (
    64 << 20
)  # bytes of one file: an image or a clip that a microcontroller sees has far less
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)
_LINK = 0o120000  # the file type in the upper half of a ZIP entry's attributes, on Unix


@dataclass(frozen=True)
class Item:
    """A file or folder: its path's parts below the root; bytes of a file, None for a folder."""

    parts: tuple[str, ...]
    content: bytes | None


Wanted = Callable[[str], bool]


def is_archive(path: Path) -> bool:
    """True when the file's name says that it is an archive of a known kind."""
    return path.name.lower().endswith(SUFFIXES)


def items(path: Path, wanted: Wanted) -> Iterator[Item]:
    """All folders and files, in the order they are stored (of a folder: sorted).

    Hidden files (.name, __MACOSX) are left out. A file whose name `wanted` refuses has no bytes.

    Raises:
        InputError: not readable; an archive with links, devices or paths that lead out of it.
    """
    source = _folder if path.is_dir() else _zip if path.suffix.lower() == ".zip" else _tar
    try:
        yield from source(path, wanted)
    except _BROKEN as error:
        raise InputError(
            path, f"not readable, or cut short ({error})", "check the file, or fetch it again"
        ) from None


def _folder(root: Path, wanted: Wanted) -> Iterator[Item]:
    below = sorted(root.iterdir())
    while below:
        path = below.pop(0)
        parts = path.relative_to(root).parts
        if _is_hidden(parts):
            continue
        if path.is_dir():
            yield Item(parts, None)
            below[:0] = sorted(path.iterdir())
            continue
        _check_size(root, "/".join(parts), path.stat().st_size)
        yield Item(parts, path.read_bytes() if wanted(path.name) else b"")


def _tar(archive: Path, wanted: Wanted) -> Iterator[Item]:
    with tarfile.open(archive) as opened:
        for member in opened:
            parts = _parts(archive, member.name)
            if not (member.isfile() or member.isdir()):
                raise _unsafe(archive, member.name, "a link or device")
            if _is_hidden(parts):
                continue
            _check_size(archive, member.name, member.size)
            stream = opened.extractfile(member) if wanted(parts[-1]) else None
            content = stream.read() if stream else b""
            yield Item(parts, None if member.isdir() else content)


def _zip(archive: Path, wanted: Wanted) -> Iterator[Item]:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            parts = _parts(archive, member.filename)
            if (member.external_attr >> 16) & 0o170000 == _LINK:
                raise _unsafe(archive, member.filename, "a link")
            if _is_hidden(parts):
                continue
            _check_size(archive, member.filename, member.file_size)
            content = opened.read(member) if wanted(parts[-1]) and not member.is_dir() else b""
            yield Item(parts, None if member.is_dir() else content)


def _parts(archive: Path, name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise _unsafe(archive, name, "a path that leads out of the archive")
    return path.parts


def _is_hidden(parts: tuple[str, ...]) -> bool:
    return not parts or any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _check_size(root: Path, name: str, size: int) -> None:
    if size > _LARGEST:
        raise InputError(
            f"{root}/{name}", f"has {size:,} bytes", f"the largest file taken has {_LARGEST:,}"
        )


def _unsafe(archive: Path, name: str, what: str) -> InputError:
    return InputError(f"{archive}/{name}", f"is {what}", "pack plain files and folders only")
