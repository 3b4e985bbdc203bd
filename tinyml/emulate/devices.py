"""A firmware that runs somewhere and answers: on an emulator, or on a board."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tinyml.codegen.project import MODEL, model_id, target_of
from tinyml.emulate import build, ports, qemu, symbols
from tinyml.emulate.protocol import DeviceFault, Hello, Session
from tinyml.errors import CheckFailed

TRACED = (
    "-D{}_TRACE"  # compiled with it, for a prefix in upper case, a firmware can send its layers
)


@dataclass(frozen=True)
class Device:
    """A firmware to talk to, and the file it was built as."""

    session: Session
    elf: Path


@contextmanager
def started(
    project: Path, emulator: str, timeout: float, scratch: Path, extra: str = ""
) -> Iterator[Device]:
    """Build a project's firmware and run it; nothing is left running when the block is left.

    Args:
        project: an exported project.
        emulator: "qemu".
        timeout: seconds for any one answer.
        scratch: an empty directory.
        extra: compiler options besides the Makefile's.

    Raises:
        InputError: a tool is missing, or the emulator does not know the board.
        CheckFailed: the firmware does not compile, is another one than the project's, faults (with the names
            of functions), does not answer, or says what was not asked.
    """
    target = target_of(project)
    build.need("qemu-system-arm")
    elf = build.build(project, "firmware", scratch, extra)
    try:
        with qemu.session(elf, target, timeout) as session:
            hello = session.query()
            _check_model(project, hello)
            yield Device(session, elf)
            if session.query() != hello:  # also an answer more than was asked for would show here
                raise CheckFailed("the device holds another model than before")
    except DeviceFault as fault:
        raise symbols.located(fault, elf) from None


def _check_model(project: Path, hello: Hello) -> None:
    expected = Hello(*ports.of_project(project).sizes, model_id(project / MODEL))
    if hello != expected:
        raise CheckFailed(
            f"{project}: the firmware holds another model than the project (SHA-256 {hello.model.hex()}..., "
            f"in the project {expected.model.hex()}...)"
        )
