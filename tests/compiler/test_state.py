"""The state block: reset, order, HostModel, the checker, and resource variables of streaming models."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from test_lstm import lstm
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


def test_without_names(tmp_path: Path) -> None:
    """TFLM's keyword models, which have SVDF, name nothing."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        ends = build_svdf(m, rng)
        for tensor in m.tensors:
            tensor.name = None
        return ends

    check(tmp_path, build, seed=2)


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


def streaming(
    m: mb.ModelBuilder,
    rng: np.random.Generator,
    dtype: str = "int8",
    zero_point: int = 25,
    start: np.ndarray | None = None,
) -> tuple[int, int]:
    """A window over the last 4 inputs, as TensorFlow's converter writes it; returns input and window."""
    quantization = {} if dtype == "float32" else {"scale": 0.02, "zero_point": zero_point}
    source = m.tensor((1, 1, 4), dtype, **quantization)
    if start is not None:
        m.effect("CALL_ONCE", [], kind="CallOnceOptions", initSubgraphIndex=1)
        once = m.subgraph()
        value = once.tensor((1, 3, 4), dtype, data=start, **quantization)
        once.effect("ASSIGN_VARIABLE", [once.handle("window"), value])
    handle = m.handle("window")
    past = m.node("READ_VARIABLE", [handle], m.tensor((1, 3, 4), dtype, **quantization))
    window = m.tensor((1, 4, 4), dtype, **quantization)
    m.node("CONCATENATION", [past, source], window, kind="ConcatenationOptions", axis=1)
    bounds = [m.tensor((3,), "int32", data=np.array(v)) for v in ([0, 1, 0], [0, 4, 0], [1, 1, 1])]
    kept = m.tensor((1, 3, 4), dtype, **quantization)
    options = {"kind": "StridedSliceOptions", "beginMask": 5, "endMask": 7}
    m.node("STRIDED_SLICE", [window, *bounds], kept, **options)
    m.effect("ASSIGN_VARIABLE", [handle, kept])
    return source, window


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize(("dtype", "zero_point"), [("int8", 25), ("int16", 0), ("int8", -128)])
def test_streaming(tmp_path: Path, dtype: str, zero_point: int, start: bool) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        values = rng.integers(-128, 128, (1, 3, 4)) if start else None
        return streaming(m, rng, dtype, zero_point, values)

    model = HostModel(check(tmp_path, build, seed=4, samples=9))
    batch = model.ports.random_inputs(3, 0)
    model.reset()
    first = model.predict_all(batch)
    model.reset()
    np.testing.assert_array_equal(model.predict_all(batch)[0], first[0])


def test_streaming_on_the_device(tmp_path: Path) -> None:
    check(
        tmp_path,
        lambda m, rng: streaming(m, rng, start=np.arange(12).reshape(1, 3, 4)),
        seed=4,
        samples=7,
        qemu=True,
    )


def test_order_of_reads_and_writes(tmp_path: Path) -> None:
    """Reads before, between and after assignments of a variable with two handles, beside another one."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        q = {"scale": 0.1, "zero_point": 3}
        source = m.tensor((1, 6), "int8", **q)
        again, other = m.handle("a"), m.handle("other")
        handle = m.handle("a", None)
        outputs = []

        def read(handle: int) -> None:
            outputs.append(m.node("READ_VARIABLE", [handle], m.tensor((1, 6), "int8", **q)))

        read(handle)
        m.effect("ASSIGN_VARIABLE", [again, source])
        read(handle)
        positive = m.node("RELU", [source], m.tensor((1, 6), "int8", **q))
        m.effect("ASSIGN_VARIABLE", [other, outputs[0]])
        m.effect("ASSIGN_VARIABLE", [handle, positive])
        read(again)
        read(other)
        constant = m.tensor((1, 6), "int8", data=rng.integers(-9, 9, (1, 6)), **q)
        m.effect("ASSIGN_VARIABLE", [handle, constant])
        return source, [*outputs, positive]

    project = check(tmp_path, build, seed=4, samples=5)
    assert json.loads((project / "report.json").read_text())["ram_bytes"]["state"] == 16


def test_reads_in_place(tmp_path: Path) -> None:
    """A variable is read where it is, but not by a view, nor when it is assigned in between."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        q = {"scale": 0.1, "zero_point": 3}
        source = m.tensor((1, 6), "int8", **q)
        handle = m.handle("a")
        reads = [m.node("READ_VARIABLE", [handle], m.tensor((1, 6), "int8", **q)) for _ in range(3)]
        early = m.node("RELU", [reads[0]], m.tensor((1, 6), "int8", **q))
        view = m.node("RESHAPE", [reads[1]], m.tensor((6, 1), "int8", **q))
        m.effect("ASSIGN_VARIABLE", [handle, source])
        late = m.node("RELU", [reads[2]], m.tensor((1, 6), "int8", **q))
        return source, [early, view, late]

    check(tmp_path, build, seed=4, samples=5)
    path = tmp_path / "model.tflite"
    operators = [node.operator for node in program.compile_model(path).graph.nodes]
    assert operators.count("READ_VARIABLE") == 2
    operators = [
        node.operator
        for node in program.compile_model(path, ["read-variables-in-place"]).graph.nodes
    ]
    assert operators.count("READ_VARIABLE") == 3


def refused(tmp_path: Path, m: mb.ModelBuilder, source: int, target: int) -> str:
    path = m.save(tmp_path / "model.tflite", [source], [target])
    with pytest.raises(InputError) as error:
        program.compile_model(path)
    return str(error.value)


def test_refused_sizes(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    source, window = streaming(m, np.random.default_rng(0))
    m.node("READ_VARIABLE", [m.handle("window")], m.tensor((1, 2, 4), "int8", 0.02))
    assert "int8 (1, 3, 4) and int8 (1, 2, 4)" in refused(tmp_path, m, source, window)


def test_refused_never_assigned(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    source, window = streaming(m, np.random.default_rng(0))
    m.node("READ_VARIABLE", [m.handle("another")], m.tensor((1, 2, 4), "int8", 0.02))
    assert "which nothing assigns" in refused(tmp_path, m, source, window)


def test_refused_late(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    source, window = streaming(m, np.random.default_rng(0), start=np.arange(12).reshape(1, 3, 4))
    nodes = m.nodes
    m.reorder([*nodes[1:], nodes[0]])
    assert "before every read and assignment" in refused(tmp_path, m, source, window)


def test_refused_computed(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    source = m.tensor((1, 4), "int8", 0.1)
    m.effect("CALL_ONCE", [], kind="CallOnceOptions", initSubgraphIndex=1)
    once = m.subgraph()
    zero = once.tensor((1, 4), "int8", 0.1, data=np.zeros((1, 4)))
    value = once.node("RELU", [zero], once.tensor((1, 4), "int8", 0.1))
    once.effect("ASSIGN_VARIABLE", [once.handle("a"), value])
    m.effect("ASSIGN_VARIABLE", [m.handle("a"), source])
    target = m.node("RELU", [source], m.tensor((1, 4), "int8", 0.1))
    assert "only assigns constants to variables; found node 0 RELU" in refused(
        tmp_path, m, source, target
    )


@pytest.mark.parametrize("index", [0, 2, -1, None])
def test_refused_subgraphs(tmp_path: Path, index: int | None) -> None:
    m = mb.ModelBuilder()
    source, window = streaming(m, np.random.default_rng(0))
    m.subgraph()
    if index is not None:
        m.effect("CALL_ONCE", [], kind="CallOnceOptions", initSubgraphIndex=index)
    assert "besides those of CALL_ONCE, found 2" in refused(tmp_path, m, source, window)


HARNESS = """
#include "model.h"
int main(void) {
    model_init();
    for (int round = 0; round < 40; ++round) {
        TYPE *input = model_input();
        for (int i = 0; i < MODEL_INPUT_ELEMENTS; ++i)
            input[i] = (TYPE)(round % 3 == 0 ? LEAST : round % 3 == 1 ? -1 - LEAST : i * 3701 + round);
        model_invoke();
        if (round == 20)
            model_reset();
    }
    return model_output()[0] == 99;
}
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["svdf-s8", "svdf-s16", "lstm-s8", "lstm-s16", "streaming"])
def test_kernels_are_clean(tmp_path: Path, kind: str) -> None:
    """No warning, no undefined behaviour, on inputs and weights at their extremes."""
    operator, _, size = kind.partition("-")
    dtype = "int16" if kind == "lstm-s16" else "int8"

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        if operator == "streaming":
            return streaming(m, rng, start=np.arange(12).reshape(1, 3, 4))
        if operator == "svdf":
            source = m.tensor((2, 9), "int8", 0.05, -128)
            scale = 1e-5 if size == "s16" else 0.004
            options = {"state": size.replace("s", "int"), "state_scale": scale}
            return source, svdf(m, rng, source, (2, 9), **options)
        source = m.tensor((2, 3, 9), dtype, 0.02)
        options = {"dtype": dtype, "weights_scale": 0.5, "cell_scale": 2.0**-15}
        return source, lstm(m, rng, source, (2, 3, 9), hidden=(1 / 128, 0), **options)

    project = check(tmp_path, build, seed=11, samples=3)
    least = int(np.iinfo(dtype).min)
    harness = tmp_path / "harness.c"
    harness.write_text(HARNESS.replace("TYPE", f"{dtype}_t").replace("LEAST", f"({least})"))
    sources = [*project.glob("*.c"), *(project / "kernels").glob("*.c"), harness]
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O1", "-g"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    include = [f"-I{project}", f"-I{project / 'kernels'}"]
    binary = tmp_path / "harness"
    built = subprocess.run(
        ["gcc", *flags, *include, *map(str, sources), "-o", str(binary)],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    done = subprocess.run([binary], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
