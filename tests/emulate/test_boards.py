"""Boards are data: each one's project builds and fits, and its drivers work where QEMU has the peripheral."""

from __future__ import annotations

import dataclasses
import os
import selectors
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from elftools.elf.elffile import ELFFile

from tinyml import resources, run, targets
from tinyml.cli.export import command
from tinyml.codegen import fitting, program, project
from tinyml.codegen.budget import DoesNotFit
from tinyml.emulate import build, ports, qemu
from tinyml.errors import CheckFailed, InputError
from tinyml.kernels.base import Options
from tinyml.process import running
from tinyml.targets import Memory, Peripheral, Target

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"
REAL = [name for name, table in targets.boards().items() if "qemu" not in table]


def export(directory: Path, target: Target) -> Path:
    directory.mkdir()
    compiled = program.compile_model(MODEL, options=Options(target.processor))
    project.write(directory, compiled, target, MODEL, run.sha256(MODEL), "small")
    return directory


def make(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = ["make", "--silent", "-C", str(directory), *arguments]
    return subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_the_boards_that_people_have_are_there() -> None:
    assert len(REAL) >= 9
    assert {targets.find(name).core for name in REAL} == {
        f"cortex-m{number}" for number in ("0plus", "3", "4", "7", "33")
    }


FAST = ("bluepill", "nucleo_l552ze_q", "rpi_pico")  # what else a board can have, they have
BOARDS = [
    pytest.param(name, marks=() if name in FAST else pytest.mark.slow)
    for name in sorted(targets.boards())
]


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_builds_and_fits(tmp_path: Path, name: str) -> None:
    target = targets.find(name)
    directory = export(tmp_path / name, target)
    built = make(directory, "firmware", "demo")
    assert built.returncode == 0, built.stderr
    for elf in (directory / "build/firmware.elf", directory / "build/demo.elf"):
        with elf.open("rb") as stream:
            check_layout(ELFFile(stream), target)


def check_layout(elf: ELFFile, target: Target) -> None:
    """Code and constants in flash, variables and stack in RAM, and a vector table that the core accepts."""
    in_flash, in_ram = set(), set()
    for section in elf.iter_sections():
        if section["sh_flags"] & 2 and section["sh_size"]:  # allocated
            inside = in_ram if section.name in (".bss", ".stack", ".data") else in_flash
            inside.add(section.name)
            memory = target.ram if inside is in_ram else target.flash
            assert memory.origin <= section["sh_addr"]
            assert section["sh_addr"] + section["sh_size"] <= memory.origin + memory.bytes
    assert in_flash >= {".vectors", ".text", ".rodata"}
    assert in_ram >= {".bss", ".stack"}
    vectors = elf.get_section_by_name(".vectors")
    assert vectors["sh_addr"] == target.flash.origin + (256 if target.boot else 0)
    stack, reset = struct.unpack_from("<II", vectors.data())
    assert target.ram.origin < stack <= target.ram.origin + target.ram.bytes
    assert stack % 8 == 0
    assert reset == elf.header["e_entry"]
    assert reset % 2 == 1


@pytest.mark.parametrize("name", REAL)
def test_what_a_boards_file_says_is_plausible(name: str) -> None:
    target = targets.find(name)
    clock, baud = target.uart.settings["clock_hz"], target.uart.settings["baud"]
    scale = target.uart.settings.get("divider_scale", 1)
    divider = round(clock * scale / baud)
    assert abs(clock * scale / divider / baud - 1) < 0.02  # what a UART's receiver bears
    assert target.counter.driver == ("systick" if target.core == "cortex-m0plus" else "dwt")
    for step in target.setup:
        assert step.address % 4 == 0
        assert (step.write is not None) + (step.wait is not None) + bool(step.set | step.clear) == 1
    assert target.probe is not None
    for words in target.tools.values():
        assert (
            sum(any(f"{{{kind}}}" in word for word in words) for kind in ("elf", "bin", "hex")) == 1
        )


# QEMU has these chips, or chips with the same peripheral at another address.
ON_QEMU = {
    # STM32F405: the board's own firmware, but on the first USART, which QEMU connects.
    "stm32f4_discovery": ("netduinoplus2", {"uart_base": 0x40011000}),
    "bluepill": ("stm32vldiscovery", {}),  # STM32F100, with 8 KB of RAM
    "nrf52840dk": (
        "microbit",  # nRF51: the same UART, but a Cortex-M0
        {"core": "cortex-m0plus", "ram_bytes": 0x4000, "flash_bytes": 0x40000, "setup": False},
    ),
    "rpi_pico": (
        "lm3s6965evb",  # Stellaris: a PL011, too
        {
            "core": "cortex-m3",
            "uart_base": 0x4000C000,
            "flash_origin": 0,
            "flash_bytes": 0x40000,
            "ram_bytes": 0x10000,
            "setup": False,
        },
    ),
}


def placed(target: Target, changes: dict) -> Target:
    """The target with what differs on QEMU's machine."""
    processor = targets.find(changes["core"]).processor if "core" in changes else target.processor
    setup = target.setup if changes.get("setup", True) else ()
    flash = Memory(
        changes.get("flash_origin", target.flash.origin),
        changes.get("flash_bytes", target.flash.bytes),
    )
    uart = dataclasses.replace(target.uart, base=changes.get("uart_base", target.uart.base))
    return dataclasses.replace(
        target,
        processor=processor,
        flash=flash,
        boot=target.boot if setup else "",
        ram=Memory(target.ram.origin, changes.get("ram_bytes", target.ram.bytes)),
        uart=uart,
        setup=setup,
    )


@pytest.mark.parametrize("name", sorted(ON_QEMU))
def test_drivers_work_where_qemu_has_the_peripheral(tmp_path: Path, name: str) -> None:
    """The demo prints its result, and does so again for a key: what a UART sends and receives is right."""
    machine, changes = ON_QEMU[name]
    target = placed(targets.find(name), changes)
    cpu = {"microbit": "cortex-m0"}.get(machine, target.core)
    directory = export(tmp_path / "project", target)
    assert make(directory, "demo").returncode == 0
    emulator = ["qemu-system-arm", "-M", machine, "-cpu", cpu, "-icount", "shift=6"]
    emulator += ["-display", "none", "-monitor", "none", "-serial", "stdio"]
    emulator += ["-kernel", str(directory / "build/demo.elf")]
    pipe = subprocess.PIPE
    with running(emulator, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as child:
        assert child.stdin is not None
        first = until_key(child)
        child.stdin.write(b" ")
        child.stdin.flush()
        second = until_key(child)
    assert "PASS" in first
    assert first == second
    if target.counter.driver == "systick":  # which QEMU has on every core; it has no cycle counter
        assert "counter 0 " not in first


def until_key(child: subprocess.Popen[bytes]) -> str:
    """What a demo prints until it waits for a key."""
    assert child.stdout is not None
    found = b""
    while not found.endswith(b"again.\r\n"):
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            assert selector.select(30), found
        got = os.read(child.stdout.fileno(), 4096)
        assert got, found
        found += got
    return found.decode()


def test_systick_counts_past_its_24_bits(tmp_path: Path) -> None:
    """A counter that ends at 2^24 would show less for many inferences than for one."""
    target = dataclasses.replace(
        targets.find("cortex-m3"), counter=Peripheral("systick", 0xE000E010)
    )
    directory = export(tmp_path / "project", target)
    main = directory / "firmware/main.c"
    text = main.read_text()
    assert text.count("    small_invoke();\n") == 1
    main.write_text(
        text.replace("    small_invoke();\n", "    for (int i = 0; i < 200; ++i) small_invoke();\n")
    )
    elf = build.build(directory, "firmware", tmp_path / "build")
    known = ports.of_project(directory)
    with qemu.session(elf, target, 30) as device:
        ticks = device.infer(bytes(known.sizes[0]), known.sizes[1]).ticks
    main.write_text(text)
    elf = build.build(directory, "firmware", tmp_path / "build")
    with qemu.session(elf, target, 30) as device:
        once = device.infer(bytes(known.sizes[0]), known.sizes[1]).ticks
    assert ticks > 1 << 24
    assert 198 * once < ticks < 202 * once


def test_the_pico_boots(tmp_path: Path) -> None:
    """The boot ROM takes the first 256 bytes only when their last word is the CRC-32 of the others."""
    source = resources.folder("firmware_templates") / "firmware/boot_rp2040.S"
    made, binary = tmp_path / "boot.o", tmp_path / "boot.bin"
    subprocess.run(
        ["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-c", source, "-o", made], check=True
    )
    subprocess.run(
        ["arm-none-eabi-objcopy", "-O", "binary", "-j", ".boot", made, binary], check=True
    )
    code = binary.read_bytes()
    assert len(code) == 256
    crc = 0xFFFFFFFF  # CRC-32/MPEG-2: the highest bit first, nothing inverted
    for byte in code[:252]:
        crc ^= byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    assert struct.unpack("<I", code[252:]) == (crc,)


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m33", "cortex-m55"])
def test_make_run_shows_a_result(tmp_path: Path, core: str) -> None:
    directory = export(tmp_path / "project", targets.find(core))
    done = make(directory, "run")
    assert done.returncode == 0, done.stderr
    assert "10 x int8_t: -128" in done.stdout
    assert "PASS: every byte as at export" in done.stdout


def test_make_run_fails_on_other_bytes(tmp_path: Path) -> None:
    directory = export(tmp_path / "project", targets.find("cortex-m4"))
    weights = directory / "weights.c"
    lines = weights.read_text().split("\n")
    first = next(i for i, line in enumerate(lines) if line.startswith("    ") and "," in line)
    lines[first] = "    " + "".join(f" {-int(v)}," for v in lines[first].split(",") if v.strip())
    weights.write_text("\n".join(lines))
    done = make(directory, "run")
    assert "FAIL: not the bytes of export" in done.stdout
    assert done.returncode != 0


@pytest.mark.parametrize("name", ["stm32f4_discovery", "rpi_pico"])
def test_cmake_builds_the_same_firmware(tmp_path: Path, name: str) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    directory, folder = export(tmp_path / "project", targets.find(name)), tmp_path / "build"
    toolchain = "-DCMAKE_TOOLCHAIN_FILE=firmware/toolchain.cmake"
    for step in (
        ["cmake", "-S", directory, "-B", folder, toolchain],
        ["cmake", "--build", folder],
    ):
        done = subprocess.run(step, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert make(directory, "firmware", "demo").returncode == 0
    for elf in ("firmware.elf", "demo.elf"):
        assert sizes(folder / elf) == sizes(directory / "build" / elf)


def sizes(elf: Path) -> dict[str, int]:
    """Of flash's sections; variables may lie in another order, with other gaps."""
    with elf.open("rb") as stream:
        sections = ELFFile(stream).iter_sections()
        return {s.name: s["sh_size"] for s in sections if s["sh_flags"] & 3 == 2}


def test_a_users_board_is_one_file(tmp_path: Path) -> None:
    """Its own driver lies beside it, and the project goes on working without the file."""
    mine = tmp_path / "mine"
    mine.mkdir()
    text = targets.find("mps2-an386").file.read_text().replace('driver = "cmsdk"', 'driver = "me"')
    (mine / "my_board.toml").write_text(text)
    ours = resources.folder("firmware_templates") / "firmware"
    for kind in ("uart", "counter"):
        shutil.copyfile(ours / f"{kind}_cmsdk.c", mine / f"{kind}_me.c")
    target = targets.find(str(mine / "my_board.toml"))
    assert target.board == "my_board"
    directory = export(tmp_path / "project", target)
    shutil.rmtree(mine)
    assert "--target my_board.toml" in (directory / "model.h").read_text()
    found = project.target_of(directory)
    assert dataclasses.replace(found, file=target.file) == target
    done = make(directory, "run")
    assert "PASS" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("summary = 3 =", "is not TOML"),
        ("summary = 'x'\n", "lacks 'core'"),
        ("summary = 'x'\ncore = 'z80'\n", "unknown core 'z80'"),
        ("summary = 'x'\ncore = 'cortex-m4'\n[flash]\norigin = 0\n", "lacks 'bytes'"),
        ("core = 'cortex-m4'\nsummary = 'x'\nflash = 3\n", "is not a board's"),
    ],
)
def test_a_users_board_with_a_mistake(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "board.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        targets.find(str(path))


def test_a_board_without_its_driver(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    text = targets.find("mps2-an386").file.read_text().replace('driver = "cmsdk"', 'driver = "me"')
    path.write_text(text)
    with pytest.raises(InputError, match=r"uart_me\.c"):
        export(tmp_path / "project", targets.find(str(path)))


def test_boards_are_found_by_their_chip() -> None:
    assert targets.find("stm32f103").board == "bluepill"
    assert targets.find("rp2040").board == "rpi_pico"
    assert targets.find("stm32f746").board == "stm32f746g_disco"
    assert targets.find("stm32l552").board == "nucleo_l552ze_q"
    with pytest.raises(InputError, match="arduino_nano_33_ble or nrf52840dk"):
        targets.find("nrf52840")
    with pytest.raises(InputError, match="unknown target"):
        targets.find("")


def board_with(path: Path, flash: int, ram: int) -> Target:
    """The smallest board, made smaller."""
    text = targets.find("bluepill").file.read_text()
    assert text.count("bytes = 0x10000\n") == text.count("bytes = 0x5000\n") == 1
    text = text.replace("bytes = 0x10000\n", f"bytes = {flash}\n")
    path.write_text(text.replace("bytes = 0x5000\n", f"bytes = {ram}\n"))
    return targets.find(str(path))


def refused(target: Target, output: Path) -> str:
    arguments = [str(MODEL), "--board", str(target.file), "-o", str(output)]
    with pytest.raises(CheckFailed) as error:
        CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False)
    assert not output.exists()
    return str(error.value)


def test_a_model_that_is_too_large_for_the_boards_ram(tmp_path: Path) -> None:
    target = board_with(tmp_path / "small_ram.toml", 0x10000, 0x1000 + 128 + 64)
    said = refused(target, tmp_path / "out")
    assert "small_ram has 64 bytes of RAM for arena and state: the arena takes" in said
    assert "rows of node 0 CONV_2D 192" in said


@pytest.mark.parametrize("flash", [300, 7000])  # less than the weights; than weights and code
def test_a_model_that_is_too_large_for_the_boards_flash(tmp_path: Path, flash: int) -> None:
    said = refused(board_with(tmp_path / "small_flash.toml", flash, 0x5000), tmp_path / "out")
    assert f"small_flash has {flash:,} bytes of flash: needs" in said
    assert "the largest are node" in said
    assert ("code takes" in said) == (flash == 7000)


@pytest.mark.parametrize("memory", ["FLASH", "RAM"])
def test_the_linker_says_what_overflows(tmp_path: Path, memory: str) -> None:
    """So it does where there is no tinyml, after a change of the user's."""
    directory = export(tmp_path / "project", targets.find("bluepill"))
    script = directory / "firmware/link.ld"
    size = {"FLASH": "LENGTH = 65536", "RAM": "LENGTH = 20480"}[memory]
    assert size in script.read_text()
    script.write_text(script.read_text().replace(size, "LENGTH = 4096"))
    done = make(directory)
    assert done.returncode != 0
    assert f"region `{memory}' overflowed by" in done.stderr
    with pytest.raises(DoesNotFit, match=f"{memory} overflows by [0-9,]+ bytes"):
        build.build(directory, "firmware", tmp_path / "build")


def test_the_boards_memories_are_budgets_when_the_fastest_plan_is_too_large(tmp_path: Path) -> None:
    roomy = targets.find("bluepill")
    fastest = program.compile_model(MODEL, options=Options(roomy.processor))
    assert fitting.fitted(fastest, roomy) is fastest
    room = fastest.plan.arena_bytes - 100
    tight = board_with(tmp_path / "tight.toml", 0x10000, 0x1000 + 128 + room)
    assert fitting.room(tight) == room
    assert fitting.fitted(fastest, tight).plan.arena_bytes <= room
