"""Runs a firmware on QEMU and talks to it over the emulated UART.

With -icount every instruction takes the same virtual time, so the board's timer counts instructions
exactly, and the same run gives the same counts.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tinyml.emulate.build import need
from tinyml.emulate.protocol import Session
from tinyml.errors import CheckFailed, InputError
from tinyml.process import running
from tinyml.targets import Target

_CHUNK = 1 << 16


class _PipeLink:
    """QEMU's standard input and output as a link; every wait has a deadline."""

    def __init__(self, child: subprocess.Popen[bytes], timeout: float) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        self._child, self._timeout = child, timeout
        self._in, self._out = child.stdin.fileno(), child.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._received = b""

    def send(self, data: bytes) -> None:
        deadline = time.monotonic() + self._timeout
        while data:
            self._wait(self._in, selectors.EVENT_WRITE, deadline)
            try:
                data = data[os.write(self._in, data[:_CHUNK]) :]
            except BrokenPipeError:
                raise CheckFailed(self._ended()) from None

    def receive(self, count: int) -> bytes:
        deadline = time.monotonic() + self._timeout
        while len(self._received) < count:
            self._wait(self._out, selectors.EVENT_READ, deadline)
            got = os.read(self._out, _CHUNK)
            if not got:
                raise CheckFailed(self._ended())
            self._received += got
        answer, self._received = self._received[:count], self._received[count:]
        return answer

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, event)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise CheckFailed(f"the firmware did not answer within {self._timeout:g} seconds")

    def _ended(self) -> str:
        assert self._child.stderr is not None
        said = self._child.stderr.read().decode(errors="replace").strip().splitlines()
        return (
            f"QEMU ended before the firmware answered ({said[-1][:200] if said else 'no message'})"
        )


@contextmanager
def session(
    elf: Path,
    target: Target,
    timeout: float = 60.0,
    plugin: tuple[Path, Mapping[str, str]] | None = None,
) -> Iterator[Session]:
    """A firmware running on QEMU; ended when the block is left.

    Args:
        elf: the firmware.
        target: its board.
        timeout: seconds to wait for any one answer.
        plugin: a TCG plugin and its arguments.

    Raises:
        InputError: the board has no QEMU machine, or QEMU is not installed.
        CheckFailed: QEMU ends, or the firmware does not answer in time (raised inside the block).
    """
    if target.qemu is None:
        raise InputError(target.board, "QEMU has no machine for this board", "validate on the host")
    machine = target.qemu
    command = [
        need("qemu-system-arm"),
        *("-M", machine.machine, "-cpu", machine.cpu, "-icount", f"shift={machine.icount_shift}"),
        *("-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel", str(elf)),
        *(() if plugin is None else ("-plugin", _plugin_argument(*plugin))),
    ]
    pipe = subprocess.PIPE
    with running(command, stdin=pipe, stdout=pipe, stderr=pipe) as child:
        yield Session(_PipeLink(child, timeout))


def _plugin_argument(library: Path, arguments: Mapping[str, str]) -> str:
    """QEMU's notation, in which a comma within a value is doubled."""
    parts = [str(library), *(f"{name}={value}" for name, value in arguments.items())]
    return ",".join(part.replace(",", ",,") for part in parts)
