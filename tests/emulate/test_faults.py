"""Firmware that is really broken: what it did wrong is told, with registers and names."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tinyml import targets
from tinyml.codegen import program, project
from tinyml.emulate import build, symbols, validation
from tinyml.emulate.protocol import DeviceFault
from tinyml.errors import CheckFailed
from tinyml.kernels.base import Options

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"
NOWHERE = 0x60000000  # no board of ours has anything there
# The other statements would do the same with less, but a compiler sees through them.
READ_NOWHERE = f"(void)*(volatile int *){NOWHERE}u;"
OVERFLOW = (
    "volatile uint8_t deep[2048]; deep[0] = deep[2047] = 1; "
    "void (*volatile again)(void) = small_invoke; again(); deep[1] = 2;"
)


def broken(directory: Path, statement: str, target: str = "cortex-m4") -> Path:
    """A project whose inference begins with a statement."""
    directory.mkdir()
    board = targets.find(target)
    compiled = program.compile_model(MODEL, options=Options(board.processor))
    project.write(directory, compiled, board, MODEL, "0" * 64, "small")
    source = directory / "model.c"
    head = "void small_invoke(void)\n{"
    text = source.read_text()
    assert head in text
    source.write_text(text.replace(head, f"{head}\n{statement}"))
    return directory


def run(directory: Path, emulator: str = "qemu", timeout: float = 30.0) -> validation.Measured:
    inputs = np.zeros((1, 8, 8, 1), np.int8)
    return validation.execute(directory, [inputs], emulator, timeout)


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m4", "cortex-m33", "cortex-m55"])
def test_registers_and_functions_are_told(tmp_path: Path, core: str) -> None:
    with pytest.raises(DeviceFault) as caught:
        run(broken(tmp_path / "p", '__asm("mov r3, #77\\n udf #0" ::: "r3");', core))
    fault = caught.value
    assert fault.cause == "undefined instruction"
    assert fault.registers["r3"] == 77
    assert fault.registers["HFSR"] == 0x40000000  # escalated
    assert fault.registers["sp"] - targets.find(core).ram.origin > 0
    assert re.match(
        r"the firmware faulted in small_invoke\+0x[0-9a-f]+, called from \w+\+0x[0-9a-f]+: "
        r"undefined instruction; sp 0x[0-9a-f]{8} CFSR 0x00010000 ",
        str(fault),
    )


def test_armv6m_has_no_fault_status(tmp_path: Path) -> None:
    with pytest.raises(DeviceFault, match=r"in small_invoke\+0x") as caught:
        run(broken(tmp_path / "p", '__asm("udf #0");', "cortex-m0plus"))
    assert "CFSR" not in caught.value.registers
    assert caught.value.registers["xpsr"] & 0x01000000  # Thumb


def test_an_address_without_memory_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceFault, match="access where there is no memory") as caught:
        run(broken(tmp_path / "p", READ_NOWHERE))
    assert caught.value.registers["BFAR"] == NOWHERE


def test_a_jump_to_nowhere_names_the_caller(tmp_path: Path) -> None:
    jump = f'((void (*)(void)){NOWHERE + 1}u)(); __asm volatile("nop");'
    with pytest.raises(DeviceFault, match=r"at 0x60000000, called from small_invoke\+0x") as caught:
        run(broken(tmp_path / "p", jump))
    assert caught.value.cause == "code where there is no memory"


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m33", "cortex-m55"])
def test_an_endless_recursion_is_told(tmp_path: Path, core: str) -> None:
    with pytest.raises(DeviceFault, match="the firmware faulted: the stack overflowed") as caught:
        run(broken(tmp_path / "p", OVERFLOW, core), timeout=20)
    assert caught.value.registers["sp"] < targets.find(core).ram.origin


def test_a_stack_that_is_just_too_small_is_told(tmp_path: Path) -> None:
    board = targets.find("cortex-m4")
    deep = (
        f"volatile uint8_t deep[{board.stack_bytes}]; deep[0] = deep[{board.stack_bytes - 1}] = 1;"
    )
    with pytest.raises(CheckFailed, match="the stack overflowed"):
        run(broken(tmp_path / "p", deep))


def test_a_hang_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="did not answer within 1 seconds"):
        run(broken(tmp_path / "p", "for (;;) {\n}"), timeout=1)


def test_an_inference_that_sends_by_itself_is_told(tmp_path: Path) -> None:
    """A frame more than was asked for, right after a right answer."""
    directory = broken(tmp_path / "p", "")
    main = directory / "firmware/main.c"
    text = main.read_text()
    assert text.count("answer_infer(&request);") == 1
    main.write_text(text.replace("answer_infer(&request);", "answer_infer(&request);" * 2))
    with pytest.raises(CheckFailed, match="a frame of type b'i'"):
        run(directory)


def test_another_model_is_told(tmp_path: Path) -> None:
    directory = broken(tmp_path / "p", "")
    with (directory / "model.tflite").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(CheckFailed, match="holds another model than the project"):
        run(directory)


def test_names_of_addresses(tmp_path: Path) -> None:
    elf = build.build(broken(tmp_path / "p", ""), "firmware", tmp_path / "build")
    assert symbols.nearest(elf, NOWHERE) == ""
    vector = int.from_bytes(elf_bytes(elf, ".vectors")[4:8], "little")
    assert symbols.nearest(elf, vector) == "Reset_Handler+0x0"
    assert symbols.nearest(elf, vector + 2) == "Reset_Handler+0x2"
    stripped = shutil.copy(elf, tmp_path / "stripped.elf")
    build.subprocess.run(["arm-none-eabi-strip", stripped], check=True)
    assert symbols.nearest(Path(stripped), vector) == ""


def elf_bytes(elf: Path, section: str) -> bytes:
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as stream:
        return ELFFile(stream).get_section_by_name(section).data()
