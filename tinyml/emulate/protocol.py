"""The host's end of the frames that a firmware speaks (firmware_templates/firmware/protocol.h).

The device is never trusted: a frame that is cut off, repeated, out of order, corrupt or of the wrong kind is
an error, never a result.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tinyml.errors import CheckFailed

MARK = b"TM"
_HEAD = struct.Struct("<BBI")  # type, sequence, length
_ERRORS = {
    1: "a checksum was wrong",
    2: "the input has the wrong length",
    3: "unknown frame type (layers come from a firmware built with make EXTRA=-DPREFIX_TRACE)",
}
_STATUS = ("CFSR", "HFSR", "DFSR", "MMFAR", "BFAR")
_STACKED = ("r0", "r1", "r2", "r3", "r12", "lr", "pc", "xpsr")
# What a fault's frame holds, by its length: Armv6-M has no status, a stack that overflowed nothing on it
_FAULTS = {
    4 * len(names): names
    for names in (
        ("sp", *status, *stacked) for status in ((), _STATUS) for stacked in ((), _STACKED)
    )
}
# Bits of the Configurable Fault Status Register (Armv7-M reference manual, B3.2.15)
_CAUSES = {
    0: "code where none may be executed",
    1: "access to protected memory",
    8: "code where there is no memory",
    9: "access where there is no memory",
    10: "access where there is no memory, some instructions before",
    4: "the stack overflowed",
    12: "the stack overflowed",
    16: "undefined instruction",
    17: "jump to code that is not Thumb",
    18: "wrong return from an exception",
    19: "instruction of a coprocessor or FPU that is off or missing",
    20: "the stack overflowed",
    24: "unaligned access",
    25: "division by zero",
}


class Link(Protocol):
    """A byte stream to a device."""

    def send(self, data: bytes) -> None:
        """Write all of `data`."""

    def receive(self, count: int, timeout: float | None = None) -> bytes:
        """Exactly `count` bytes; `NoAnswer` when they do not come in `timeout` seconds (None: the link's)."""


class NoAnswer(CheckFailed):
    """The device did not send in time what it should."""


class DeviceFault(CheckFailed):
    """The firmware faulted.

    Attributes:
        registers: sp at the fault; r0-r3, r12, lr, pc and xpsr, unless the stack overflowed; CFSR, HFSR,
            DFSR, MMFAR and BFAR on cores that have them.
    """

    def __init__(self, registers: dict[str, int], place: str = "", caller: str = "") -> None:
        """`place` and `caller` name where pc and lr point, when known."""
        self.registers = registers
        pc = registers.get("pc")
        where = f" in {place}" if place else "" if pc is None else f" at 0x{pc:08x}"
        called = f", called from {caller}" if caller else ""
        shown = " ".join(f"{name} 0x{value:08x}" for name, value in registers.items())
        super().__init__(f"the firmware faulted{where}{called}: {self.cause}; {shown}")

    @property
    def cause(self) -> str:
        """What the fault status says, in words."""
        if "pc" not in self.registers:
            return "the stack overflowed"
        status = self.registers.get("CFSR", 0)
        found = [text for bit, text in _CAUSES.items() if status >> bit & 1]
        return " and ".join(dict.fromkeys(found)) or "the core does not say why"


@dataclass(frozen=True)
class Hello:
    """Which model a device serves: bytes of all inputs and outputs, and `codegen.project.model_id`."""

    input_bytes: int
    output_bytes: int
    model: bytes


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

    def query(self) -> Hello:
        """Which model is on the device."""
        self._request(b"Q", b"")
        return _hello(self._answer(b"q", 16))

    def wait_until_ready(self, seconds: float, every: float = 1.0) -> Hello:
        """`query` for a device that may still be starting, or has sent other things before.

        Args:
            seconds: when to give up.
            every: when to ask again.

        Raises:
            CheckFailed: nothing, or nothing intelligible, answers.
        """
        deadline, seen = time.monotonic() + seconds, b""
        while time.monotonic() < deadline:
            self._request(b"Q", b"")
            until = min(time.monotonic() + every, deadline)
            seen = self._skim(seen, until)
            answer = _find(seen, self._sequence)
            if answer is not None:
                return _hello(answer)
        if seen:
            raise CheckFailed(
                f"what answers is no firmware of tinyml, or not at this speed: it sent {seen[:16]!r}"
            )
        raise NoAnswer(f"nothing answered within {seconds:g} seconds")

    def infer(self, data: bytes, output_bytes: int) -> Inference:
        """Run one inference on `data`, of which `output_bytes` are expected back."""
        self._request(b"I", data)
        return self._inference(output_bytes)

    def layers(
        self, data: bytes, output_bytes: int, sizes: Sequence[tuple[int, int]]
    ) -> list[bytes]:
        """What every layer computes in one inference; the firmware is compiled to send it.

        Args:
            data: all inputs.
            output_bytes: of all outputs.
            sizes: number and bytes of each layer, in the order of execution.
        """
        self._request(b"L", data)
        found = []
        for expected, nbytes in sizes:
            payload = self._answer(b"l", 4 + nbytes)
            (number,) = struct.unpack_from("<I", payload)
            if number != expected:
                raise CheckFailed(f"the device sent layer {number} where {expected} comes")
            found.append(payload[4:])
        self._inference(output_bytes)
        return found

    def _inference(self, output_bytes: int) -> Inference:
        payload = self._answer(b"i", 8 + output_bytes)
        ticks, stack = struct.unpack_from("<II", payload)
        return Inference(payload[8:], ticks, stack)

    def _request(self, kind: bytes, payload: bytes) -> None:
        self._sequence = (self._sequence + 1) & 0xFF
        self._link.send(encode(kind, self._sequence, payload))

    def _answer(self, kind: bytes, length: int) -> bytes:
        """The payload of the next frame, which must be this one."""
        found, sequence, answer = decode(self._link, max(length, *_FAULTS))
        if found == b"f" and len(answer) in _FAULTS:
            raise _fault(answer)
        if found == b"e":
            reason = _ERRORS.get(answer[0] if answer else 0, "unknown error")
            raise CheckFailed(f"the device refused the request: {reason}")
        if found != kind:
            raise CheckFailed(f"the device answered with a frame of type {found!r}")
        if sequence != self._sequence:
            raise CheckFailed(f"the device answered request {sequence}, asked was {self._sequence}")
        if len(answer) != length:
            raise CheckFailed(f"the device answered {len(answer)} bytes, expected {length}")
        return answer

    def _skim(self, seen: bytes, until: float) -> bytes:
        """`seen`, and what comes until the answer is among it or time is up."""
        while _find(seen, self._sequence) is None:
            try:
                seen += self._link.receive(1, max(0.0, until - time.monotonic()))
            except NoAnswer:
                break
        return seen


def encode(kind: bytes, sequence: int, payload: bytes) -> bytes:
    """One frame."""
    body = _HEAD.pack(kind[0], sequence, len(payload)) + payload
    return MARK + body + struct.pack("<I", zlib.crc32(body))


def decode(link: Link, most: int) -> tuple[bytes, int, bytes]:
    """(type, sequence, payload) of the next frame, whose payload has at most `most` bytes.

    Raises:
        CheckFailed: the frame is cut off or too long, does not begin with the mark, or has a wrong checksum.
    """
    mark = link.receive(2)
    if mark != MARK:
        raise CheckFailed(f"the device sent {mark!r} where a frame should begin")
    head = link.receive(_HEAD.size)
    kind, sequence, length = _HEAD.unpack(head)
    if length > most:
        raise CheckFailed(
            f"the device announced a frame of {length:,} bytes, expected at most {most:,}"
        )
    payload = link.receive(length)
    (checksum,) = struct.unpack("<I", link.receive(4))
    if checksum != zlib.crc32(head + payload):
        raise CheckFailed("the device sent a frame with a wrong checksum")
    return bytes([kind]), sequence, payload


def _find(seen: bytes, sequence: int) -> bytes | None:
    """The payload of the query's answer with this number, at the end of `seen`."""
    size = len(encode(b"q", 0, bytes(16)))
    payload = seen[-size:][8:24]
    return (
        payload if seen.endswith(encode(b"q", sequence, payload)) and len(payload) == 16 else None
    )


def _hello(payload: bytes) -> Hello:
    inputs, outputs, model = struct.unpack("<II8s", payload)
    return Hello(inputs, outputs, model)


def _fault(payload: bytes) -> DeviceFault:
    words = struct.unpack(f"<{len(payload) // 4}I", payload)
    return DeviceFault(dict(zip(_FAULTS[len(payload)], words)))
