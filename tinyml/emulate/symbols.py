"""Names for addresses of a firmware, and what each takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyml.emulate.protocol import DeviceFault

_KINDS = {"STT_FUNC": "code", "STT_OBJECT": "constant"}
_SHF_WRITE, _SHF_ALLOC = 1, 2  # flags of a section


@dataclass(frozen=True)
class Symbol:
    """A function or an array.

    Attributes:
        name: as the linker knows it.
        kind: code or constant.
        bytes: that it takes.
    """

    name: str
    kind: str
    bytes: int


def in_flash(elf: Path) -> list[Symbol]:
    """Every function and constant of a firmware, the largest first; what the linker fills in is in none."""
    found: dict[int, Symbol] = {}  # by address: other names of the same function take nothing
    with _opened(elf) as (file, symbols):
        flash = {
            number
            for number, section in enumerate(file.iter_sections())
            if section["sh_flags"] & _SHF_ALLOC and not section["sh_flags"] & _SHF_WRITE
        }
        for symbol in symbols:
            kind, size = _KINDS.get(symbol["st_info"]["type"]), int(symbol["st_size"])
            if kind and size and symbol["st_shndx"] in flash:
                found.setdefault(symbol["st_value"], Symbol(symbol.name, kind, size))
    return sorted(found.values(), key=lambda symbol: (-symbol.bytes, symbol.name))


def nearest(elf: Path, address: int) -> str:
    """The function that an address is in, and how far: "model_invoke+0x1c"; "" when it is in none."""
    with _opened(elf) as (_, symbols):
        for symbol in symbols:
            begin = int(symbol["st_value"]) & ~1  # Thumb functions have odd values
            inside = begin <= address & ~1 < begin + int(symbol["st_size"])
            if symbol["st_info"]["type"] == "STT_FUNC" and inside:
                return f"{symbol.name}+0x{(address & ~1) - begin:x}"
    return ""


@contextmanager
def _opened(elf: Path) -> Iterator[tuple[Any, Iterator[Any]]]:
    """The file and its symbols; none in a stripped file."""
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    with elf.open("rb") as stream:
        file = ELFFile(stream)
        table = file.get_section_by_name(".symtab")
        yield file, table.iter_symbols() if isinstance(table, SymbolTableSection) else iter(())


def located(fault: DeviceFault, elf: Path) -> DeviceFault:
    """The fault, with the functions that its pc and lr point to."""
    places = [nearest(elf, fault.registers.get(name, 0)) for name in ("pc", "lr")]
    return DeviceFault(fault.registers, *places)
