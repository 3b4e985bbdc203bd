"""Targets are data: every core's board runs a firmware, exactly."""

from __future__ import annotations

import subprocess
from pathlib import Path

import model_builder as mb
import numpy as np
import pytest

from tinyml import targets
from tinyml.codegen import fitting, program, project
from tinyml.emulate import validation
from tinyml.emulate.protocol import DeviceFault
from tinyml.errors import InputError
from tinyml.kernels.base import Options
from tinyml.quantize.tflm import Tflm

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"


@pytest.mark.parametrize("optimize", ["balanced", "size"])  # size is compiled with -Os
@pytest.mark.parametrize("name", sorted(targets.cores()))
def test_every_core_is_exact_on_its_board(tmp_path: Path, name: str, optimize: str) -> None:
    target = targets.find(name)
    compiled = program.compile_model(MODEL, options=Options(target.processor, optimize=optimize))
    project.write(tmp_path, compiled, target, MODEL, "0" * 64, "small")
    inputs = np.random.default_rng(1).integers(-128, 128, (5, 8, 8, 1)).astype(np.int8)
    measured = validation.execute(tmp_path, [inputs], "qemu", 30)
    np.testing.assert_array_equal(measured.outputs[0], Tflm(MODEL).predict(inputs))


@pytest.mark.parametrize("name", [*targets.cores(), *targets.boards()])
def test_every_file_is_complete(name: str) -> None:
    target = targets.find(name)
    compiled_as = {"cortex-m85": "cortex-m55"}.get(target.core, target.core)
    assert target.flags[0] == f"-mcpu={compiled_as}"
    assert target.stack_bytes < target.ram.bytes


def test_this_machine_is_a_target_without_a_firmware(tmp_path: Path) -> None:
    target = targets.find("host")
    compiled = program.compile_model(MODEL, options=Options(target.processor))
    project.write(tmp_path, compiled, target, MODEL, "0" * 64, "small")
    assert not (tmp_path / "firmware").exists()
    assert project.target_of(tmp_path).hosted
    inputs = np.random.default_rng(1).integers(-128, 128, (5, 8, 8, 1)).astype(np.int8)
    measured = validation.execute(tmp_path, [inputs], "host", 30)
    np.testing.assert_array_equal(measured.outputs[0], Tflm(MODEL).predict(inputs))
    made = subprocess.run(["make", "--silent", "-C", tmp_path], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "build/libmodel.so").is_file()
    with pytest.raises(InputError, match="has no firmware; take --emulator host"):
        validation.execute(tmp_path, [inputs], "qemu", 30)


def test_unknown_target() -> None:
    with pytest.raises(InputError, match="known targets are cortex-m0plus, cortex-m3"):
        targets.find("avr")


def test_models_that_fit_run_on_a_core_that_polices_armv6m(tmp_path: Path) -> None:
    """QEMU's Cortex-M0 takes no instruction of Armv7-M; models that are too large run on a Cortex-M3."""
    target = targets.find("cortex-m0plus")
    small = program.compile_model(MODEL, options=Options(target.processor))
    assert fitting.usual_board("cortex-m0plus", small).board == "microbit"
    assert fitting.usual_board("cortex-m4", small).board == "mps2-an386"
    assert fitting.usual_board("mps2-an385-m0plus", small).board == "mps2-an385-m0plus"
    m = mb.ModelBuilder()
    shape = (1, 64, 64, 8)  # 32 KB, more than the micro:bit's RAM
    source = m.tensor(shape, scale=0.05, zero_point=3)
    output, _ = mb.convolution(m, np.random.default_rng(1), source, shape, 8)
    path = m.save(tmp_path / "large.tflite", [source], [output])
    large = program.compile_model(path, options=Options(target.processor))
    assert fitting.usual_board("cortex-m0plus", large).board == "mps2-an385-m0plus"

    for name in ("microbit", "mps2-an385-m0plus"):
        (tmp_path / name).mkdir()
        project.write(tmp_path / name, small, targets.find(name), MODEL, "0" * 64, "small")
    inputs = np.random.default_rng(1).integers(-128, 128, (5, 8, 8, 1)).astype(np.int8)
    first, second = (
        validation.execute(tmp_path / name, [inputs], "qemu", 30)
        for name in ("microbit", "mps2-an385-m0plus")
    )
    np.testing.assert_array_equal(first.outputs[0], Tflm(MODEL).predict(inputs))
    assert first.instructions == second.instructions
    source_file = tmp_path / "microbit/model.c"
    head = "void small_invoke(void)\n{"
    udiv = '__asm(".arch armv7-m\\n udiv r0, r0, r1" ::: "r0");'
    source_file.write_text(source_file.read_text().replace(head, f"{head}\n{udiv}"))
    with pytest.raises(DeviceFault, match=r"in small_invoke\+0x"):
        validation.execute(tmp_path / "microbit", [inputs], "qemu", 30)
