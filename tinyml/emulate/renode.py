"""Runs a firmware on Renode and talks to it over the emulated UART, which a TCP port of this machine gives.

Renode ends with 0 whatever happens, and says nothing of a fault: a script's errors are read off its output,
and the firmware tells of faults itself (see `protocol`).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tinyml.codegen import renode
from tinyml.emulate.protocol import NoAnswer, Session
from tinyml.emulate.streams import StreamLink
from tinyml.errors import CheckFailed, InputError
from tinyml.process import running
from tinyml.targets import Target

ENVIRONMENT = "RENODE_PATH"
OPTIONS = ("--disable-xwt", "--console", "--plain", "--hide-log")
_START_SECONDS = 60.0
_END_SECONDS = 5.0
# How the monitor says that a line of a script failed; what follows is the reason.
_COMPLAINT = re.compile(
    r"There was an error executing command '(?P<command>[^\n]*)'\s*(?P<reason>[^\n]*)"
    r"|(?P<unknown>No such command or device: [^\n]*)"
)


def find() -> Path | None:
    """Renode's program, if it is there: what $RENODE_PATH names (it, or its folder), else `renode` on PATH.

    Raises:
        InputError: $RENODE_PATH names no program.
    """
    named = os.environ.get(ENVIRONMENT)
    if not named:
        found = shutil.which("renode")
        return Path(found) if found else None
    path = Path(named) / "renode" if Path(named).is_dir() else Path(named)
    if not shutil.which(path):
        raise InputError(
            f"${ENVIRONMENT}", f"names {named}, which is no program", "correct or unset it"
        )
    return path


def complaint(output: str) -> str:
    """What Renode's monitor said of a line that failed; "" when none did."""
    found = _COMPLAINT.search(output)
    if found is None:
        return ""
    if found["unknown"]:
        return found["unknown"].strip()
    return f"'{found['command'].strip()}' failed: {found['reason'].strip() or 'no reason given'}"


@contextmanager
def session(
    project: Path, elf: Path, target: Target, timeout: float, scratch: Path
) -> Iterator[Session]:
    """A firmware running on Renode; ended, with all that it started, when the block is left.

    Args:
        project: an exported project, whose platform is used.
        elf: the firmware.
        target: its board.
        timeout: seconds to wait for any one answer.
        scratch: a directory for the script and the monitor's output.

    Raises:
        InputError: Renode is not there, or has no platform for the board.
        CheckFailed: Renode ends or refuses the script, or the firmware does not answer in time.
    """
    program = find()
    if program is None:
        raise InputError(
            "renode", f"not found on PATH, and ${ENVIRONMENT} is not set", "install Renode"
        )
    if elf.name != "firmware.elf" or elf.parent != scratch:
        shutil.copyfile(elf, scratch / "firmware.elf")
    port = _free_port()
    script = renode.write_server(project, target, port, scratch)
    log = scratch / "renode.txt"
    with (
        log.open("wb") as output,
        running(
            [str(program), *OPTIONS, str(script)],
            stdin=subprocess.PIPE,  # the monitor ends when it can read no more
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as child,
    ):
        try:
            with _connected(port, child, log) as link:
                device = StreamLink(link.fileno(), link.fileno(), timeout, lambda: _why(log))
                yield Session(device)
        except NoAnswer as error:
            raise CheckFailed(f"Renode: {complaint(_text(log)) or error}") from None
        finally:
            _end(child)


@contextmanager
def _connected(port: int, child: subprocess.Popen[bytes], log: Path) -> Iterator[socket.socket]:
    """A connection to the UART's port, which is there once the script has come so far."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if complaint(_text(log)) or child.poll() is not None:
            raise CheckFailed(_why(log))
        try:
            link = socket.create_connection(("127.0.0.1", port), timeout=1.0)
        except OSError:
            time.sleep(0.05)
            continue
        with link:
            yield link
        return
    raise CheckFailed(f"Renode did not start within {_START_SECONDS:g} seconds")


def _why(log: Path) -> str:
    """Why Renode is of no use any more."""
    said = _text(log).strip().splitlines()
    last = f"it ended ({said[-1][:200]})" if said else "it ended and said nothing"
    return f"Renode: {complaint(_text(log)) or last}"


def _text(log: Path) -> str:
    return log.read_text("utf-8", errors="replace").replace("\r", "")


def _end(child: subprocess.Popen[bytes]) -> None:
    """End Renode, also when it is a script that has started the program proper."""
    assert child.stdin is not None
    with suppress(OSError, subprocess.TimeoutExpired):
        child.stdin.write(b"quit\n")
        child.stdin.close()
        child.wait(_END_SECONDS)
    with suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
