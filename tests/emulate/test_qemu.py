"""Real firmware on QEMU: right answers, wrong answers, faults, hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinyml import targets
from tinyml.codegen import program, project
from tinyml.emulate import build, protocol, qemu, validation
from tinyml.errors import CheckFailed, InputError
from tinyml.quantize.tflm import Tflm

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"
TARGET = targets.find("cortex-m4")


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    compiled = program.compile_model(MODEL)
    project.write(directory, compiled, TARGET, MODEL, "0" * 64, "small")
    return directory


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def break_invoke(project_directory: Path, statement: str) -> None:
    head = "void small_invoke(void)\n{"
    edit(project_directory / "model.c", head, f"{head}\n{statement}")


def batch(count: int) -> np.ndarray:
    return np.random.default_rng(5).integers(-128, 128, (count, 8, 8, 1)).astype(np.int8)


def test_firmware_equals_tflm_and_counts_repeat(exported: Path) -> None:
    inputs = batch(12)
    first = validation.execute(exported, [inputs], "qemu", 30)
    np.testing.assert_array_equal(first.outputs[0], Tflm(MODEL).predict(inputs))
    again = validation.execute(exported, [inputs], "qemu", 30)
    assert first.instructions == again.instructions
    assert first.instructions is not None
    macs = project.read_report(exported)["macs"]
    assert macs < first.instructions["mean"] < 30 * macs
    assert first.stack_bytes is not None
    assert 64 < first.stack_bytes < TARGET.stack_bytes


def test_a_wrong_constant_is_found(exported: Path) -> None:
    edit(exported / "model.c", ".activation_max = 127", ".activation_max = 20")
    inputs = batch(12)
    measured = validation.execute(exported, [inputs], "qemu", 30)
    verdict = validation.compare(measured, "TFLM", [Tflm(MODEL).predict(inputs)], None)
    assert not verdict["exact"]
    assert verdict["bytes_different"] > 0
    assert verdict["first_different_sample"] is not None


def test_a_hang_ends_by_the_deadline_and_leaves_no_process(exported: Path) -> None:
    break_invoke(exported, "for (;;) {\n}")
    with pytest.raises(CheckFailed, match="did not answer within 1 seconds"):
        validation.execute(exported, [batch(1)], "qemu", 1)
    assert children("qemu-system-ar") == []


def test_a_project_that_does_not_compile(exported: Path) -> None:
    break_invoke(exported, "nonsense;")
    with pytest.raises(CheckFailed, match=r"make firmware failed.*nonsense"):
        validation.execute(exported, [batch(1)], "qemu", 30)


def test_the_device_refuses_broken_frames_and_goes_on(exported: Path, tmp_path: Path) -> None:
    elf = build.build(exported, "firmware", tmp_path / "build")
    broken = bytearray(protocol.encode(b"I", 9, bytes(64)))
    broken[-1] ^= 1
    with qemu.session(elf, TARGET, 10) as device:
        link = device._link
        for frame, code in (
            (bytes(broken), 1),
            (protocol.encode(b"I", 9, bytes(65)), 2),
            (protocol.encode(b"I", 9, bytes(63)), 2),
            (protocol.encode(b"Z", 9, b""), 3),
        ):
            link.send(b"noise before" + frame)
            assert protocol.decode(link, 64) == (b"e", 9, bytes([code]))
        hello = protocol.Hello(64, 10, project.model_id(MODEL))
        assert device.query() == hello


def test_a_board_without_a_machine(tmp_path: Path) -> None:
    board = replace(TARGET, qemu=None)
    with pytest.raises(InputError, match="no machine"), qemu.session(tmp_path / "x.elf", board):
        pass


def test_no_compiler(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="apt-get install gcc-arm-none-eabi"):
        build.build(exported, "firmware", exported / "build")


def children(name: str) -> list[str]:
    """Our child processes of this name."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        if f"PPid:\t{os.getpid()}\n" in text and f"Name:\t{name}" in text:
            found.append(text)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("emulator", ["qemu", "renode"])
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_emulators_die_with_their_parent(
    exported: Path, tmp_path: Path, emulator: str, ending: signal.Signals
) -> None:
    """The stand-in for Renode is a script that starts a program that starts QEMU, all of which must go."""
    break_invoke(exported, "for (;;) {\n}")
    launcher = tmp_path / "renode"
    stand_in = Path(__file__).with_name("fake_renode.py")
    launcher.write_text(f'#!/bin/sh\n"{sys.executable}" "{stand_in}" "$@"\n')
    launcher.chmod(0o755)
    # A shell's background jobs, as tests may be, ignore Ctrl-C until they say otherwise.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{listening}; from tinyml.cli import main; main()"
    command = [sys.executable, "-c", program, "validate", str(exported), "--samples", "1"]
    # The ELF's path then names this test.
    scratch = {**os.environ, "TMPDIR": str(tmp_path), "RENODE_PATH": str(launcher)}
    parent = subprocess.Popen(
        [*command, "--emulator", emulator], stderr=subprocess.DEVNULL, env=scratch
    )
    wait_until(lambda: bool(emulators(tmp_path)), 60)
    parent.send_signal(ending)
    parent.wait()
    wait_until(lambda: not emulators(tmp_path), 10)


def wait_until(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def emulators(scratch: Path) -> list[str]:
    """Command lines of the QEMU processes that run an ELF below `scratch`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode()
        except OSError:
            continue
        if line.startswith("/") and "qemu-system-arm" in line and str(scratch) in line:
            found.append(line)
    return found
