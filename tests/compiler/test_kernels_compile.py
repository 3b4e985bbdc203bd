"""Every kernel, whether a test's model uses it or not: strict compilers for the host and for Arm."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tinyml import resources, targets

# Kernels that call CMSIS-NN's need its headers, which are not ours to carry.
KERNELS = [
    path
    for path in sorted(resources.folder("cmsis_glue").glob("*.c"))
    if not path.name.startswith("tinyml_cmsis_")
]
STRICT = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror"]


def compile_kernels(folder: Path, compiler: str, flags: list[str]) -> None:
    """Objects of all kernels into a folder."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    command = [compiler, "-c", *STRICT, *flags, *map(str, KERNELS)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(list(folder.glob("*.o"))) == len(KERNELS) > 40


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_on_the_host(tmp_path: Path, compiler: str) -> None:
    compile_kernels(tmp_path, compiler, [])


@pytest.mark.slow
@pytest.mark.parametrize("core", targets.cores())
@pytest.mark.parametrize("compiler", ["arm-none-eabi-gcc", "clang"])
def test_for_arm(tmp_path: Path, compiler: str, core: str) -> None:
    flags = list(targets.find(core).flags)
    if compiler == "clang":
        flags += ["--target=arm-none-eabi", *_newlib()]
    compile_kernels(tmp_path, compiler, flags)


def _newlib() -> list[str]:
    """Where gcc's standard headers are: clang for Arm brings none but its own."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc, which has the headers, is not installed")
    asked = ["arm-none-eabi-gcc", "-E", "-M", "-xc", "-"]
    done = subprocess.run(
        asked, input="#include <string.h>\n", capture_output=True, text=True, check=True
    )
    found = next(Path(word) for word in done.stdout.split() if word.endswith("/string.h"))
    return ["-isystem", str(found.parent)]
