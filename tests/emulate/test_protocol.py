"""The device is never trusted: every broken answer is an error, not a result."""

from __future__ import annotations

import struct

import pytest

from tinyml.emulate.protocol import DeviceFault, Session, encode
from tinyml.errors import CheckFailed


class Wire:
    """A link whose far end answers with prepared bytes."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.sent = answer, b""

    def send(self, data: bytes) -> None:
        self.sent += data

    def receive(self, count: int) -> bytes:
        if len(self.answer) < count:
            raise CheckFailed("the firmware did not answer within 1 seconds")
        got, self.answer = self.answer[:count], self.answer[count:]
        return got


GOOD = struct.pack("<II", 1000, 200) + b"\x01\x02"


def test_an_intact_answer() -> None:
    wire = Wire(encode(b"i", 1, GOOD))
    answer = Session(wire).infer(b"xyz", 2)
    assert (answer.output, answer.ticks, answer.stack_bytes) == (b"\x01\x02", 1000, 200)
    assert wire.sent == encode(b"I", 1, b"xyz")


@pytest.mark.parametrize("place", range(len(encode(b"i", 1, GOOD))))
def test_any_flipped_byte_is_noticed(place: int) -> None:
    frame = bytearray(encode(b"i", 1, GOOD))
    frame[place] ^= 0x10
    with pytest.raises(CheckFailed):
        Session(Wire(bytes(frame))).infer(b"xyz", 2)


@pytest.mark.parametrize("length", range(len(encode(b"i", 1, GOOD))))
def test_any_truncation_is_noticed(length: int) -> None:
    with pytest.raises(CheckFailed):
        Session(Wire(encode(b"i", 1, GOOD)[:length])).infer(b"xyz", 2)


def test_a_repeated_answer_is_noticed() -> None:
    session = Session(Wire(encode(b"i", 1, GOOD) * 2))
    session.infer(b"xyz", 2)
    with pytest.raises(CheckFailed, match="answered request 1, asked was 2"):
        session.infer(b"xyz", 2)


def test_a_wrong_length_is_noticed() -> None:
    with pytest.raises(CheckFailed, match="expected 11"):
        Session(Wire(encode(b"i", 1, GOOD))).infer(b"xyz", 3)


def test_the_device_may_refuse() -> None:
    with pytest.raises(CheckFailed, match="wrong length"):
        Session(Wire(encode(b"e", 1, b"\x02"))).infer(b"xyz", 2)


def test_a_fault_is_told() -> None:
    with pytest.raises(DeviceFault, match="pc 0x00001234") as caught:
        Session(Wire(encode(b"f", 0, struct.pack("<III", 0x1234, 0x56, 0x78)))).infer(b"xyz", 2)
    assert caught.value.status == 0x78
