"""An exported model as a part of somebody's program: two of them side by side, and CMake's library."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from test_project import export

_FLAGS = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror"]


def test_two_models_link_into_one_program(tmp_path: Path) -> None:
    """Public names differ by prefix; kernels are the same files, and one copy serves both."""
    first, second = export(tmp_path / "a", "first"), export(tmp_path / "b", "second")
    main = tmp_path / "main.c"
    main.write_text(
        '#include <string.h>\n#include "a/model.h"\n#include "b/model.h"\n'
        "int main(void)\n{\n"
        "    first_init();\n    second_init();\n"
        "    memset(first_input(), 7, FIRST_INPUT_BYTES);\n"
        "    memset(second_input(), 7, SECOND_INPUT_BYTES);\n"
        "    first_invoke();\n    second_invoke();\n"
        "    return memcmp(first_output(), second_output(), FIRST_OUTPUT_BYTES);\n}\n"
    )
    objects = []
    for folder in (first, second):
        for name in ("model", "weights"):
            objects.append(tmp_path / f"{folder.name}_{name}.o")
            include = [f"-I{folder}", f"-I{folder}/kernels"]
            compiled = ["cc", *_FLAGS, *include, "-c", f"{folder}/{name}.c", "-o", str(objects[-1])]
            subprocess.run(compiled, check=True)
    kernels = sorted((first / "kernels").glob("*.c"))
    program = tmp_path / "both"
    sources = [*objects, *kernels, main]
    command = ["cc", *_FLAGS, f"-I{tmp_path}", f"-I{first}/kernels", *map(str, sources)]
    subprocess.run([*command, "-o", str(program)], check=True)
    assert subprocess.run([str(program)]).returncode == 0


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
