"""Talks to a real board over a serial port."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinyml.emulate.protocol import NoAnswer, Session
from tinyml.emulate.streams import StreamLink
from tinyml.errors import CheckFailed, InputError

if TYPE_CHECKING:
    from serial import Serial, SerialException

_START_SECONDS = 10.0  # some boards reset when the port is opened


@dataclass(frozen=True)
class SerialPort:
    """A port's path, and its speed in baud."""

    path: str
    baud: int


@contextmanager
def session(port: SerialPort, timeout: float) -> Iterator[Session]:
    """A board that answers.

    Args:
        port: where it is.
        timeout: seconds to wait for any one answer.

    Raises:
        InputError: pyserial is not installed, or the port cannot be opened.
        CheckFailed: nothing, or something else than our firmware, answers; or the board does not in time.
    """
    with _opened(port) as opened:
        opened.reset_input_buffer()
        descriptor = opened.fileno()
        ended = f"{port.path}: the connection was lost"
        found = Session(StreamLink(descriptor, descriptor, timeout, lambda: ended))
        try:
            found.wait_until_ready(min(timeout, _START_SECONDS))
        except NoAnswer as error:
            raise CheckFailed(
                f"{port.path} at {port.baud:,} baud: {error}; flash the firmware (tinyml flash), reset the "
                "board, and see that this is the UART that it uses"
            ) from None
        except CheckFailed as error:
            raise CheckFailed(f"{port.path} at {port.baud:,} baud: {error}") from None
        yield found


def _opened(port: SerialPort) -> Serial:
    try:
        import serial
    except ImportError:
        raise InputError(
            "--serial", "needs pyserial", "pip install 'tinyml-toolchain[serial]'"
        ) from None
    try:
        return serial.Serial(port.path, port.baud, timeout=0, exclusive=True)
    except (serial.SerialException, ValueError) as error:
        raise _refused(port, error) from None


def _refused(port: SerialPort, error: SerialException | ValueError) -> InputError:
    """Why a port could not be opened, in words."""
    from serial.tools import list_ports

    code = getattr(error, "errno", None)
    if code == errno.ENOENT:
        there = ", ".join(sorted(found.device for found in list_ports.comports())) or "none"
        return InputError(
            port.path, "no such serial port", f"serial ports of this machine: {there}"
        )
    if code == errno.EACCES:
        return InputError(
            port.path,
            "permission denied",
            "join its group: sudo usermod -aG dialout $USER, log in again",
        )
    if code in (errno.EBUSY, errno.EAGAIN):
        return InputError(
            port.path, "in use", "end the other program, such as a terminal, that has it open"
        )
    return InputError(
        port.path, f"cannot be opened ({error})", "name a serial port and a usual speed"
    )
