"""The dreams directory: what `distill dream` writes and `distill student`, `federate`, `quantize` read.

DREAMS/
  shard-00000.npz   x: float32 (n, H, W, C) in [0, 1]; y: int64 (n,), the drawn class;
  shard-00001.npz   logits: float32 (n, classes), the teacher's answer
  ...
  recipe.json       how they were made
  dreams.png        a contact sheet, one row a class
  run.json          the run record

The arrays of a shard are not compressed, so that images can be read from it one by one.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tinyml.errors import InputError

PREFIX = "dreams:"
_LOCAL_HEADER = 30  # bytes of a .zip's local file header before the name (PKWARE APPNOTE, 4.3.7)


@dataclass(frozen=True)
class Dreams:
    """x: float32 (N, H, W, C) in [0, 1]; y: int64 (N,), drawn class; logits: float32 (N, classes)."""

    x: np.ndarray
    y: np.ndarray
    logits: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


def shard_name(index: int) -> str:
    """File name of a shard."""
    return f"shard-{index:05d}.npz"


def write_shard(directory: Path, index: int, shard: Dreams) -> None:
    """Write one shard; equal arrays give equal bytes."""
    np.savez(directory / shard_name(index), x=shard.x, y=shard.y, logits=shard.logits)


def read(directory: Path) -> Dreams:
    """All shards of a dreams directory, in order, in memory.

    Raises:
        InputError: not a dreams directory, or a shard is broken.
    """
    shards = list(read_shards(directory))
    return Dreams(*(np.concatenate([getattr(s, n) for s in shards]) for n in ("x", "y", "logits")))


def read_shards(directory: Path) -> Iterator[Dreams]:
    """The shards of a dreams directory one after the other: only one is in memory.

    Raises:
        InputError: as `read`.
    """
    shapes = set()
    for path in _shard_paths(directory):
        shard = _read_shard(path)
        shapes.add((shard.x.shape[1:], shard.logits.shape[1:]))
        if len(shapes) != 1:
            raise InputError(directory, "its shards have different shapes", "make the dreams again")
        yield shard


class Images:
    """Images of several arrays or shards as if they were one array; shards stay on disk.

    Only the images asked for are read: neither memory nor open files grow with their number.

    Args:
        parts: float32 (n, H, W, C) arrays or memory maps of one sample shape.
    """

    def __init__(self, parts: Sequence[np.ndarray | Stored]) -> None:
        self._parts = list(parts)
        self._ends = np.cumsum([len(part) for part in parts])
        self._order = np.arange(self._ends[-1])
        self.shape = (len(self._order), *parts[0].shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: np.ndarray) -> np.ndarray:
        """The images at these indices, int (M,): float32 (M, H, W, C)."""
        chosen = self._order[chosen]
        owner = np.searchsorted(self._ends, chosen, side="right")
        made = np.empty((len(chosen), *self.shape[1:]), np.float32)
        for index in np.unique(owner):
            own, part = owner == index, self._parts[index]
            made[own] = part[chosen[own] - (self._ends[index] - len(part))]
        return made

    def only(self, chosen: np.ndarray) -> Images:
        """Those at these indices, int (M,), in this order; nothing is read yet."""
        few = Images(self._parts)
        few._order = self._order[chosen]
        few.shape = (len(chosen), *self.shape[1:])
        return few


@dataclass(frozen=True)
class Stored:
    """An array inside a shard, read where it lies.

    Args:
        path: the shard.
        offset: of its first value, in bytes.
        dtype: of its values.
        shape: its own, in C order.
    """

    path: Path
    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: np.ndarray) -> np.ndarray:
        # mapped for this access only: a map that is kept holds a file open
        mapped = np.memmap(self.path, self.dtype, "r", self.offset, self.shape)
        return np.asarray(mapped[chosen])


def stored_images(directory: Path) -> list[Stored]:
    """Where the images of each shard lie, for `Images`.

    Raises:
        InputError: not a dreams directory, or a shard is broken.
    """
    found = [_find_images(path) for path in _shard_paths(directory)]
    if len({stored.shape[1:] for stored in found}) != 1:
        raise InputError(directory, "its shards have different shapes", "make the dreams again")
    return found


def _shard_paths(directory: Path) -> list[Path]:
    paths = sorted(directory.glob("shard-*.npz"))
    if not paths:
        raise InputError(
            directory, "no dreams in it (shard-*.npz)", "make them with 'tinyml distill dream'"
        )
    return paths


def _find_images(path: Path) -> Stored:
    try:
        with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            member = archive.getinfo("x.npy")
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError("compressed")
            stored = _locate(path, stream, member.header_offset)
            if (
                stored.offset + int(np.prod(stored.shape)) * stored.dtype.itemsize
                > path.stat().st_size
            ):
                raise ValueError("cut off")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _broken(path, error) from None
    if len(stored.shape) != 4 or stored.dtype != np.float32:
        raise InputError(path, "its images are not float32 (n, H, W, C)", "make the dreams again")
    return stored


def _locate(path: Path, stream: BinaryIO, header: int) -> Stored:
    """The array of an uncompressed member whose local header is at `header`."""
    stream.seek(header)
    fixed = stream.read(_LOCAL_HEADER)
    lengths = np.frombuffer(fixed, "<u2", 2, offset=26)  # of the name and of the extra field
    stream.seek(header + _LOCAL_HEADER + int(lengths.sum()))
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("its array has an unknown version")
    shape, in_fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    if in_fortran_order:
        raise ValueError("its array is in Fortran order")
    return Stored(path, stream.tell(), dtype, shape)


def _read_shard(path: Path) -> Dreams:
    try:
        # opened here, because numpy leaves a broken file open
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            shard = Dreams(stored["x"], stored["y"], stored["logits"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _broken(path, error) from None
    count = len(shard.x) if shard.x.ndim == 4 else -1
    if shard.y.shape != (count,) or shard.logits.ndim != 2 or len(shard.logits) != count:
        raise InputError(path, "its arrays do not fit together", "make the dreams again")
    return shard


def _broken(path: Path, error: Exception) -> InputError:
    return InputError(path, f"not a readable shard of dreams ({error})", "make it again")
