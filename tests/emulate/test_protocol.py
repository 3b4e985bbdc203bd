"""The device is never trusted: every broken answer is an error, not a result."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import pytest

from tinyml.emulate.protocol import DeviceFault, Hello, NoAnswer, Session, encode
from tinyml.errors import CheckFailed


class Wire:
    """A link whose far end answers with prepared bytes; each request releases the next of them."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.waiting, self.sent = list(answers), b"", b""

    def send(self, data: bytes) -> None:
        self.sent += data
        self.waiting += self.answers.pop(0) if self.answers else b""

    def receive(self, count: int, timeout: float | None = None) -> bytes:
        if len(self.waiting) < count:
            raise NoAnswer("the firmware did not answer within 1 seconds")
        got, self.waiting = self.waiting[:count], self.waiting[count:]
        return got


GOOD = struct.pack("<II", 1000, 200) + b"\x01\x02"
MODEL = bytes(range(8))
HELLO = struct.pack("<II8s", 3, 2, MODEL)
SIZES = [(0, 5), (2, 3)]
LAYERS = [
    encode(b"l", 2, struct.pack("<I", 0) + b"first"),
    encode(b"l", 2, struct.pack("<I", 2) + b"2nd"),
    encode(b"i", 2, GOOD),
]
# A whole session: a query, an inference by layers, an inference
ANSWERS = [encode(b"q", 1, HELLO), b"".join(LAYERS), encode(b"i", 3, GOOD), encode(b"q", 4, HELLO)]


def session(wire: Wire) -> list[object]:
    """All that a session's requests return."""
    device = Session(wire)
    found: list[object] = [device.query(), device.layers(b"xyz", 2, SIZES), device.infer(b"xyz", 2)]
    return [*found, device.query()]


def test_intact_answers() -> None:
    wire = Wire(*ANSWERS)
    hello, layers, answer, last = session(wire)
    assert hello == last == Hello(3, 2, MODEL)
    assert layers == [b"first", b"2nd"]
    assert (answer.output, answer.ticks, answer.stack_bytes) == (b"\x01\x02", 1000, 200)
    kinds = ((b"Q", 1, b""), (b"L", 2, b"xyz"), (b"I", 3, b"xyz"), (b"Q", 4, b""))
    assert wire.sent == b"".join(encode(*kind) for kind in kinds)


@pytest.mark.parametrize("change", [0x01, 0x10, 0x80, 0xFF])
def test_any_changed_byte_is_noticed(change: int) -> None:
    for place in range(len(b"".join(ANSWERS))):
        stream = bytearray(b"".join(ANSWERS))
        stream[place] ^= change
        with pytest.raises(CheckFailed):
            session(Wire(*split(bytes(stream))))


@pytest.mark.parametrize("instead", [b"", b"\x00\x00", b"TM"])
def test_any_lost_or_added_byte_is_noticed(instead: bytes) -> None:
    stream = b"".join(ANSWERS)
    for place in range(len(stream)):
        broken = stream[:place] + instead + stream[place + 1 :]
        for answers in (split(broken), [broken]):  # the rest comes late, or at once
            with pytest.raises(CheckFailed):
                session(Wire(*answers))


def test_any_truncation_is_noticed() -> None:
    stream = b"".join(ANSWERS)
    for length in range(len(stream)):
        with pytest.raises(CheckFailed):
            session(Wire(*split(stream[:length])))


def split(stream: bytes) -> list[bytes]:
    """A stream of bytes, given out as answers of the lengths that are expected; what is more comes last."""
    parts, place = [], 0
    for answer in ANSWERS:
        parts.append(stream[place : place + len(answer)])
        place += len(answer)
    return [*parts[:-1], parts[-1] + stream[place:]]


def frames() -> list[bytes]:
    return [ANSWERS[0], *LAYERS, *ANSWERS[2:]]


def repeated(order: list[bytes], rng: random.Random) -> list[bytes]:
    place = rng.randrange(len(order) - 1)  # after the last one nobody listens
    return [*order[: place + 1], *order[place:]]


def swapped(order: list[bytes], rng: random.Random) -> list[bytes]:
    one, other = rng.sample(range(len(order)), 2)
    order[one], order[other] = order[other], order[one]
    return order


def dropped(order: list[bytes], rng: random.Random) -> list[bytes]:
    del order[rng.randrange(len(order))]
    return order


def replayed(order: list[bytes], rng: random.Random) -> list[bytes]:
    """Another frame of the session instead of one."""
    one, other = rng.sample(range(len(order)), 2)
    order[one] = order[other]
    return order


@pytest.mark.parametrize("mutate", [repeated, swapped, dropped, replayed])
@pytest.mark.parametrize("seed", range(25))
def test_whole_frames_out_of_place_are_noticed(
    mutate: Callable[[list[bytes], random.Random], list[bytes]], seed: int
) -> None:
    broken = mutate(frames(), random.Random(seed))
    assert broken != frames()
    with pytest.raises(CheckFailed):
        session(Wire(b"".join(broken)))


@pytest.mark.parametrize("seed", range(50))
def test_noise_is_never_a_result(seed: int) -> None:
    rng = random.Random(seed)
    stream = bytearray(b"".join(ANSWERS))
    for _ in range(rng.randint(1, 8)):
        place, length = rng.randrange(len(stream)), rng.randint(1, 12)
        stream[place : place + length] = rng.randbytes(rng.randint(0, 16))
    if bytes(stream) == b"".join(ANSWERS):
        pytest.fail("the mutation changed nothing")
    with pytest.raises(CheckFailed):
        session(Wire(bytes(stream)))


def test_a_stale_answer_is_told() -> None:
    device = Session(Wire(encode(b"i", 1, GOOD) * 2))
    device.infer(b"xyz", 2)
    with pytest.raises(CheckFailed, match="answered request 1, asked was 2"):
        device.infer(b"xyz", 2)


def test_wrong_lengths_are_told() -> None:
    with pytest.raises(CheckFailed, match="answered 10 bytes, expected 11"):
        Session(Wire(encode(b"i", 1, GOOD))).infer(b"xyz", 3)
    huge = b"TM" + struct.pack("<BBI", ord("i"), 1, 0x40000000)
    with pytest.raises(CheckFailed, match=r"announced a frame of 1,073,741,824 bytes"):
        Session(Wire(huge)).infer(b"xyz", 2)


def test_a_wrong_layer_is_told() -> None:
    wire = Wire(encode(b"l", 1, struct.pack("<I", 7) + b"first"))
    with pytest.raises(CheckFailed, match="sent layer 7 where 0 comes"):
        Session(wire).layers(b"xyz", 2, SIZES)


def test_the_device_may_refuse() -> None:
    with pytest.raises(CheckFailed, match="wrong length"):
        Session(Wire(encode(b"e", 1, b"\x02"))).infer(b"xyz", 2)


@pytest.mark.parametrize("has_status", [False, True])
@pytest.mark.parametrize("has_stacked", [False, True])
def test_a_fault_is_told(has_status: bool, has_stacked: bool) -> None:
    words = [0x20001000]
    words += [0x8200, 0x40000000, 0, 0, 0x60000000] if has_status else []
    words += range(8) if has_stacked else []
    payload = struct.pack(f"<{len(words)}I", *words)
    with pytest.raises(DeviceFault) as caught:
        Session(Wire(encode(b"f", 0, payload))).infer(b"xyz", 2)
    fault = caught.value
    assert str(fault).startswith(
        "the firmware faulted at 0x00000006: " if has_stacked else "the firmware faulted: "
    )
    assert ("stack overflowed" in fault.cause) != has_stacked
    assert ("where there is no memory" in fault.cause) == (has_status and has_stacked)
    assert fault.registers["sp"] == 0x20001000
    assert fault.registers.get("BFAR") == (0x60000000 if has_status else None)
    assert fault.registers.get("xpsr") == (7 if has_stacked else None)


def test_a_fault_of_no_known_length_is_no_fault() -> None:
    with pytest.raises(CheckFailed, match="frame of type b'f'"):
        Session(Wire(encode(b"f", 0, bytes(8)))).infer(b"xyz", 2)


def test_waiting_for_a_device_that_starts() -> None:
    """What it sends before is passed over: text, half of an answer, the answer to an older query."""
    noise = b"Booting...\r\n" + encode(b"q", 1, HELLO)[:-3]
    wire = Wire(b"", noise, encode(b"q", 2, HELLO), encode(b"q", 3, HELLO) + encode(b"q", 4, HELLO))
    device = Session(wire)
    assert device.wait_until_ready(5, every=0.01) == Hello(3, 2, MODEL)


@pytest.mark.parametrize(("answer", "said"), [(b"", "nothing answered"), (b"AT+OK", "AT.OK")])
def test_what_never_answers(answer: bytes, said: str) -> None:
    with pytest.raises(CheckFailed, match=said):
        Session(Wire(answer, answer)).wait_until_ready(0.05, every=0.01)
