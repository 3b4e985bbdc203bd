"""The state block: reset, order, HostModel, the checker, and resource variables of streaming models."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from test_svdf import svdf
from tflm_check import check

from tinyml.codegen import program
from tinyml.emulate.host import HostModel
from tinyml.errors import InputError
from tinyml.memory import checker, state


def build_svdf(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
    source = m.tensor((1, 8), "int8", 0.05, -3)
    return source, svdf(m, rng, source, (1, 8), state="int8", state_scale=0.02, state_zero=7)


def test_reset(tmp_path: Path) -> None:
    """State goes on over calls; after a reset everything repeats."""
    model = HostModel(check(tmp_path, build_svdf, seed=2))
    batch = np.random.default_rng(3).integers(-128, 128, (6, 8)).astype(np.int8)
    first = model.predict(batch)
    assert (model.predict(batch) != first).any()
    model.reset()
    parts = [model.predict(batch[:2]), model.predict(batch[2:])]
    np.testing.assert_array_equal(np.concatenate(parts), first)


def test_interface(tmp_path: Path) -> None:
    project = check(tmp_path, build_svdf, seed=2)
    assert json.loads((project / "report.json").read_text())["ram_bytes"]["state"] == 40
    header = (project / "model.h").read_text()
    assert "void model_reset(void);" in header
    assert "#define MODEL_STATE_BYTES 40 " in header
    assert "memset(state.bytes + 0, 7, 40);" in (project / "model.c").read_text()


def test_without_state(tmp_path: Path) -> None:
    model = mb.small_network()
    path = tmp_path / "model.tflite"
    path.write_bytes(model)
    assert program.compile_model(path).states.nbytes == 0


def test_checker_sees_states(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source, first = build_svdf(m, rng)
        return source, svdf(m, rng, first, (1, 4))

    check(tmp_path, build, seed=1)
    compiled = program.compile_model(tmp_path / "model.tflite")
    first, second = compiled.states.offsets
    for offsets in (
        {first: 0},
        {first: 0, second: 32},
        {first: 4, second: 48},
        {first: 0, second: 8000},
    ):
        broken = state.StatePlan(offsets, compiled.states.nbytes)
        with pytest.raises(checker.PlanError):
            checker.check_states(compiled.graph, compiled.plan, broken)
    buffers = (replace(compiled.plan.buffers[0], tensors=(first,)), *compiled.plan.buffers[1:])
    with pytest.raises(checker.PlanError, match="not in the block"):
        checker.check_states(
            compiled.graph, replace(compiled.plan, buffers=buffers), compiled.states
        )


def test_shared_state(tmp_path: Path) -> None:
    """A node that nothing reads still changes the state that another goes on with."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 8), "int8", 0.05, -3)
        svdf(m, rng, source, (1, 8))
        target = svdf(m, rng, source, (1, 8))
        first, second = m.nodes
        second.inputs[4] = first.inputs[4]
        return source, target

    check(tmp_path, build, seed=1)
    assert len(program.compile_model(tmp_path / "model.tflite").calls) == 2


def test_only_operators_with_a_state_read_it(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    source = m.tensor((1, 8), "int8", 0.05)
    variable = m.variable((1, 8), "int8", 0.05)
    target = m.tensor((1, 8), "int8", 0.1)
    m.node("ADD", [source, variable], target, kind="AddOptions")
    path = m.save(tmp_path / "model.tflite", [source], [target])
    with pytest.raises(InputError, match="only operators with a state read variable tensors"):
        program.compile_model(path)
