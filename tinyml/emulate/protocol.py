"""The host's end of the frames that a firmware speaks (firmware_templates/firmware/protocol.h).

The device is never trusted: a frame that is cut off, repeated, corrupt or of the wrong kind is an error.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Protocol

from tinyml.errors import CheckFailed

MARK = b"TM"
_HEAD = struct.Struct("<BBI")  # type, sequence, length
_MAX_PAYLOAD = 1 << 24
_ERRORS = {1: "a checksum was wrong", 2: "the input has the wrong length", 3: "unknown frame type"}


class Link(Protocol):
    """A byte stream to a device."""

    def send(self, data: bytes) -> None:
        """Write all of `data`."""

    def receive(self, count: int) -> bytes:
        """Exactly `count` bytes; CheckFailed when they do not come."""


class DeviceFault(CheckFailed):
    """The firmware faulted."""

    def __init__(self, pc: int, lr: int, status: int) -> None:
        super().__init__(f"the firmware faulted: pc 0x{pc:08x}, lr 0x{lr:08x}, CFSR 0x{status:08x}")
        self.pc, self.lr, self.status = pc, lr, status


@dataclass(frozen=True)
class Inference:
    """What the device answered: raw output bytes, counter ticks of the invoke, most stack so far."""

    output: bytes
    ticks: int
    stack_bytes: int


class Session:
    """Requests and answers over a link, numbered so that a stale answer is noticed."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._sequence = 0

    def query(self) -> tuple[int, int]:
        """(input bytes, output bytes) of the model on the device."""
        payload = self._ask(b"Q", b"")
        if len(payload) != 8:
            raise CheckFailed(f"the device answered {len(payload)} bytes to a query, expected 8")
        inputs, outputs = struct.unpack("<II", payload)
        return inputs, outputs

    def infer(self, data: bytes, output_bytes: int) -> Inference:
        """Run one inference on `data`, of which `output_bytes` are expected back."""
        payload = self._ask(b"I", data)
        if len(payload) != 8 + output_bytes:
            raise CheckFailed(
                f"the device answered {len(payload)} bytes to an inference, expected {8 + output_bytes}"
            )
        ticks, stack = struct.unpack_from("<II", payload)
        return Inference(payload[8:], ticks, stack)

    def _ask(self, kind: bytes, payload: bytes) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFF
        self._link.send(encode(kind, self._sequence, payload))
        found, sequence, answer = decode(self._link)
        if found == b"f" and len(answer) == 12:
            raise DeviceFault(*struct.unpack("<III", answer))
        if found == b"e":
            reason = _ERRORS.get(answer[0] if answer else 0, "unknown error")
            raise CheckFailed(f"the device refused the request: {reason}")
        if found != kind.lower():
            raise CheckFailed(f"the device answered with a frame of type {found!r}")
        if sequence != self._sequence:
            raise CheckFailed(f"the device answered request {sequence}, asked was {self._sequence}")
        return answer


def encode(kind: bytes, sequence: int, payload: bytes) -> bytes:
    """One frame."""
    body = _HEAD.pack(kind[0], sequence, len(payload)) + payload
    return MARK + body + struct.pack("<I", zlib.crc32(body))


def decode(link: Link) -> tuple[bytes, int, bytes]:
    """(type, sequence, payload) of the next frame.

    Raises:
        CheckFailed: the frame is cut off, does not begin with the mark, or its checksum is wrong.
    """
    mark = link.receive(2)
    if mark != MARK:
        raise CheckFailed(f"the device sent {mark!r} where a frame should begin")
    head = link.receive(_HEAD.size)
    kind, sequence, length = _HEAD.unpack(head)
    if length > _MAX_PAYLOAD:
        raise CheckFailed(f"the device announced a frame of {length:,} bytes")
    payload = link.receive(length)
    (checksum,) = struct.unpack("<I", link.receive(4))
    if checksum != zlib.crc32(head + payload):
        raise CheckFailed("the device sent a frame with a wrong checksum")
    return bytes([kind]), sequence, payload
