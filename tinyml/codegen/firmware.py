"""The part of a project that belongs to its board: start-up, drivers, linker script, the two programs."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from tinyml import resources
from tinyml.codegen import demo
from tinyml.codegen.program import Program
from tinyml.errors import InputError
from tinyml.targets import Target

BOARD_FILE = "board.toml"
_RENDERED = ("main.c", "demo.c", "board.h", "link.ld")
_COPIED = (
    "startup.c",
    "startup.h",
    "protocol.c",
    "protocol.h",
    "uart.h",
    "counter.h",
    "toolchain.cmake",
)


def write(directory: Path, context: dict[str, Any], program: Program, target: Target) -> None:
    """Write the board's file and the folder `firmware`, which this machine has none of, into a project.

    Args:
        directory: the project.
        context: the values of its templates.
        program: the compiled model.
        target: the board.

    Raises:
        InputError: there is no such driver.
    """
    shutil.copyfile(target.file, directory / BOARD_FILE)
    if target.hosted:
        return
    folder = directory / "firmware"
    folder.mkdir()
    rendered = {f"firmware/{name}.j2": name for name in _RENDERED}
    if target.setup:
        rendered["firmware/board.c.j2"] = "board.c"
    resources.render(rendered, {**context, "demo": demo.of(program)}, folder)
    for name in _COPIED:
        shutil.copyfile(_templates() / name, folder / name)
    for kind, driver in (("uart", target.uart.driver), ("counter", target.counter.driver)):
        shutil.copyfile(_driver(target, f"{kind}_{driver}.c"), folder / f"{kind}.c")
    if target.boot:
        shutil.copyfile(_driver(target, target.boot), folder / "boot.S")


def sources(target: Target) -> list[str]:
    """The files that both programs need besides the model."""
    names = ["startup.c", "uart.c", "counter.c"]
    names += ["board.c"] if target.setup else []
    names += ["boot.S"] if target.boot else []
    return [f"firmware/{name}" for name in names]


@dataclass(frozen=True)
class FlashTool:
    """How a Makefile calls a program that flashes: the command, and the suffix of the file that it takes."""

    command: str
    suffix: str


def flash_tools(target: Target) -> dict[str, FlashTool]:
    """The board's programs, for a Makefile."""
    return {name: _tool(words) for name, words in target.tools.items()}


def _tool(words: tuple[str, ...]) -> FlashTool:
    named = {field for word in words for _, field, _, _ in Formatter().parse(word)}
    (kind,) = named & {"elf", "bin", "hex"}
    stand_ins = {"elf": "$<", "bin": "$<", "hex": "$<", "port": "$(PORT)"}
    quoted = [shlex.quote(word.format(**stand_ins)) for word in words]  # make expands within quotes
    return FlashTool(" ".join(quoted), f".{kind}")


def _driver(target: Target, name: str) -> Path:
    """A file of the board's own, beside its TOML, or one of ours."""
    own = target.file.parent / name
    if own.is_file():
        return own
    ours = _templates() / name
    if not ours.is_file():
        raise InputError(target.file, f"needs {name}", "put it beside the board's file")
    return ours


def _templates() -> Path:
    return resources.folder("firmware_templates") / "firmware"
