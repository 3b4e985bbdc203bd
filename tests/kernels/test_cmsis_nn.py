"""CMSIS-NN, where the user has it: what a project holds, and when it is taken."""

from __future__ import annotations

import json
from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from cmsis_nn_cases import CORES, NEEDED, run

from tinyml import targets
from tinyml.codegen import program, project
from tinyml.emulate import ports, validation
from tinyml.kernels import cmsis_nn as kernels
from tinyml.kernels.base import Options
from tinyml.quantize.tflm import Tflm

pytestmark = NEEDED
SMALL = Path(__file__).parents[1] / "models" / "small.tflite"


def exported(tmp_path: Path, library: str, core: str) -> Path:
    """The small network, with its convolutions, sum, pool, fully connected layer and softmax."""
    target = targets.find(core)
    options = Options(
        target.processor,
        library,
        cmsis_nn=kernels.found(library, target.processor, None),
    )
    compiled = program.compile_model(SMALL, options=options)
    tmp_path.mkdir(exist_ok=True)
    project.write(tmp_path, compiled, target, SMALL, "0" * 64, "small")
    return tmp_path


@pytest.mark.parametrize("core", ["cortex-m3", *CORES])
def test_small_network(tmp_path: Path, core: str) -> None:
    directory = exported(tmp_path, "cmsis-nn", core)
    inputs = ports.of_project(directory).random_inputs(5, seed=1)
    expected = Tflm(SMALL).predict_all(inputs)
    for emulator in ("host", "qemu"):
        found = validation.execute(directory, inputs, emulator, 30)
        np.testing.assert_array_equal(found.outputs[0], expected[0])


def test_a_project_holds_what_it_needs_and_nothing_else(tmp_path: Path) -> None:
    directory = exported(tmp_path, "cmsis-nn", "cortex-m4")
    assert "Apache License" in (directory / "cmsis-nn/LICENSE").read_text("utf-8")
    sources = {path.name for path in directory.glob("cmsis-nn/Source/*/*.c")}
    assert {"arm_convolve_s8.c", "arm_depthwise_conv_3x3_s8.c", "arm_softmax_s8.c"} <= sources
    assert not any("s16.c" in name and "s8" not in name for name in sources)
    assert not any("lstm" in name or "svdf_s8" in name for name in sources)


def test_auto_takes_it_with_helium_only(tmp_path: Path) -> None:
    for core, taken in (("cortex-m4", False), ("cortex-m55", True)):
        directory = exported(tmp_path / core, "auto", core)
        assert (directory / "cmsis-nn").exists() == taken


def test_what_it_lacks_gets_ours_and_the_report_says_so(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 4, 4, 2), scale=0.1, zero_point=3)
        output = m.tensor((1, 4, 4, 2), scale=1 / 256, zero_point=-128)
        return source, m.node("LOGISTIC", [source], output)

    assert run(tmp_path, [build], "cortex-m4") == ["general"]
    report = json.loads((tmp_path / "project/report.json").read_text("utf-8"))
    assert report["nodes"][0]["choice"]["why"] == "CMSIS-NN has no kernel for this operator"
    assert not (tmp_path / "project/cmsis-nn").exists()
