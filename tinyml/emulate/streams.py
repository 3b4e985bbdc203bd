"""Pipes and sockets as links to a device; every wait has a deadline."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable

from tinyml.emulate.protocol import NoAnswer
from tinyml.errors import CheckFailed

_CHUNK = 1 << 16


class StreamLink:
    """A link over file descriptors."""

    def __init__(
        self, reads: int, writes: int, timeout: float, ended: Callable[[], str] | None = None
    ) -> None:
        """`timeout` seconds is what any one answer may take; `ended` says why the other end is gone."""
        self._in, self._out = reads, writes
        self._timeout = timeout
        self._ended = ended or (lambda: "the connection to the device ended")
        os.set_blocking(reads, False)
        os.set_blocking(writes, False)
        self._received = b""

    def send(self, data: bytes) -> None:
        """Write all of `data`."""
        deadline = time.monotonic() + self._timeout
        while data:
            self._wait(self._out, selectors.EVENT_WRITE, deadline, self._timeout)
            try:
                data = data[os.write(self._out, data[:_CHUNK]) :]
            except OSError:
                raise CheckFailed(self._ended()) from None

    def receive(self, count: int, timeout: float | None = None) -> bytes:
        """Exactly `count` bytes."""
        seconds = self._timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        while len(self._received) < count:
            self._wait(self._in, selectors.EVENT_READ, deadline, seconds)
            try:
                got = os.read(self._in, _CHUNK)
            except OSError:
                got = b""
            if not got:
                raise CheckFailed(self._ended())
            self._received += got
        answer, self._received = self._received[:count], self._received[count:]
        return answer

    def _wait(self, descriptor: int, event: int, deadline: float, seconds: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, event)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise NoAnswer(f"the firmware did not answer within {seconds:g} seconds")
