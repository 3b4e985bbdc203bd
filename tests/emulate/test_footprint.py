"""Flash, RAM and worst-case stack, known at export."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinyml.cli.export import command
from tinyml.codegen.project import read_report
from tinyml.emulate import ports, stack, validation
from tinyml.errors import CheckFailed

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"


def export(output: Path) -> str:
    arguments = [str(MODEL), "--target", "cortex-m4", "-o", str(output)]
    return CliRunner().invoke(command, arguments, catch_exceptions=False).output


def test_the_report_holds_what_the_device_shows(tmp_path: Path) -> None:
    project = tmp_path / "project"
    assert "bytes of stack" in export(project)
    report = read_report(project)
    batches = ports.of_project(project).random_inputs(3, 0)
    measured = validation.execute(project, batches, "qemu", 30)
    assert measured.sizes is not None
    assert measured.stack_bytes is not None
    assert report["flash_bytes"]["total"] == measured.sizes.flash
    assert report["ram_bytes"]["total"] == measured.sizes.ram
    assert report["stack_uncounted"] == []  # the library's; this model's kernels call none
    taken = {symbol["name"]: symbol["bytes"] for symbol in report["symbols"]}
    assert taken["vectors"] == report["flash_bytes"]["vectors"]
    assert 0.95 < sum(taken.values()) / report["flash_bytes"]["total"] <= 1
    # The device's whole stack is that of the inference and a little of main's and the library's.
    assert report["stack_bytes"] <= measured.stack_bytes <= report["stack_bytes"] + 128


def test_without_a_compiler_they_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert "not known" in export(tmp_path / "project")
    report = json.loads((tmp_path / "project" / "report.json").read_text())
    assert report["stack_bytes"] is None
    assert report["symbols"] == []
    nodes = sum(node["weight_bytes"] for node in report["nodes"])
    assert report["flash_bytes"]["weights"] == nodes > 400


def compiled(tmp_path: Path, text: str) -> Path:
    source = tmp_path / "code.c"
    source.write_text(text)
    flags = ["-O0", "-c", stack.COMPILER_FLAG]
    command_line = [
        "arm-none-eabi-gcc",
        "-mcpu=cortex-m4",
        "-mthumb",
        *flags,
        source,
        "-o",
        "code.o",
    ]
    subprocess.run(command_line, check=True, cwd=tmp_path)
    return tmp_path


def test_the_longest_path_counts(tmp_path: Path) -> None:
    folder = compiled(
        tmp_path,
        """
        void outside(char *);
        void leaf(void) { char big[400]; outside(big); }
        void small(void) { char few[40]; outside(few); }
        void top(void) { small(); leaf(); }
        """,
    )
    worst, leaf = stack.worst_case(folder, "top"), stack.worst_case(folder, "leaf")
    assert 400 < leaf.bytes < worst.bytes < 480
    assert worst.uncounted == ("outside",)


def test_recursion_and_missing_functions_are_errors(tmp_path: Path) -> None:
    folder = compiled(tmp_path, "int f(int n) { return n ? f(n - 1) + 1 : 0; }")
    with pytest.raises(CheckFailed, match="calls itself"):
        stack.worst_case(folder, "f")
    with pytest.raises(CheckFailed, match="says nothing"):
        stack.worst_case(folder, "g")


def test_a_frame_without_a_fixed_size_is_an_error(tmp_path: Path) -> None:
    folder = compiled(tmp_path, "void out(char *); void f(int n) { char some[n]; out(some); }")
    with pytest.raises(CheckFailed, match="no fixed size"):
        stack.worst_case(folder, "f")
