"""Puts a firmware on a board: by pyOCD, or as a command line for another program.

What is written is read back and compared: pyOCD only warns of parts that lie outside the chip's memories.
"""

from __future__ import annotations

import logging
import shlex
from pathlib import Path
from typing import Any

from tinyml import console
from tinyml.errors import CheckFailed, InputError
from tinyml.targets import Target

_INSTALL = "pip install 'tinyml-toolchain[flash]', or use another program: --print shows how"
_SUFFIXES = ("elf", "bin", "hex")
_FORMATS = {"bin": "binary", "hex": "ihex"}  # objcopy's names


def commands(target: Target, elf: Path) -> dict[str, list[str]]:
    """The command lines that put a firmware on a board, by the program's name, pyOCD first.

    Args:
        target: the board.
        elf: the firmware.
    """
    found = {}
    if target.probe is not None:
        pack = [f"pyocd pack install {target.probe.pyocd}"] if target.probe.pack else []
        load = ["pyocd", "load", "--target", target.probe.pyocd, str(elf)]
        found["pyocd"] = [*pack, shlex.join(load)]
    for tool, words in target.tools.items():
        files = {suffix: str(elf.with_suffix(f".{suffix}")) for suffix in _SUFFIXES}
        line = shlex.join([word.format(port="PORT", **files) for word in words])
        found[tool] = [*_conversions(words, elf), line]
    return found


def _conversions(words: tuple[str, ...], elf: Path) -> list[str]:
    """What makes the file that a program takes, when it does not take ELF."""
    return [
        shlex.join(
            ["arm-none-eabi-objcopy", "-O", name, str(elf), str(elf.with_suffix(f".{suffix}"))]
        )
        for suffix, name in _FORMATS.items()
        if any(f"{{{suffix}}}" in word for word in words)
    ]


def with_pyocd(target: Target, elf: Path, probe_id: str | None) -> str:
    """Program a board over its debug probe, compare what is there, and start it.

    Args:
        target: the board.
        elf: the firmware.
        probe_id: of the probe, or a part of it; None when there is only one.

    Returns:
        What the probe calls itself.

    Raises:
        InputError: no pyOCD, no probe or several, or a chip that pyOCD does not know.
        CheckFailed: the probe does not reach the chip, or the chip does not hold the firmware afterwards.
    """
    if target.probe is None:
        tools = ", ".join(target.tools)
        remedy = f"use {tools}: --print shows how" if tools else "tinyml validate runs it"
        raise InputError(target.board, "is not flashed by a debug probe", remedy)
    try:
        from pyocd.core import exceptions
    except ImportError:
        raise InputError("pyOCD", "is not installed", _INSTALL) from None
    logging.getLogger("pyocd").setLevel(logging.CRITICAL)  # what matters comes as an exception
    probe = _only_probe(probe_id)
    try:
        _program(probe, target.probe.pyocd, elf)
    except exceptions.TargetSupportError:
        name = target.probe.pyocd
        raise InputError(
            "pyOCD", f"does not know the chip {name}", f"run: pyocd pack install {name}"
        ) from None
    except exceptions.Error as error:
        raise CheckFailed(
            f"{target.board}: {probe.description} could not flash it: {_said(error)}; "
            "is the board powered, and its firmware not in deep sleep?"
        ) from None
    return str(probe.description)


def _said(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__


def _only_probe(probe_id: str | None) -> Any:
    """The debug probe that the user means."""
    from pyocd.core import exceptions
    from pyocd.core.helpers import ConnectHelper

    try:
        probes = ConnectHelper.get_all_connected_probes(blocking=False, unique_id=probe_id)
    except exceptions.Error as error:
        raise InputError("pyOCD", f"cannot list the probes: {error}", "see 'pyocd list'") from None
    wanted = "pyOCD" if probe_id is None else f"--probe {probe_id}"
    if not probes:
        raise InputError(
            wanted,
            "finds no debug probe",
            "plug the board in; on Linux you may need pyOCD's udev rules; 'pyocd list' shows what is there",
        )
    if len(probes) > 1:
        found = ", ".join(f"{probe.unique_id} ({probe.description})" for probe in probes)
        raise InputError(
            wanted, f"finds {len(probes)} debug probes: {found}", "name one: --probe ID"
        )
    return probes[0]


def _program(probe: Any, chip: str, elf: Path) -> None:
    from pyocd.core.session import Session
    from pyocd.flash.file_programmer import FileProgrammer

    with Session(probe, target_override=chip, hide_programming_progress=True) as session:
        with console.working(f"flashing {elf.name}"):
            FileProgrammer(session, progress=lambda done: None).program(str(elf), file_format="elf")
        for address, data in _image(elf):
            found = session.target.read_memory_block8(address, len(data))
            if bytes(found) != data:
                raise CheckFailed(
                    f"the chip does not hold the firmware at 0x{address:08x} after flashing"
                )
        session.target.reset()


def _image(elf: Path) -> list[tuple[int, bytes]]:
    """Address and bytes of what the firmware has in flash."""
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as stream:
        segments = [s for s in ELFFile(stream).iter_segments() if s["p_filesz"]]
        return [(s["p_paddr"], s.data()) for s in segments if s["p_type"] == "PT_LOAD"]
