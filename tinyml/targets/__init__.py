"""Cores and boards as data: one TOML file each, found by looking into this folder."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyml.errors import InputError

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Memory:
    """A memory region; bytes."""

    origin: int
    bytes: int


@dataclass(frozen=True)
class Peripheral:
    """A driver's name (a file in firmware_templates/firmware) and the base address."""

    driver: str
    base: int


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
    """A board with its core."""

    processor: Core
    board: str
    summary: str
    flash: Memory
    ram: Memory
    stack_bytes: int
    uart: Peripheral
    counter: Peripheral
    qemu: Qemu | None

    @property
    def core(self) -> str:
        """The core's name."""
        return self.processor.name

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
    """The target of a core's name (its usual board) or a board's.

    Raises:
        InputError: no such core or board.
    """
    known_cores, known_boards = cores(), boards()
    board = known_cores[name]["board"] if name in known_cores else name
    if board not in known_boards:
        names = ", ".join((*known_cores, *known_boards))
        raise InputError(f"--target {name}", "unknown target", f"known targets are {names}")
    table = known_boards[board]
    core = name if name in known_cores else table["core"]
    return _target(board, table, _core(core, known_cores[core]))


def _target(board: str, table: dict[str, Any], processor: Core) -> Target:
    return Target(
        processor=processor,
        board=board,
        summary=table["summary"],
        flash=Memory(table["flash"]["origin"], table["flash"]["bytes"]),
        ram=Memory(table["ram"]["origin"], table["ram"]["bytes"]),
        stack_bytes=table["ram"]["stack_bytes"],
        uart=Peripheral(**table["uart"]),
        counter=Peripheral(**table["counter"]),
        qemu=Qemu(**table["qemu"]) if "qemu" in table else None,
    )


def _core(name: str, table: dict[str, Any]) -> Core:
    return Core(name, tuple(table["flags"]), frozenset(table["extensions"]))


def _tables(kind: str) -> dict[str, dict[str, Any]]:
    return {path.stem: _parse(path) for path in sorted((_FOLDER / kind).glob("*.toml"))}


def _parse(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(path.read_text(encoding="utf-8"))
