"""Renode: what we write for it, how we read it, and the whole way with a stand-in, or the real one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tinyml import targets
from tinyml.cli import cli
from tinyml.codegen import program, project
from tinyml.codegen import renode as scripts
from tinyml.emulate import devices, layers, renode, validation
from tinyml.emulate.protocol import DeviceFault
from tinyml.errors import CheckFailed, InputError
from tinyml.kernels.base import Options
from tinyml.quantize.tflm import Tflm

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"
RECORDED = Path(__file__).resolve().parents[3] / "shared/renode"
FAKE = Path(__file__).parent / "fake_renode.py"
REAL = shutil.which("renode")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `renode` that RENODE_PATH names: a shell script that starts the program proper, as Renode's is."""
    launcher = tmp_path / "opt" / "renode"
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\n"{sys.executable}" "{FAKE}" "$@"\n')
    launcher.chmod(0o755)
    monkeypatch.setenv("RENODE_PATH", str(launcher.parent))
    return launcher


def exported(directory: Path, name: str = "cortex-m4") -> Path:
    directory.mkdir()
    target = targets.find(name)
    compiled = program.compile_model(MODEL, options=Options(target.processor))
    project.write(directory, compiled, target, MODEL, "0" * 64, "small")
    return directory


def broken(directory: Path, statement: str) -> Path:
    source = exported(directory) / "model.c"
    head = "void small_invoke(void)\n{"
    text = source.read_text()
    assert head in text
    source.write_text(text.replace(head, f"{head}\n{statement}"))
    return directory


def batch(count: int) -> np.ndarray:
    return np.random.default_rng(5).integers(-128, 128, (count, 8, 8, 1)).astype(np.int8)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("01-normal.txt", ""),
        (
            "02-missing-elf.txt",
            "'sysbus LoadELF @/home/user/project/missing.elf' failed: Parameters did not match the signature",
        ),
        (
            "03-missing-platform.txt",
            "'machine LoadPlatformDescription @platforms/cpus/nosuch.repl' failed: "
            "Could not find file 'platforms/cpus/nosuch.repl'.",
        ),
        ("04-bad-peripheral.txt", "No such command or device: sysbus.usart9"),
        ("05-fault-on-m3.txt", ""),
    ],
)
def test_what_a_real_one_said_is_understood(name: str, said: str) -> None:
    if not RECORDED.is_dir():
        pytest.skip(f"the recorded transcripts are not in {RECORDED}")
    assert renode.complaint((RECORDED / name).read_text()) == said


@pytest.mark.parametrize("name", sorted(targets.boards()))
def test_every_board_has_a_platform(tmp_path: Path, name: str) -> None:
    target = targets.find(name)
    folder = exported(tmp_path / "p", name) / "renode"
    text = (folder / "platform.repl").read_text()
    for memory, name in ((target.flash, "flash"), (target.ram, "ram")):
        place = f"{name}: Memory.MappedMemory @ sysbus 0x{memory.origin:08X}"
        assert f"{place}\n    size: 0x{memory.bytes:08X}\n" in text
    assert f"0x{target.uart.base:08X}" in text
    waits = [step for step in target.setup if step.wait is not None]
    assert text.count("Tag <") == len(waits)
    for script in ("demo.resc", "demo.robot"):
        assert "../build/demo.elf" in (folder / script).read_text()


def test_the_platform_is_like_the_one_that_a_real_one_took(tmp_path: Path) -> None:
    """Line by line, but for names, sizes and the counter."""
    if not RECORDED.is_dir():
        pytest.skip(f"the recorded template is not in {RECORDED}")
    recorded = (RECORDED / "generic-cortex-m.repl.template").read_text().replace("usart2", "uart")
    made = (exported(tmp_path / "p", "stm32f4_discovery") / "renode/platform.repl").read_text()
    ours = [line for line in made.splitlines() if line and not line.startswith("//")]
    theirs = [line for line in recorded.splitlines() if line]

    def shape(line: str) -> str:
        return line if "size" not in line else "    size"

    wanted = [shape(line).replace("@CPU@", "cortex-m4f") for line in theirs]
    assert sorted(map(shape, ours)) == sorted(wanted)


def test_firmware_equals_tflm(fake: Path, tmp_path: Path) -> None:
    inputs = batch(6)
    measured = validation.execute(exported(tmp_path / "p"), [inputs], "renode", 30)
    np.testing.assert_array_equal(measured.outputs[0], Tflm(MODEL).predict(inputs))
    assert measured.emulator == "renode"
    assert left_running(tmp_path) == []


def test_auto_is_renode_when_it_is_there(fake: Path, tmp_path: Path, monkeypatch) -> None:
    assert devices.usual() == "renode"
    directory = exported(tmp_path / "p")
    done = CliRunner().invoke(
        cli, ["validate", str(directory), "--samples", "2"], catch_exceptions=False
    )
    assert "renode: 2 inputs, 20 output bytes against TFLM: every byte equal" in done.output
    monkeypatch.setenv("RENODE_PATH", "")
    monkeypatch.setenv("PATH", "/nowhere")
    assert devices.usual() == "qemu"
    with (
        pytest.raises(InputError, match="install Renode"),
        renode.session(directory, tmp_path / "x.elf", targets.find("cortex-m4"), 1, tmp_path),
    ):
        pass
    monkeypatch.setenv("RENODE_PATH", "/nowhere/renode")
    with pytest.raises(InputError, match="names /nowhere/renode, which is no program"):
        devices.usual()


def test_layers_come_from_renode(fake: Path, tmp_path: Path) -> None:
    directory = exported(tmp_path / "p")
    judge = layers.by_reference(directory / "model.tflite")
    found = layers.compare(directory, [batch(2)], judge, judge, "renode", 30)
    assert (found["emulator"], found["first_mismatch"]) == ("renode", None)


def test_a_silent_fault_is_told(fake: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceFault, match=r"faulted in small_invoke\+0x.*undefined instruction"):
        validation.execute(broken(tmp_path / "p", '__asm("udf #0");'), [batch(1)], "renode", 30)
    assert left_running(tmp_path) == []


def test_a_hang_is_told(fake: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="Renode: the firmware did not answer within 2 seconds"):
        validation.execute(broken(tmp_path / "p", "for (;;) {\n}"), [batch(1)], "renode", 2)
    assert left_running(tmp_path) == []


def test_errors_that_end_with_status_0_are_told(fake: Path, tmp_path: Path) -> None:
    """As the recorded ones did."""
    directory = exported(tmp_path / "p")
    platform = directory / "renode/platform.repl"
    right = platform.read_text()
    platform.write_text(right.replace("cpu: CPU", "core: CPU"))
    with pytest.raises(CheckFailed, match=r"Renode: No such command or device: sysbus\.cpu"):
        validation.execute(directory, [batch(1)], "renode", 30)
    assert left_running(tmp_path) == []
    platform.write_text(right)
    make(directory, "demo")
    demo = directory / "renode/demo.resc"
    for old, new, said in (
        ("demo.elf", "missing.elf", "LoadELF .*missing.elf' failed: Parameters did not match"),
        ("platform.repl", "nosuch.repl", "failed: Could not find file '.*nosuch.repl'"),
        ("sysbus.uart ", "sysbus.usart9 ", "No such command or device: sysbus.usart9"),
    ):
        text = demo.read_text()
        assert old in text
        wrong = demo.with_name("wrong.resc")
        wrong.write_text(text.replace(old, new))
        done = headless(fake, wrong)
        assert done.returncode == 0
        assert re.search(said, renode.complaint(done.stdout)), done.stdout


def test_an_end_of_renode_is_told(tmp_path: Path, monkeypatch) -> None:
    launcher = tmp_path / "renode"
    launcher.write_text("#!/bin/sh\necho no display\n")
    launcher.chmod(0o755)
    monkeypatch.setenv("RENODE_PATH", str(launcher))
    with pytest.raises(CheckFailed, match=r"Renode: it ended \(no display\)"):
        validation.execute(exported(tmp_path / "p"), [batch(1)], "renode", 10)


def test_a_board_whose_uart_renode_lacks(fake: Path, tmp_path: Path) -> None:
    directory = exported(tmp_path / "p")
    shutil.rmtree(directory / "renode")
    with pytest.raises(
        InputError, match="no Renode platform for mps2-an386, whose UART is 'cmsdk'"
    ):
        validation.execute(directory, [batch(1)], "renode", 10)


def test_the_demo_runs_headless_by_itself(fake: Path, tmp_path: Path) -> None:
    directory = exported(tmp_path / "p")
    make(directory, "demo")
    done = headless(fake, directory / "renode/demo.resc")
    assert renode.complaint(done.stdout) == ""
    assert "PASS: every byte as at export" in (directory / "renode/uart.txt").read_text()


def test_the_script_that_serves(tmp_path: Path) -> None:
    """Lines that a real one was seen to take, but for names and addresses."""
    directory, target = exported(tmp_path / "p"), targets.find("cortex-m4")
    script = scripts.write_server(directory, target, 34567, tmp_path).read_text()
    assert script.splitlines() == [
        'mach create "board"',
        "machine LoadPlatformDescription $ORIGIN/platform.repl",
        "sysbus LoadELF $ORIGIN/firmware.elf",
        "sysbus.cpu VectorTableOffset 0x00000000",
        "emulation SetGlobalAdvanceImmediately true",
        'emulation CreateServerSocketTerminal 34567 "term" false',
        "connector Connect sysbus.uart term",
        "start",
    ]


def test_more_work_gets_more_time() -> None:
    target = targets.find("cortex-m4")
    assert scripts.of(target, macs=0).seconds == 2
    assert scripts.of(target, macs=12_500_000).seconds == 8


@pytest.mark.skipif(
    REAL is None, reason="Renode is not installed: its scripts ran on a stand-in only"
)
@pytest.mark.parametrize("name", sorted(targets.boards()))
def test_the_real_renode(tmp_path: Path, name: str, monkeypatch) -> None:
    monkeypatch.delenv("RENODE_PATH", raising=False)
    directory = exported(tmp_path / "p", name)
    inputs = batch(3)
    measured = validation.execute(directory, [inputs], "renode", 60)
    np.testing.assert_array_equal(measured.outputs[0], Tflm(MODEL).predict(inputs))
    make(directory, "demo")
    done = headless(Path(str(REAL)), directory / "renode/demo.resc")
    assert renode.complaint(done.stdout) == ""
    assert "PASS: every byte as at export" in (directory / "renode/uart.txt").read_text()


def make(directory: Path, product: str) -> None:
    subprocess.run(["make", "-s", "-C", directory, product], check=True, capture_output=True)


def headless(program: Path, script: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *renode.OPTIONS, script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def left_running(scratch: Path) -> list[str]:
    """Processes of our session's stand-in, or of a QEMU that it started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            mine = f"RENODE_PATH={scratch}".encode() in path.read_bytes()
        except OSError:
            continue
        if mine and int(path.parent.name) != os.getpid():
            found.append((path.parent / "cmdline").read_bytes().decode())
    return found
