"""`tinyml flash`: pyOCD itself with a simulated probe and chip, and the commands of other programs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinyml import flash, run, targets
from tinyml.cli.flash import command
from tinyml.codegen import program, project
from tinyml.emulate import build
from tinyml.errors import CheckFailed, InputError

pytest.importorskip("pyocd")

from fake_probe import FakeProbe
from pyocd.probe.aggregator import PROBE_CLASSES

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"
RAM_CHIP = '\n[probe]\npyocd = "mps3_an540"\n'  # pyOCD's, with RAM where this board has flash


@pytest.fixture(autouse=True)
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Only the test's probes are there, whatever the machine has."""
    for name in list(PROBE_CLASSES):
        monkeypatch.delitem(PROBE_CLASSES, name)
    monkeypatch.setitem(PROBE_CLASSES, "fake", FakeProbe)

    def plug(*probes: FakeProbe) -> None:
        monkeypatch.setattr(FakeProbe, "present", list(probes))

    plug()
    return plug


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with its firmware, for a board whose chip pyOCD takes for RAM."""
    folder = tmp_path_factory.mktemp("flash")
    board = folder / "ram_board.toml"
    board.write_text(targets.find("mps2-an386").file.read_text() + RAM_CHIP)
    directory = folder / "project"
    export(directory, str(board))
    build.build(directory, "firmware", directory / "build")
    return directory


def export(directory: Path, board: str) -> Path:
    directory.mkdir()
    target = targets.find(board)
    project.write(
        directory, program.compile_model(MODEL), target, MODEL, run.sha256(MODEL), "small"
    )
    return directory


def flashed(directory: Path, *arguments: str) -> str:
    done = CliRunner().invoke(
        command, [str(directory), *arguments], catch_exceptions=False, standalone_mode=False
    )
    return done.output


def test_the_chip_holds_the_firmware_and_is_reset(
    exported: Path, plug_in: Callable[..., None]
) -> None:
    probe = FakeProbe("0001")
    plug_in(probe)
    said = flashed(exported)
    assert "flashed and compared, over tinyml test probe" in said
    image = exported / "image.bin"
    elf = exported / "build/firmware.elf"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", elf, image], check=True)
    expected = image.read_bytes()
    assert len(expected) > 5000
    assert bytes(probe.memory.read_memory_block8(0, len(expected))) == expected
    assert probe.memory.resets >= 1
    assert not probe.is_open


def test_a_byte_that_did_not_arrive_is_noticed(
    exported: Path, plug_in: Callable[..., None]
) -> None:
    probe = FakeProbe("0001")
    probe.memory.stuck = {0x100}
    plug_in(probe)
    with pytest.raises(CheckFailed, match="does not hold the firmware"):
        flashed(exported, "--elf", str(exported / "build/firmware.elf"))


def test_a_firmware_outside_the_chips_memories_is_noticed(
    tmp_path: Path, plug_in: Callable[..., None]
) -> None:
    """pyOCD only warns of it."""
    board = tmp_path / "elsewhere.toml"
    text = targets.find("mps2-an386").file.read_text() + RAM_CHIP
    assert text.count("origin = 0x00000000") == 1
    board.write_text(text.replace("origin = 0x00000000", "origin = 0x08000000"))
    directory = export(tmp_path / "project", str(board))
    plug_in(FakeProbe("0001"))
    with pytest.raises(CheckFailed, match="0x08000000"):
        flashed(directory)


def test_no_probe(exported: Path) -> None:
    with pytest.raises(InputError, match="finds no debug probe; plug the board in"):
        flashed(exported, "--elf", str(exported / "build/firmware.elf"))


def test_two_probes(exported: Path, plug_in: Callable[..., None]) -> None:
    first, second = FakeProbe("0001"), FakeProbe("0002")
    plug_in(first, second)
    elf = ("--elf", str(exported / "build/firmware.elf"))
    with pytest.raises(InputError, match=r"2 debug probes: 0001 .*, 0002 .*--probe ID"):
        flashed(exported, *elf)
    with pytest.raises(InputError, match="--probe 0003: finds no debug probe"):
        flashed(exported, *elf, "--probe", "0003")
    flashed(exported, *elf, "--probe", "0002")
    assert second.memory.resets
    assert not first.memory.resets


def test_a_chip_without_power(exported: Path, plug_in: Callable[..., None]) -> None:
    plug_in(FakeProbe("0001", powered=False))
    with pytest.raises(CheckFailed, match=r"Target not detected.*; is the board powered"):
        flashed(exported, "--elf", str(exported / "build/firmware.elf"))


def test_a_chip_that_pyocd_does_not_know(tmp_path: Path, plug_in: Callable[..., None]) -> None:
    plug_in(FakeProbe("0001"))
    directory = export(tmp_path / "project", "bluepill")
    toml = directory / "board.toml"
    toml.write_text(toml.read_text().replace('pyocd = "stm32f103c8"', 'pyocd = "stm32f103zz9"'))
    with pytest.raises(InputError, match="pyocd pack install stm32f103zz9"):
        flashed(directory)


def test_an_emulated_board(tmp_path: Path) -> None:
    directory = export(tmp_path / "project", "cortex-m4")
    with pytest.raises(InputError, match="tinyml validate runs it"):
        flashed(directory)
    with pytest.raises(InputError, match="is emulated"):
        flashed(directory, "--print")


def test_without_pyocd(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyocd.core", None)
    with pytest.raises(InputError, match=r"tinyml-toolchain\[flash\]"):
        flashed(exported, "--elf", str(exported / "build/firmware.elf"))


REAL = [name for name, table in targets.boards().items() if "tools" in table]


@pytest.mark.parametrize("name", REAL)
def test_commands_of_other_programs(name: str) -> None:
    target = targets.find(name)
    lines = flash.commands(target, Path("my project/build/firmware.elf"))
    assert list(lines) == ["pyocd", *target.tools]
    for tool, found in lines.items():
        assert found[-1].startswith(tool.replace("pyocd", "pyocd load"))
        assert "{" not in found[-1]
        file = next(
            s for s in ("elf", "bin", "hex") if f"my project/build/firmware.{s}" in found[-1]
        )
        assert (file == "elf") == (not any("objcopy" in line for line in found))


@pytest.mark.parametrize("name", REAL)
def test_makefiles_know_the_same_commands(tmp_path: Path, name: str) -> None:
    """make flash-TOOL runs them; here programs only say with what they were called, and compilers nothing."""
    directory, tools = export(tmp_path / "project", name), tmp_path / "bin"
    tools.mkdir()
    target = targets.find(name)
    said = 'for word; do printf "<%s>" "$word"; done; echo'
    made = 'for word; do [ "$last" = -o ] && : > "$word"; last=$word; done; :'
    scripts = {**dict.fromkeys([*target.tools, "tinyml"], said), "arm-none-eabi-gcc": made}
    for tool, script in {**scripts, "arm-none-eabi-objcopy": ":"}.items():
        (tools / tool).write_text(f"#!/bin/sh\n{script}\n")
        (tools / tool).chmod(0o755)
    path = f"PATH={tools}:" + ":".join(
        Path(shutil.which(t)).parent.as_posix() for t in ("make", "cat")
    )
    for tool, words in target.tools.items():
        line = ["env", path, "make", "--silent", "-C", directory, f"flash-{tool}", "PORT=/dev/x"]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        files = {suffix: f"build/firmware.{suffix}" for suffix in ("elf", "bin", "hex")}
        expected = [word.format(port="/dev/x", **files) for word in words[1:]]
        assert done.stdout == "".join(f"<{word}>" for word in expected) + "\n"
    line = ["env", path, "make", "--silent", "-C", directory, "flash", "FLASH=demo.elf"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.stdout == "<flash><.><--elf><build/demo.elf>\n", done.stderr


def test_pyocd_knows_the_chips_without_a_pack() -> None:
    """By the names that our files have; the others come with the packs that they name."""
    from pyocd.target.builtin import BUILTIN_TARGETS

    for name in REAL:
        probe = targets.find(name).probe
        assert probe is not None
        assert (probe.pyocd in BUILTIN_TARGETS) == (probe.pack == "")
