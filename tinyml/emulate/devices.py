"""A firmware that runs somewhere and answers: on an emulator, or on a board."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from tinyml.codegen.project import MODEL, model_id, target_of
from tinyml.emulate import build, ports, qemu, renode, serial_port, symbols
from tinyml.emulate.protocol import DeviceFault, Hello, Session
from tinyml.emulate.serial_port import SerialPort
from tinyml.errors import CheckFailed

TRACED = (
    "-D{}_TRACE"  # compiled with it, for a prefix in upper case, a firmware can send its layers
)

Place = Union[str, SerialPort]  # "qemu", "renode" or a board's port


@dataclass(frozen=True)
class Device:
    """A firmware to talk to, and the file it was built as; None when that is not known."""

    session: Session
    elf: Path | None


def name(place: Place) -> str:
    """What a place is called in results."""
    return place if isinstance(place, str) else "serial"


def usual() -> str:
    """The emulator to take when none is named: Renode when it is there, else QEMU."""
    return "renode" if renode.find() else "qemu"


@contextmanager
def started(
    project: Path, place: Place, timeout: float, scratch: Path, extra: str = ""
) -> Iterator[Device]:
    """A project's firmware, running; built for an emulator, or as it is on a board.

    Nothing is left running when the block is left.

    Args:
        project: an exported project.
        place: where it runs.
        timeout: seconds for any one answer.
        scratch: an empty directory.
        extra: compiler options besides the Makefile's; not for a board.

    Raises:
        InputError: a tool is missing, the emulator does not know the board, or the port cannot be opened.
        CheckFailed: the firmware does not compile, is another one than the project's, faults (with the names
            of functions), does not answer, or says what was not asked.
    """
    opened: AbstractContextManager[Session]
    if isinstance(place, SerialPort):
        flashed = project / "build/firmware.elf"
        elf, opened = flashed if flashed.is_file() else None, serial_port.session(place, timeout)
    else:
        if place == "qemu":
            build.need("qemu-system-arm")
        elf = build.build(project, "firmware", scratch, extra)
        opened = _emulated(project, place, elf, timeout, scratch)
    try:
        with opened as session:
            hello = session.query()
            _check_model(project, hello)
            yield Device(session, elf)
            if session.query() != hello:  # also an answer more than was asked for would show here
                raise CheckFailed("the device holds another model than before")
    except DeviceFault as fault:
        raise fault if elf is None else symbols.located(fault, elf) from None


def _emulated(
    project: Path, emulator: str, elf: Path, timeout: float, scratch: Path
) -> AbstractContextManager[Session]:
    target = target_of(project)
    if emulator == "renode":
        return renode.session(project, elf, target, timeout, scratch)
    return qemu.session(elf, target, timeout)


def _check_model(project: Path, hello: Hello) -> None:
    expected = Hello(*ports.of_project(project).sizes, model_id(project / MODEL))
    if hello != expected:
        raise CheckFailed(
            f"{project}: the firmware holds another model than the project (SHA-256 {hello.model.hex()}..., "
            f"in the project {expected.model.hex()}...)"
        )
