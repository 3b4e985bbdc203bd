"""Names for addresses of a firmware."""

from __future__ import annotations

from pathlib import Path

from tinyml.emulate.protocol import DeviceFault


def nearest(elf: Path, address: int) -> str:
    """The function that an address is in, and how far: "model_invoke+0x1c"; "" when it is in none."""
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    with elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        for symbol in table.iter_symbols() if isinstance(table, SymbolTableSection) else ():
            begin = int(symbol["st_value"]) & ~1  # Thumb functions have odd values
            inside = begin <= address & ~1 < begin + int(symbol["st_size"])
            if symbol["st_info"]["type"] == "STT_FUNC" and inside:
                return f"{symbol.name}+0x{(address & ~1) - begin:x}"
    return ""


def located(fault: DeviceFault, elf: Path) -> DeviceFault:
    """The fault, with the functions that its pc and lr point to."""
    places = [nearest(elf, fault.registers.get(name, 0)) for name in ("pc", "lr")]
    return DeviceFault(fault.registers, *places)
