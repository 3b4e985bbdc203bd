"""Which files of a CMSIS-NN some code needs, read off their texts.

CMSIS-NN defines one function a file, or a few that belong together. What a function calls depends on the
core's extensions; all of it counts here, so that the same files serve the device and this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_NAME = re.compile(r"\b[A-Za-z_]\w*")
# A function or table that other files see: its definition begins at the beginning of a line.
_DEFINITION = re.compile(
    r"^(?!static\b|__STATIC|typedef\b|extern\b|#)[A-Za-z_][^;=\n(\[]*?\b(\w+)\s*(?:\(|\[\w*\]\s*=)",
    re.MULTILINE,
)
_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Files:
    """Paths relative to the CMSIS-NN folder, sorted."""

    sources: tuple[str, ...]
    headers: tuple[str, ...]


def needed(root: Path, texts: Iterable[str]) -> Files:
    """The files that define what C texts use, what these files use, and so on.

    Args:
        root: a CMSIS-NN folder.
        texts: of C files outside of it.
    """
    library = _read(root)
    found: list[str] = []
    pending = [library.defines[name] for text in texts for name in library.used(text)]
    while pending:
        path = pending.pop()
        if path not in found:
            found.append(path)
            pending += [library.defines[name] for name in library.used(library.texts[path])]
    return Files(tuple(sorted(found)), _headers(root, library, found))


@dataclass(frozen=True)
class _Library:
    """The sources without comments, and which of them defines a name."""

    texts: dict[str, str]
    defines: dict[str, str]

    def used(self, text: str) -> list[str]:
        """The library's names in a text."""
        return [name for name in _NAME.findall(_without_comments(text)) if name in self.defines]


@lru_cache(maxsize=4)
def _read(root: Path) -> _Library:
    texts: dict[str, str] = {}
    defines: dict[str, str] = {}
    for file in sorted((root / "Source").rglob("*.c")):
        path = file.relative_to(root).as_posix()
        texts[path] = _without_comments(file.read_text("utf-8", errors="replace"))
        for name in _DEFINITION.findall(texts[path]):
            defines.setdefault(name, path)
    return _Library(texts, defines)


def _without_comments(text: str) -> str:
    return _COMMENT.sub(" ", text)


def _headers(root: Path, library: _Library, sources: Iterable[str]) -> tuple[str, ...]:
    """Every header that the sources include, and those that these do."""
    found: set[Path] = set()
    pending = [(root / path, library.texts[path]) for path in sources]
    while pending:
        file, text = pending.pop()
        for name in _INCLUDE.findall(text):
            header = _located(root, file.parent, name)
            if header is not None and header not in found:
                found.add(header)
                content = header.read_text("utf-8", errors="replace")
                pending.append((header, _without_comments(content)))
    return tuple(sorted(header.relative_to(root).as_posix() for header in found))


def _located(root: Path, here: Path, name: str) -> Path | None:
    """Where an included file lies; None when it is not CMSIS-NN's but a compiler's."""
    places = (here / name, root / "Include" / name)
    return next((place for place in places if place.is_file()), None)
