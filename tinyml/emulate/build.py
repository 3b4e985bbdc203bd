"""Builds an exported project with its own Makefile, and reads sizes off the firmware."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tinyml import console
from tinyml.codegen.budget import DoesNotFit
from tinyml.errors import CheckFailed, InputError
from tinyml.process import guarded, need

_NEEDED = {"firmware": ("arm-none-eabi-gcc", "make"), "host": ("cc", "make")}
_PRODUCT = {"firmware": "firmware.elf", "host": "libmodel.so"}
_TIMEOUT_SECONDS = 300
_OVERFLOW = re.compile(r"region `(\w+)' overflowed by (\d+) bytes")  # GNU ld


@dataclass(frozen=True)
class Sizes:
    """What a firmware takes, in bytes; the stack's reserve is not part of it.

    flash = vectors (with boot code before them) + code (with the kernels' small tables) + weights + initial
    values of variables; ram = variables with the arena.
    """

    flash: int
    vectors: int
    weights: int
    code: int
    ram: int


def build(project: Path, product: str, into: Path, extra: str = "") -> Path:
    """Run the project's Makefile.

    Args:
        project: an exported project.
        product: "firmware" or "host".
        into: the directory for objects and the product.
        extra: compiler options besides the Makefile's.

    Returns:
        The firmware's ELF file or the shared library.

    Raises:
        InputError: a compiler or make is missing, or the project has no firmware.
        CheckFailed: the project does not compile; DoesNotFit when a memory of the board is too small.
    """
    if product == "firmware" and not (project / "firmware").is_dir():
        raise InputError(
            project,
            "was exported for this machine and has no firmware",
            "take --emulator host, or export it for a core or board",
        )
    for tool in _NEEDED[product]:
        need(tool)
    settings = [f"BUILD={into.resolve()}", f"EXTRA={extra}"]
    command = ["make", "--silent", "-j2", "-C", str(project), product, *settings]
    try:
        with console.working(f"compiling {project.name}"):
            done = subprocess.run(
                guarded(command),
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=_TIMEOUT_SECONDS,
            )
    except subprocess.TimeoutExpired:
        raise CheckFailed(
            f"{project}: make {product} took over {_TIMEOUT_SECONDS} seconds"
        ) from None
    if done.returncode != 0:
        overflow = _OVERFLOW.search(done.stderr)
        if overflow:
            raise DoesNotFit(overflow[1], int(overflow[2]))
        errors = [line for line in done.stderr.splitlines() if "rror" in line] or [
            done.stderr.strip()
        ]
        raise CheckFailed(f"{project}: make {product} failed: {errors[0][:300]}")
    return into / _PRODUCT[product]


def sizes(elf: Path, weights: int) -> Sizes:
    """Section sizes of a firmware.

    Args:
        elf: the firmware.
        weights: bytes of constant arrays, from the project's report.

    Raises:
        CheckFailed: writable initialised data is there at all: constants belong in flash.
    """
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as stream:
        sections = {s.name: int(s["sh_size"]) for s in ELFFile(stream).iter_sections()}
    data = sections.get(".data", 0)
    if data:
        raise CheckFailed(
            f"{elf}: {data} bytes of initialised data would be copied to RAM, expected 0"
        )
    vectors = sections.get(".boot", 0) + sections.get(".vectors", 0)
    text = sections.get(".text", 0)
    tables = sections.get(".rodata", 0) - weights
    extra = sections.get(".ARM.exidx", 0)
    return Sizes(
        flash=vectors + text + tables + weights + extra,
        vectors=vectors,
        weights=weights,
        code=text + tables + extra,
        ram=sections.get(".bss", 0),
    )
