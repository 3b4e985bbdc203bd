"""Cores and boards as data: one TOML file each, in this folder or the user's own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinyml.errors import InputError

HOST = "host"  # the target for this machine
_FOLDER = Path(__file__).parent
_HELP = "docs/adding-a-target.md lists what a board's file holds"


@dataclass(frozen=True)
class Memory:
    """A memory region; bytes."""

    origin: int
    bytes: int


@dataclass(frozen=True)
class Peripheral:
    """A driver's name (a file in firmware_templates/firmware), the base address, the driver's settings."""

    driver: str
    base: int
    settings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """What is done to a register before the UART works: one of write, wait, or clear and set.

    Attributes:
        register: its name in the data sheet.
        address: where it is.
        why: what for.
        write: the whole value.
        wait: bits to wait for, until all are set.
        clear, set: bits to change, cleared first.
    """

    register: str
    address: int
    why: str
    write: int | None = None
    wait: int | None = None
    clear: int = 0
    set: int = 0


@dataclass(frozen=True)
class Probe:
    """How pyOCD calls the chip, and the CMSIS pack that it needs for it; "" when it has built-in support."""

    pyocd: str
    pack: str = ""


@dataclass(frozen=True)
class Qemu:
    """How QEMU emulates a board."""

    machine: str
    cpu: str
    icount_shift: int
    instructions_per_tick: float


@dataclass(frozen=True)
class Core:
    """A processor core: the compiler's flags, and the extensions that kernels may rely on.

    Extensions are "dsp" (SMLAD and its kind), "mve" (Helium) and "unaligned" (words from any address).
    """

    name: str
    flags: tuple[str, ...]
    extensions: frozenset[str]


@dataclass(frozen=True)
class Target:
    """A board with its core.

    Attributes:
        processor: its core.
        board: its name.
        summary: what it is, in a line.
        flash, ram: what the linker may use.
        boot: a file in firmware_templates/firmware that flash must begin with, "" for none.
        stack_bytes: RAM that is kept for the stack.
        uart, counter: the peripherals for talking and counting.
        setup: what is done to registers before the UART works.
        probe: for pyOCD; None when it has no debug port that pyOCD can use.
        tools: other programs that flash it, with their arguments, in which {elf}, {bin}, {hex} and {port}
            stand for the firmware's file and the serial port.
        qemu: how QEMU emulates it; None when it does not.
        file: its TOML file, which drivers of its own lie beside.
    """

    processor: Core
    board: str
    summary: str
    flash: Memory
    ram: Memory
    boot: str
    stack_bytes: int
    uart: Peripheral
    counter: Peripheral
    setup: tuple[Step, ...]
    probe: Probe | None
    tools: Mapping[str, tuple[str, ...]]
    qemu: Qemu | None
    file: Path

    @property
    def core(self) -> str:
        """The core's name."""
        return self.processor.name

    @property
    def built_in(self) -> bool:
        """True when it comes with tinyml."""
        return _FOLDER in self.file.parents

    @property
    def hosted(self) -> bool:
        """True for this machine, for which no firmware is written."""
        return self.core == HOST

    @property
    def flags(self) -> tuple[str, ...]:
        """The compiler's flags."""
        return self.processor.flags


def cores() -> dict[str, dict[str, Any]]:
    """Every core's table, by name."""
    return _tables("cores")


def boards() -> dict[str, dict[str, Any]]:
    """Every board's table, by name."""
    return _tables("boards")


def find(name: str) -> Target:
    """The target of a core's name (its usual board), "host", a board's or a chip's name, or of NAME.toml.

    Raises:
        InputError: no such core or board, several boards with the chip, or a file that is no board's.
    """
    if name.endswith(".toml"):
        return of_file(Path(name))
    if name == HOST:
        return of_file(_FOLDER / f"{HOST}.toml")
    known_cores, known_boards = cores(), boards()
    board = known_cores[name]["board"] if name in known_cores else name
    if board not in known_boards:
        board = _with_chip(name, known_boards)
    core = name if name in known_cores else known_boards[board]["core"]
    return _target(_FOLDER / "boards" / f"{board}.toml", board, known_boards[board], core)


def small(name: str) -> Target | None:
    """The board with less memory that a core stands for where a model fits; None when there is none."""
    board = cores().get(name, {}).get("small_board")
    return find(board) if board else None


def of_file(path: Path, board: str | None = None) -> Target:
    """The target that a board's file describes.

    Args:
        path: of the file, as docs/adding-a-target.md says.
        board: its name; that of the file by default.

    Raises:
        InputError: the file is missing, no TOML, or lacks something.
    """
    return _target(path, board or path.stem, _parse(path), None)


def _with_chip(name: str, known: dict[str, dict[str, Any]]) -> str:
    """The one board whose chip's name begins so."""
    found = [board for board, table in known.items() if table.get("mcu", "").startswith(name)]
    if len(found) == 1 and name:
        return found[0]
    if found and name:
        raise InputError(f"--target {name}", "several boards have this chip", " or ".join(found))
    names = ", ".join((*cores(), HOST, *known))
    raise InputError(f"--target {name}", "unknown target", f"known targets are {names}")


def _target(path: Path, board: str, table: dict[str, Any], core: str | None) -> Target:
    try:
        return _read(path, board, table, core or table["core"])
    except KeyError as error:
        raise InputError(path, f"lacks {error}", _HELP) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(path, f"is not a board's: {error}", _HELP) from None


def _read(path: Path, board: str, table: dict[str, Any], core: str) -> Target:
    known = {**cores(), HOST: {"flags": (), "extensions": ()}}
    if core not in known:
        raise InputError(path, f"has the unknown core '{core}'", f"known are {', '.join(known)}")
    return Target(
        processor=_core(core, known[core]),
        board=board,
        summary=table["summary"],
        flash=Memory(int(table["flash"]["origin"]), int(table["flash"]["bytes"])),
        ram=Memory(int(table["ram"]["origin"]), int(table["ram"]["bytes"])),
        boot=table["flash"].get("boot", ""),
        stack_bytes=int(table["ram"]["stack_bytes"]),
        uart=_peripheral(table["uart"]),
        counter=_peripheral(table["counter"]),
        setup=tuple(Step(**step) for step in table.get("setup", ())),
        probe=Probe(**table["probe"]) if "probe" in table else None,
        tools={tool: tuple(words) for tool, words in table.get("tools", {}).items()},
        qemu=Qemu(**table["qemu"]) if "qemu" in table else None,
        file=path,
    )


def _peripheral(table: dict[str, Any]) -> Peripheral:
    settings = {name: int(table[name]) for name in table if name not in ("driver", "base")}
    return Peripheral(table["driver"], int(table["base"]), settings)


def _core(name: str, table: dict[str, Any]) -> Core:
    return Core(name, tuple(table["flags"]), frozenset(table["extensions"]))


def _tables(kind: str) -> dict[str, dict[str, Any]]:
    return {path.stem: _parse(path) for path in sorted((_FOLDER / kind).glob("*.toml"))}


def _parse(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"cannot be read ({error})", "name a board's .toml") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(path, f"is not TOML ({error})", _HELP) from None
