"""What export writes: golden text, identical bytes, strict compilers, constants in flash."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tinyml import run, targets
from tinyml.codegen import names, program, project
from tinyml.emulate import build
from tinyml.kernels.base import GENERAL, Options

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"
GOLDEN = Path(__file__).parent / "golden"


def export(directory: Path, prefix: str = "small") -> Path:
    directory.mkdir()
    compiled = program.compile_model(MODEL)
    target = targets.find("cortex-m4")
    project.write(directory, compiled, target, MODEL, run.sha256(MODEL), prefix)
    return directory


@pytest.mark.parametrize(
    "name",
    ["model.h", "model.c", "weights.h", "Makefile", "CMakeLists.txt", "report.json"]
    + [f"firmware/{part}" for part in ("main.c", "demo.c", "board.h", "link.ld")]
    + [f"renode/{part}" for part in ("platform.repl", "demo.resc", "demo.robot")],
)
def test_golden(tmp_path: Path, name: str) -> None:
    """A change of a template shows up here as a readable difference; copy the new text over if meant."""
    made = (export(tmp_path / "project") / name).read_text()
    golden = (GOLDEN / (name.replace("/", "_") + ".golden")).read_text()
    assert made == golden


def test_twice_gives_identical_bytes(tmp_path: Path) -> None:
    a, b = export(tmp_path / "a"), export(tmp_path / "b")
    assert run.sha256(a) == run.sha256(b)


def test_only_used_kernels_are_there(tmp_path: Path) -> None:
    sources = {path.name for path in (export(tmp_path / "p") / "kernels").glob("*.c")}
    assert sources == {
        "tinyml_add_s8.c",
        "tinyml_average_pool_fours_s8.c",
        "tinyml_conv_packed_s8.c",
        "tinyml_depthwise_3x3_exact_s8.c",
        "tinyml_fully_connected_s8.c",
        "tinyml_softmax_s8.c",
        "tinyml_stage.c",
    }


def test_report(tmp_path: Path) -> None:
    directory = export(tmp_path / "p")
    report = json.loads((directory / "report.json").read_text())
    convolution = report["nodes"][0]
    assert convolution["macs"] == 8 * 8 * 8 * 9
    assert report["macs"] == 8 * 8 * 8 * 9 * 2 + 8 * 10
    # Its largest tensors have 8 x 8 x 8 bytes; where the sum has two and makes the third, all lie on two.
    (scratch,) = {part["bytes"] for part in report["arena"] if part["name"] == "scratch of node 1"}
    assert report["arena_lower_bound"] == 3 * 512
    assert report["ram_bytes"]["arena"] == 2 * 512 + scratch
    assert [node["kernel"] for node in report["nodes"]].count("view") == 1
    # What is placed in flash, not what the file holds: RESHAPE's constant is not there at all.
    weights = [node["weight_bytes"] for node in report["nodes"]]
    assert sum(weights) == report["flash_bytes"]["weights"]
    assert [weights[i] for i, node in enumerate(report["nodes"]) if node["kernel"] == "view"] == [0]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_clean_under_strict_host_compilers_and_sanitizers(tmp_path: Path, compiler: str) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    directory = export(tmp_path / "p")
    harness = tmp_path / "harness.c"
    harness.write_text(
        """
        #include "model.h"
        int main(void) {
            small_init();
            for (int round = 0; round < 50; ++round) {
                int8_t *input = small_input();
                for (int i = 0; i < SMALL_INPUT_ELEMENTS; ++i)
                    input[i] = (int8_t)(round % 3 == 0 ? -128 : round % 3 == 1 ? 127 : i * 37 + round);
                small_invoke();
            }
            return small_output()[0] == 99;
        }
        """
    )
    sources = [*directory.glob("*.c"), *(directory / "kernels").glob("*.c"), harness]
    binary = tmp_path / "harness"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O1", "-g"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    include = [f"-I{directory}", f"-I{directory / 'kernels'}"]
    command = [compiler, *flags, *include, *map(str, sources), "-o", str(binary)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    done = subprocess.run([binary], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_constants_stay_in_flash(tmp_path: Path) -> None:
    directory = export(tmp_path / "p")
    elf = build.build(directory, "firmware", tmp_path / "build")
    report = project.read_report(directory)
    sizes = build.sizes(elf, report["flash_bytes"]["weights"])
    assert sizes.weights == report["flash_bytes"]["weights"]
    # RAM is the arena and a few words of the protocol, so no weight can be in it.
    assert report["ram_bytes"]["arena"] <= sizes.ram <= report["ram_bytes"]["arena"] + 64
    assert 0 < sizes.code < 12_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kws ref-model", "kws_ref_model"),
        ("1x1 conv/Relu", "m_1x1_conv_Relu"),
        ("int", "m_int"),
        ("", "m"),
        ("*/ int evil(void)", "int_evil_void"),
    ],
)
def test_identifiers(text: str, expected: str) -> None:
    assert names.identifier(text) == expected


def test_a_comment_cannot_be_left() -> None:
    text = names.comment("end */ system(1); /* \n\\ é")
    assert "*/" not in text
    assert "\n" not in text
    assert "\\" not in text
    assert text.isascii()


@pytest.mark.parametrize(
    ("core", "optimize", "library", "expected"),
    [
        ("cortex-m4", "size", GENERAL, "-Os"),
        ("cortex-m4", "balanced", GENERAL, "-O2"),  # the compiler does the work
        (
            "cortex-m4",
            "balanced",
            "tinyml",
            "-O2",
        ),  # half of it: this model's sum has no linear form
        ("cortex-m3", "balanced", "tinyml", "-O2"),
        ("cortex-m4", "speed", "tinyml", "-O2"),
    ],
)
def test_the_compiler_is_asked_for_what_pays(
    tmp_path: Path, core: str, optimize: str, library: str, expected: str
) -> None:
    target = targets.find(core)
    options = Options(target.processor, library, optimize)
    compiled = program.compile_model(MODEL, options=options)
    project.write(tmp_path, compiled, target, MODEL, "0" * 64, "small")
    makefile = (tmp_path / "Makefile").read_text()
    assert f"OPTIMIZE ?= {expected}\n" in makefile
    # For speed only what takes less than a percent of the time is compiled for size.
    small = re.findall(
        r"kernels/(\w+)\.c", makefile.partition("SMALL = ")[2].partition("$(SMALL")[0]
    )
    total = sum(c.instructions for c in compiled.chosen.values())
    rare = {
        call.kernel
        for c in compiled.chosen.values()
        for call in c.calls
        if 100 * c.instructions < total
    }
    assert set(small) == (rare if optimize == "speed" else set())
