"""Keeps what C++ libraries print away from the user, and from stdout always."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tinyml import console


@contextmanager
def native_output() -> Iterator[None]:
    """Send file descriptors 1 and 2 to a scratch file while the body runs; shown on stderr with -v.

    Python's own prints of the body go the same way. Descriptors belong to the whole process: do not
    use this while another thread prints.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with tempfile.TemporaryFile() as scratch:
        try:
            os.dup2(scratch.fileno(), 1)
            os.dup2(scratch.fileno(), 2)
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for target, copy in zip((1, 2), saved):
                os.dup2(copy, target)
                os.close(copy)
            scratch.seek(0)
            text = scratch.read().decode(errors="replace").strip()
            if text:
                console.detail(text)
