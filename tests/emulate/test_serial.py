"""A board at a serial port: the firmware on QEMU behind a pseudo-terminal."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinyml.cli import cli
from tinyml.codegen import program, project
from tinyml.emulate import build, serial_port
from tinyml.errors import CheckFailed, InputError
from tinyml.process import running
from tinyml.targets import find

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"


def exported(directory: Path) -> Path:
    directory.mkdir()
    compiled = program.compile_model(MODEL)
    project.write(directory, compiled, find("cortex-m4"), MODEL, "0" * 64, "small")
    return directory


@contextmanager
def board(directory: Path, extra: str = "") -> Iterator[str]:
    """The serial port of a board that the project's firmware was flashed to."""
    with plugged_in(directory, extra) as (port, _):
        yield port


@contextmanager
def plugged_in(directory: Path, extra: str = "") -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The same, and what unplugs it when it is killed."""
    elf = build.build(directory, "firmware", directory / "build", extra)
    command = ["qemu-system-arm", "-M", "mps2-an386", "-cpu", "cortex-m4", "-icount", "shift=6"]
    command += ["-display", "none", "-monitor", "none", "-serial", "pty", "-kernel", str(elf)]
    with running(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        said = child.stdout.readline().decode()
        found = re.search(r"redirected to (/dev/pts/\d+)", said)
        assert found is not None, said
        yield found[1], child


def validate(directory: Path, port: str, *more: object):
    arguments = ["validate", directory, "--serial", port, "--samples", 4, "--timeout", 5, *more]
    return CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)


def refused(directory: Path, port: str, *more: object) -> str:
    with pytest.raises((InputError, CheckFailed)) as caught:
        validate(directory, port, *more)
    assert caught.value.exit_code == (2 if isinstance(caught.value, InputError) else 1)
    return str(caught.value)


@contextmanager
def pseudo_terminal(says: bytes = b"") -> Iterator[str]:
    """A port at which nobody speaks our protocol."""
    master, slave = os.openpty()
    stop = threading.Event()

    def speak() -> None:
        while says and not stop.wait(0.05):
            os.write(master, says)

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        stop.set()
        thread.join()
        os.close(master)
        os.close(slave)


def test_a_board_is_validated_as_an_emulator_is(tmp_path: Path) -> None:
    directory = exported(tmp_path / "p")
    with board(directory) as port:
        said = validate(directory, port).output
        assert "serial: 4 inputs, 40 output bytes against TFLM: every byte equal" in said
        assert "cycles an inference" in said
        assert "flash" in said  # of the file that was flashed
        again = validate(directory, port, "--baud", 9600).output
        assert again == said


def test_layers_come_from_a_board_that_was_built_for_it(tmp_path: Path) -> None:
    directory = exported(tmp_path / "p")
    with board(directory, "-DSMALL_TRACE") as port:
        assert "Layers over 4 inputs, serial" in validate(directory, port, "--layers").output
    other = exported(tmp_path / "q")
    with board(other) as port:
        assert "make EXTRA=-DPREFIX_TRACE" in refused(other, port, "--layers")


def test_a_wrong_answer_and_a_fault(tmp_path: Path) -> None:
    directory = exported(tmp_path / "p")
    source = directory / "model.c"
    right = source.read_text()
    assert ".activation_max = 127" in right
    source.write_text(right.replace(".activation_max = 127", ".activation_max = 20", 1))
    with board(directory) as port:
        said = refused(directory, port)
        assert "output bytes differ from TFLM" in said
        assert "--layers shows where it begins" in said  # by another firmware
    head = "void small_invoke(void)\n{"
    source.write_text(right.replace(head, f'{head}\n__asm("udf #0");'))
    with board(directory) as port:
        assert "the firmware faulted in small_invoke+0x" in refused(directory, port)


def test_another_firmware(tmp_path: Path) -> None:
    directory = exported(tmp_path / "p")
    with board(directory) as port:
        with (directory / "model.tflite").open("ab") as stream:
            stream.write(b"\0")
        assert "holds another model than the project" in refused(directory, port)


def test_nobody_or_somebody_else_answers(tmp_path: Path) -> None:
    directory = exported(tmp_path / "p")
    with pseudo_terminal() as port:
        said = refused(directory, port, "--timeout", 1)
        assert (
            f"{port} at 115,200 baud: nothing answered within 1 seconds; flash the firmware" in said
        )
    with pseudo_terminal(b"login: ") as port:
        said = refused(directory, port, "--timeout", 1)
        assert "no firmware of tinyml, or not at this speed: it sent b'login: login: lo'" in said


def test_ports_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import serial

    directory = exported(tmp_path / "p")
    said = refused(directory, "/dev/ttyNONE7")
    assert "/dev/ttyNONE7: no such serial port; serial ports of this machine: " in said
    plain = tmp_path / "file"
    plain.write_text("")
    assert "cannot be opened" in refused(directory, str(plain))
    with pseudo_terminal() as port, serial.Serial(port, exclusive=True):
        assert "in use; end the other program" in refused(directory, port)
    if os.geteuid() == 0:
        # root may open everything, so the kernel's refusal is put in its place
        def denied(*arguments: object, **options: object) -> None:
            raise serial.SerialException(13, "could not open port")

        monkeypatch.setattr(serial, "Serial", denied)
        assert "permission denied; join its group" in refused(directory, "/dev/ttyS0")
    else:
        plain.chmod(0)
        assert "permission denied; join its group" in refused(directory, str(plain))


def test_a_board_that_is_unplugged(tmp_path: Path) -> None:
    with (
        plugged_in(exported(tmp_path / "p")) as (port, child),
        serial_port.session(serial_port.SerialPort(port, 115200), 2) as device,
    ):
        device.query()
        child.kill()
        child.wait()
        with pytest.raises(CheckFailed, match="the connection was lost"):
            device.query()


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    directory = exported(tmp_path / "p")
    assert "leave --emulator out" in refused(directory, "/dev/x", "--emulator", "qemu")
    with pytest.raises(InputError, match="--baud: is the speed of a serial port"):
        CliRunner().invoke(
            cli, ["validate", str(directory), "--baud", "9600"], catch_exceptions=False
        )
