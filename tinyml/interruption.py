"""Ctrl-C and SIGTERM: unwind, so that temporary files and child processes go.

Python raises KeyboardInterrupt wherever the main thread happens to be, and a library that swallows
every exception there swallows it as well. So we remember that someone asked to stop, and look at
places where nothing is lost by stopping.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

_asked = False


def listen() -> None:
    """Take both signals; Ctrl-C only where nobody switched it off, as a shell does for jobs behind `&`."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    sys.unraisablehook = _unraisable


def check() -> None:
    """Stop here when a signal came that never reached the end of the command."""
    if _asked:
        raise KeyboardInterrupt


def end() -> NoReturn:
    """Leave with exit code 130 at once, after all context managers have ended.

    What Python does at its end would spoil it: where a KeyboardInterrupt left the code of an exec("..."),
    as dataclasses and namedtuples run it, CPython dies by SIGINT whatever sys.exit said; and gRPC waits
    for ever for its threads when a second interrupt kept a channel from being closed.
    """
    with suppress(OSError):  # a pipe whose reader has gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(130)


def deaf() -> None:
    """The command is done: dying of a signal while Python takes its libraries down would deny that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def interrupt(number: int, frame: FrameType | None) -> None:
    """A signal's handler: what `listen` does with those two."""
    global _asked
    _asked = True
    raise KeyboardInterrupt


def _unraisable(caught: sys.UnraisableHookArgs) -> None:
    """Python prints what destructors and callbacks raise; an interrupt among them is not their failure."""
    if not issubclass(caught.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(caught)
