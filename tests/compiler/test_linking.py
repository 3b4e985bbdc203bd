"""An exported model as a part of somebody's program: called from C++, two of them, and CMake's library."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from test_project import MODEL, export

from tinyml import run, targets
from tinyml.codegen import program, project
from tinyml.kernels.base import Options

_FLAGS = ["-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror"]

# Two models of one family: the same one, with the fastest kernels and with the smallest, some of them shared.
CALLER = """
#include "first/model.h"
#include "second/model.h"

static bool same()
{
    first_init();
    second_init();
    for (int i = 0; i < FIRST_INPUT_ELEMENTS; ++i) {
        first_input()[i] = second_input()[i] = static_cast<int8_t>(i * 37);
    }
    first_invoke();
    second_invoke();
    int sum = 0;
    for (int i = 0; i < FIRST_OUTPUT_ELEMENTS; ++i) {
        if (first_output()[i] != second_output()[i]) {
            return false;
        }
        sum += first_output()[i] + 128;
    }
    return sum > 0;
}

#ifdef __arm__
extern "C" {
void firmware_main(void);
void firmware_fault(const uint32_t *stacked, uint32_t bytes);
}

static void end(bool passed)
{
    register uint32_t operation __asm("r0") = 0x18u; /* SYS_EXIT */
    register uint32_t reason __asm("r1") = passed ? 0x20026u : 0x20023u;
    __asm volatile("bkpt 0xab" : : "r"(operation), "r"(reason) : "memory");
}

void firmware_main(void)
{
    end(same());
}

void firmware_fault(const uint32_t *, uint32_t)
{
    end(false);
}
#else
int main()
{
    return same() ? 0 : 1;
}
#endif
"""


def two_models(folder: Path) -> list[Path]:
    """Both projects in a folder; and a folder `kernels` with the kernels of both, each once."""
    target = targets.find("cortex-m4")
    (folder / "kernels").mkdir()
    for prefix, optimize in (("first", "speed"), ("second", "size")):
        compiled = program.compile_model(
            MODEL, options=Options(target.processor, optimize=optimize)
        )
        directory = folder / prefix
        directory.mkdir()
        project.write(directory, compiled, target, MODEL, run.sha256(MODEL), prefix)
        for kernel in (directory / "kernels").iterdir():
            there = folder / "kernels" / kernel.name
            assert not there.exists() or there.read_bytes() == kernel.read_bytes()
            shutil.copyfile(kernel, there)
    kernels = [
        {path.name for path in (folder / p / "kernels").iterdir()} for p in ("first", "second")
    ]
    assert kernels[0] & kernels[1]
    assert kernels[0] ^ kernels[1]
    return [folder / "first", folder / "second"]


def objects(folder: Path, compiler: list[str]) -> list[str]:
    """Everything compiled as C: the models, the kernels of both."""
    made = []
    for source in (
        *folder.glob("*/model.c"),
        *folder.glob("*/weights.c"),
        *folder.glob("kernels/*.c"),
    ):
        made.append(str(folder / f"{source.parent.name}_{source.stem}.o"))
        include = [f"-I{source.parent}", f"-I{folder / 'kernels'}"]
        command = [*compiler, "-std=c99", *_FLAGS, *include, "-c", str(source), "-o", made[-1]]
        subprocess.run(command, check=True)
    return made


def test_two_models_and_a_caller_in_cpp(tmp_path: Path) -> None:
    """Public names differ by prefix; kernels are the same files, and one copy serves both."""
    two_models(tmp_path)
    caller, made = tmp_path / "caller.cpp", tmp_path / "both"
    caller.write_text(CALLER)
    command = ["g++", "-std=c++11", *_FLAGS, str(caller), *objects(tmp_path, ["cc"])]
    subprocess.run([*command, "-o", str(made)], check=True)
    assert subprocess.run([str(made)]).returncode == 0


def test_two_models_and_a_caller_in_cpp_on_the_device(tmp_path: Path) -> None:
    first, _ = two_models(tmp_path)
    caller, elf = tmp_path / "caller.cpp", tmp_path / "both.elf"
    caller.write_text(CALLER)
    flags = list(targets.find("cortex-m4").flags)
    compiled = [*objects(tmp_path, ["arm-none-eabi-gcc", *flags]), str(tmp_path / "startup.o")]
    startup = ["arm-none-eabi-gcc", *flags, "-std=c99", "-c", str(first / "firmware/startup.c")]
    subprocess.run([*startup, "-o", compiled[-1]], check=True)
    cpp = ["arm-none-eabi-g++", *flags, "-std=c++11", "-fno-exceptions", "-fno-rtti", *_FLAGS]
    subprocess.run([*cpp, "-c", str(caller), "-o", str(tmp_path / "caller.o")], check=True)
    link = ["arm-none-eabi-gcc", *flags, "-nostartfiles", "--specs=nano.specs"]
    link += ["-T", str(first / "firmware/link.ld"), *compiled, str(tmp_path / "caller.o")]
    subprocess.run([*link, "-o", str(elf)], check=True)
    emulator = ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-monitor", "none"]
    emulator += ["-serial", "null", "-semihosting-config", "enable=on,target=native"]
    assert subprocess.run([*emulator, "-kernel", str(elf)], timeout=60).returncode == 0


def test_cmake_makes_a_library(tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    directory = export(tmp_path / "p")
    build = tmp_path / "build"
    subprocess.run(
        ["cmake", "-S", str(directory), "-B", str(build)], check=True, capture_output=True
    )
    subprocess.run(["cmake", "--build", str(build)], check=True, capture_output=True)
    assert (build / "libsmall.a").stat().st_size > 1000
