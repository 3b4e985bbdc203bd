"""One model, four ways: numpy reference = compiled C on the host = firmware on QEMU = TFLM."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Union

import model_builder as mb
import numpy as np

from tinyml import targets
from tinyml.codegen import program, project
from tinyml.emulate import ports, validation
from tinyml.graph import reference
from tinyml.kernels import cmsis_nn
from tinyml.kernels.base import GENERAL, Options
from tinyml.quantize.tflm import Tflm

Ends = Union[int, Sequence[int]]
# Every check with other kernels, on QEMU: long, but all matrices of shapes and types are there already.
_KERNELS = os.environ.get("TINYML_TEST_KERNELS")
Build = Callable[[mb.ModelBuilder, np.random.Generator], "tuple[Ends, Ends]"]


def check(
    tmp_path: Path,
    build: Build,
    seed: int,
    samples: int = 6,
    constant: bool = False,
    qemu: bool = False,
    disabled: Sequence[str] = (),
    options: Options | None = None,
) -> Path:
    """Build a model and compare every output byte on random inputs and on the extremes.

    Args:
        tmp_path: an empty directory.
        build: adds tensors and nodes, answers with the input(s) and output(s).
        seed: of weights and inputs.
        samples: inputs to try; the first two are all least and all greatest values.
        constant: the outputs are expected to be the same for every input.
        qemu: run the firmware on QEMU, too (slower).
        disabled: passes to leave out.
        options: for which core, with which kernels; by default the fastest for a Cortex-M4.

    Returns:
        The exported project.
    """
    tmp_path.mkdir(exist_ok=True)
    path = _saved(tmp_path, build, seed)
    expected = check_file(path, tmp_path, seed, samples, qemu, disabled, options)
    # An operator that always answers the same would pass unnoticed.
    varies = any(len(np.unique(part)) > 1 for part in expected)
    assert varies != constant
    return tmp_path / "project"


def check_file(
    path: Path,
    tmp_path: Path,
    seed: int,
    samples: int = 6,
    qemu: bool = False,
    disabled: Sequence[str] = (),
    options: Options | None = None,
) -> list[np.ndarray]:
    """Compare every output byte of a .tflite; arguments as of `check`.

    Returns:
        TFLM's outputs for the samples.
    """
    options, qemu = options or _chosen(), qemu or bool(_KERNELS)
    compiled = program.compile_model(path, disabled, options=options)
    directory = _written(tmp_path / "project", compiled, path)
    batches = _batches(directory, samples, seed)
    expected = Tflm(path).predict_all(batches)
    _equal("numpy reference", reference.outputs(compiled.graph, batches), expected)
    _equal("host C", validation.execute(directory, batches, "host", 30).outputs, expected)
    if any(candidate.name != GENERAL for candidate in compiled.chosen.values()):
        plain = program.compile_model(path, disabled, options=Options(library=GENERAL))
        general = _written(tmp_path / "general", plain, path)
        found = validation.execute(general, batches, "host", 30).outputs
        _equal("host C, general kernels", found, expected)
    if qemu:
        _equal("firmware", validation.execute(directory, batches, "qemu", 30).outputs, expected)
    return expected


def _chosen() -> Options:
    """The fastest kernels for a Cortex-M4, or what the environment says."""
    if not _KERNELS:
        return Options()
    core = targets.find(os.environ.get("TINYML_TEST_CORE", "cortex-m4")).processor
    return Options(core, _KERNELS, cmsis_nn=cmsis_nn.found(_KERNELS, core, None))


def _written(directory: Path, compiled: program.Program, path: Path) -> Path:
    directory.mkdir()
    target = targets.find(compiled.options.core.name)
    project.write(directory, compiled, target, path, "0" * 64, "model")
    return directory


def _saved(tmp_path: Path, build: Build, seed: int) -> Path:
    m = mb.ModelBuilder()
    ends = build(m, np.random.default_rng(seed))
    inputs, outputs = ([end] if isinstance(end, int) else list(end) for end in ends)
    return m.save(tmp_path / "model.tflite", inputs, outputs)


def _batches(directory: Path, samples: int, seed: int) -> list[np.ndarray]:
    known = ports.of_project(directory)
    batches = known.random_inputs(samples, seed)
    for batch in batches:
        if batch.dtype.kind == "i" and samples > 2:
            batch[0], batch[1] = np.iinfo(batch.dtype).min, np.iinfo(batch.dtype).max
    return batches


def _equal(what: str, found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    assert len(found) == len(expected)
    for index, (one, other) in enumerate(zip(found, expected)):
        np.testing.assert_array_equal(one, other, err_msg=f"{what}, output {index}")
