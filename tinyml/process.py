"""Child processes that never outlive us, not even after kill -9, and the tools they run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from tinyml.errors import InputError

_PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "cc": "gcc libc6-dev",
    "make": "make",
    "qemu-system-arm": "qemu-system-arm",
}

# Runs between fork and the program, in a Python of its own: a preexec_fn in our process could
# deadlock on a lock that one of TensorFlow's threads held when we forked. 1 is PR_SET_PDEATHSIG,
# 9 SIGKILL; both survive execv. The parent may have died before prctl, hence the check after it.
_GUARD = """
import ctypes, os, sys
parent, program = int(sys.argv[1]), sys.argv[2:]
if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(1, 9, 0, 0, 0) != 0:
    sys.exit("prctl: " + os.strerror(ctypes.get_errno()))
if os.getppid() != parent:
    sys.exit("parent is gone")
os.execvp(program[0], program)
"""


def guarded(command: Sequence[str]) -> list[str]:
    """The command, made such that the kernel kills it when the thread that starts it ends (Linux)."""
    return [sys.executable, "-I", "-S", "-c", _GUARD, str(os.getpid()), *command]


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A guarded child process, killed when the block is left in any way."""
    child = subprocess.Popen(guarded(command), **options)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):  # what was not yet written is of no use any more
                    stream.close()


def need(tool: str) -> str:
    """The path of a tool.

    Raises:
        InputError: it is not installed.
    """
    found = shutil.which(tool)
    if found is None:
        raise InputError(
            tool,
            "not found on PATH",
            f"install it: apt-get install {_PACKAGES[tool]} (tinyml doctor)",
        )
    return found
