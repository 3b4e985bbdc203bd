"""Runs a firmware on QEMU and talks to it over the emulated UART.

With -icount every instruction takes the same virtual time, so the board's timer counts instructions
exactly, and the same run gives the same counts.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tinyml.emulate.build import need
from tinyml.emulate.protocol import Session
from tinyml.emulate.streams import StreamLink
from tinyml.errors import InputError
from tinyml.process import running
from tinyml.targets import Target

_DUMPED = re.compile(r"\bR(\d\d)=([0-9a-f]{8})")  # QEMU's last words hold all registers


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
        raise InputError(
            target.board,
            "QEMU has no machine for this board",
            "take --emulator renode or host, or --serial on the board",
        )
    machine = target.qemu
    command = [
        need("qemu-system-arm"),
        *("-M", machine.machine, "-cpu", machine.cpu, "-icount", f"shift={machine.icount_shift}"),
        *("-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel", str(elf)),
        *(() if plugin is None else ("-plugin", _plugin_argument(*plugin))),
    ]
    pipe = subprocess.PIPE
    with running(command, stdin=pipe, stdout=pipe, stderr=pipe) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        reads, writes = child.stdout.fileno(), child.stdin.fileno()
        yield Session(StreamLink(reads, writes, timeout, lambda: _last_words(child, target)))


def _last_words(child: subprocess.Popen[bytes], target: Target) -> str:
    """Why QEMU is gone; of a core that locked up (a fault while one was handled), its registers."""
    assert child.stderr is not None
    said = child.stderr.read().decode(errors="replace").strip()
    words = said.splitlines()[0][:200] if said else "no message"
    dumped = dict(_DUMPED.findall(said))
    if "Lockup" not in words or not {"13", "15"} <= set(dumped):
        return f"QEMU ended before the firmware answered ({words})"
    sp, pc = (int(dumped[number], 16) for number in ("13", "15"))
    why = "the stack overflowed" if sp < target.ram.origin else "a fault within the fault handler"
    return f"the core locked up: {why}; sp 0x{sp:08x} pc 0x{pc:08x}"


def _plugin_argument(library: Path, arguments: Mapping[str, str]) -> str:
    """QEMU's notation, in which a comma within a value is doubled."""
    parts = [str(library), *(f"{name}={value}" for name, value in arguments.items())]
    return ",".join(part.replace(",", ",,") for part in parts)
