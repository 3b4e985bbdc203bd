"""The folder `renode` of a project: a platform, a script and a test for the emulator Renode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyml import resources
from tinyml.codegen.program import Program
from tinyml.errors import InputError
from tinyml.targets import Step, Target

FOLDER, PLATFORM = "renode", "platform.repl"
# UART drivers whose peripheral Renode has a model of (firmware_templates/renode/platform.repl.j2)
_UARTS = ("cmsdk", "nrf", "pl011", "stm32_v1", "stm32_v2")
# Renode's names of cores that are not ours
_CPUS = {"cortex-m0plus": "cortex-m0+", "cortex-m4": "cortex-m4f"}
_BOOT_BYTES = 256  # of a board whose flash begins with a boot loader's second stage
_INSTRUCTIONS_PER_SECOND = 100_000_000  # of virtual time, Renode's default
_INSTRUCTIONS_PER_MAC = 50  # no kernel on any core takes so many


@dataclass(frozen=True)
class Renode:
    """The templates' values.

    Attributes:
        cpu: Renode's name of the core.
        platform: what describes the board, in Renode's notation.
        uart: the UART that the firmware speaks on.
        vectors: where the vector table is.
        waits: registers whose bits the firmware waits for.
        seconds: virtual time after which the demo has surely ended.
    """

    cpu: str
    platform: str
    uart: str
    vectors: int
    waits: tuple[Step, ...]
    seconds: int


def supports(target: Target) -> bool:
    """True when Renode has a model of the board's UART."""
    return target.uart.driver in _UARTS


def of(target: Target, macs: int = 0) -> Renode:
    """How Renode runs a board's firmware; `macs` is the work of an inference."""
    return Renode(
        cpu=_CPUS.get(target.core, target.core),
        platform=f"$ORIGIN/{PLATFORM}",
        uart="sysbus.uart",
        vectors=target.flash.origin + (_BOOT_BYTES if target.boot else 0),
        waits=tuple(step for step in target.setup if step.wait is not None),
        seconds=2 + macs * _INSTRUCTIONS_PER_MAC // _INSTRUCTIONS_PER_SECOND,
    )


def write(directory: Path, context: dict[str, Any], program: Program, target: Target) -> None:
    """Write the folder into a project, unless Renode lacks the board's UART."""
    if not supports(target):
        return
    folder = directory / FOLDER
    folder.mkdir()
    files = {f"renode/{name}.j2": name for name in (PLATFORM, "demo.resc", "demo.robot")}
    resources.render(files, {**context, "renode": of(target, program.macs)}, folder)


def write_server(project: Path, target: Target, port: int, into: Path) -> Path:
    """Write the script that serves the firmware's UART on a TCP port.

    Args:
        project: an exported project.
        target: its board.
        port: of this machine.
        into: a directory with firmware.elf.

    Returns:
        The script.

    Raises:
        InputError: the project has no platform for Renode.
    """
    platform = project / FOLDER / PLATFORM
    if not supports(target) or not platform.is_file():
        raise InputError(
            project,
            f"there is no Renode platform for {target.board}, whose UART is '{target.uart.driver}'",
            "validate with --emulator qemu or host, or --serial on the board",
        )
    (into / PLATFORM).write_bytes(platform.read_bytes())
    context = {"target": target, "renode": of(target), "port": port}
    resources.render({"renode/serve.resc.j2": "serve.resc"}, context, into)
    return into / "serve.resc"
