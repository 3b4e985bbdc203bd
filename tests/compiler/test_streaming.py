"""Regions: nodes computed a few rows at a time, against TFLM; the checker finds every broken plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fuzz_graphs
import model_builder as mb
import numpy as np
import pytest
from tflm_check import Build, check, check_file

from tinyml import data, targets
from tinyml.codegen import program, project
from tinyml.codegen.project import read_report
from tinyml.emulate import layers, profile, validation
from tinyml.kernels.base import GENERAL, Options
from tinyml.memory import checker, planner
from tinyml.quantize.tflm import Tflm

Shape = tuple[int, ...]


class Chain:
    """A graph of images that grows at its last one; sums go back to any earlier one of the same shape."""

    def __init__(self, m: mb.ModelBuilder, rng: np.random.Generator, dtype: str) -> None:
        self.m, self.rng, self.dtype = m, rng, dtype
        self.zero = 0 if dtype == "int16" else 3
        height, width = int(rng.integers(5, 19)), int(rng.integers(2, 8))
        self.shape: Shape = (1, height, width, int(rng.choice([1, 3, 4, 8])))
        self.last = m.tensor(self.shape, dtype, 0.1, self.zero)
        self.source = self.last
        self.images = [(self.last, self.shape)]

    def grow(self) -> None:
        """Add one node."""
        kinds = [self.convolve, self.convolve, self.deepen, self.pool, self.add, self.function]
        kinds[int(self.rng.integers(len(kinds)))]()
        self.images.append((self.last, self.shape))

    def window(self) -> dict:
        padding = str(self.rng.choice(["SAME", "SAME", "VALID"]))
        size = [int(self.rng.choice([1, 3, 3, min(4, n)])) for n in self.shape[1:3]]
        if padding == "VALID":
            size = [min(pair) for pair in zip(size, self.shape[1:3])]
        stride = (int(self.rng.choice([1, 1, 2, 3])), int(self.rng.choice([1, 2])))
        return {"window": tuple(size), "stride": stride, "padding": padding}

    def convolve(self, depthwise: bool = False) -> None:
        channels = self.shape[3] if depthwise else int(self.rng.choice([3, 4, 8]))
        window = self.window()
        if depthwise and self.rng.random() < 0.5 and window["padding"] == "SAME":
            window |= {"window": (3, 3), "stride": (window["stride"][1],) * 2}
        dilation = (int(self.rng.choice([1, 1, 2])), 1) if window["padding"] == "SAME" else (1, 1)
        self.last, self.shape = mb.convolution(
            self.m, self.rng, self.last, self.shape, channels, depthwise=depthwise,
            dilation=dilation, activation=str(self.rng.choice(["NONE", "RELU"])),
            input_scale=0.1, zero_point=self.zero, dtype=self.dtype,
            bias_type="int64" if self.dtype == "int16" else "int32", **window,
        )  # fmt: skip

    def deepen(self) -> None:
        self.convolve(depthwise=True)

    def pool(self) -> None:
        kind = str(self.rng.choice(["AVERAGE", "MAX"]))
        self.last, self.shape = mb.pool(
            self.m, self.last, self.shape, kind=kind, zero_point=self.zero, dtype=self.dtype,
            **self.window(),
        )  # fmt: skip

    def add(self) -> None:
        others = [tensor for tensor, shape in self.images if shape == self.shape]
        other = int(self.rng.choice([*others, self.last]))
        total = self.m.tensor(self.shape, self.dtype, 0.1, self.zero)
        options = {"kind": "AddOptions", "fusedActivationFunction": 0}
        self.last = self.m.node("ADD", [self.last, other], total, **options)

    def function(self) -> None:
        operator = str(self.rng.choice(["RELU", "RELU6"]))
        output = self.m.tensor(self.shape, self.dtype, 0.1, self.zero)
        self.last = self.m.node(operator, [self.last], output)

    def average(self) -> None:
        """End with the average of the whole image."""
        size = self.shape[1:3]
        self.last, self.shape = mb.pool(
            self.m, self.last, self.shape, window=size, stride=size, zero_point=self.zero
        )

    def mean(self) -> None:
        """End with the mean of the whole image."""
        axes = self.m.tensor((2,), "int32", data=np.array([1, 2]))
        output = self.m.tensor((1, self.shape[3]), "int8", 0.05, self.zero)
        options = {"kind": "ReducerOptions", "keepDims": False}
        self.last = self.m.node("MEAN", [self.last, axes], output, **options)


def chain(nodes: int, dtype: str = "int8", end: str = "") -> Build:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, list[int]]:
        found = Chain(m, rng, dtype)
        for _ in range(nodes):
            found.grow()
        outputs = [found.last]
        if rng.random() < 0.3 and len(found.images) > 2:  # needed elsewhere, too
            outputs.append(found.images[-2][0])
        if end:
            found.images.append((found.last, found.shape))
            {"average": found.average, "mean": found.mean}[end]()
            outputs[0] = found.last
        return found.source, list(dict.fromkeys(outputs))

    return build


def streamed(directory: Path) -> set[int]:
    """The nodes in regions."""
    nodes = enumerate(read_report(directory)["nodes"])
    return {index for index, node in nodes if node["region"] is not None}


@pytest.mark.parametrize("seed", range(48))
def test_random_chains(tmp_path: Path, seed: int) -> None:
    library, end = ("auto", GENERAL)[seed // 2 % 2], ("", "average", "mean")[seed % 3]
    options = Options(library=library, streamed=1 + seed % 3)
    directory = check(tmp_path, chain(3 + seed % 5, end=end), seed, options=options)
    assert streamed(directory)


@pytest.mark.parametrize("seed", range(12))
def test_random_chains_on_the_device(tmp_path: Path, seed: int) -> None:
    options = Options(streamed=1 + seed % 2)
    build = chain(6, end=("", "average", "mean")[seed % 3])
    assert streamed(check(tmp_path, build, 100 + seed, qemu=True, options=options))


@pytest.mark.parametrize("seed", range(8))
def test_random_chains_of_int16(tmp_path: Path, seed: int) -> None:
    options = Options(streamed=1 + seed % 3)
    check(tmp_path, chain(3 + seed % 4, "int16"), 200 + seed, options=options)


@pytest.mark.parametrize("core", ["cortex-m3", "cortex-m0plus"])
@pytest.mark.parametrize("seed", range(4))
def test_random_chains_on_other_cores(tmp_path: Path, core: str, seed: int) -> None:
    options = Options(core=targets.find(core).processor, streamed=1 + seed % 2)
    check(tmp_path, chain(5, end="average"), 300 + seed, qemu=True, options=options)


def pipeline(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
    """A block with a shortcut between convolutions, then the average of the image."""
    source = m.tensor((1, 12, 5, 4), scale=0.05, zero_point=3)
    first, shape = mb.convolution(m, rng, source, (1, 12, 5, 4), 8)
    inner, _ = mb.convolution(m, rng, first, shape, 8, depthwise=True, input_scale=0.1)
    last, _ = mb.convolution(m, rng, inner, shape, 8, window=(1, 1), input_scale=0.1)
    total = m.tensor(shape, scale=0.1, zero_point=3)
    m.node("ADD", [last, first], total, kind="AddOptions", fusedActivationFunction=0)
    pooled, _ = mb.pool(m, total, shape, window=(12, 5), stride=(12, 5))
    return source, pooled


def compiled(tmp_path: Path, rows: int = 1) -> program.Program:
    m = mb.ModelBuilder()
    source, output = pipeline(m, np.random.default_rng(0))
    path = m.save(tmp_path / "model.tflite", [source], [output])
    return program.compile_model(path, options=Options(streamed=rows))


def test_strips_are_as_long_as_the_windows_need(tmp_path: Path) -> None:
    found = compiled(tmp_path)
    (region,) = found.regions
    outputs = [stage.output for stage in region.stages[:-1]]
    # The sum needs the rows of the first convolution that the depthwise one looks at, too.
    assert [region.strips[t].rows for t in outputs] == [3, 1, 1, 1]
    assert [region.strips[t].kept for t in outputs] == [True, False, False, False]


def broken(found: program.Program, plan: planner.Plan) -> bool:
    try:
        checker.check(found.graph, found.lowered, plan, found.regions)
    except checker.PlanError:
        return True
    return False


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_the_checker_finds_strips_that_are_too_short(tmp_path: Path, rows: int) -> None:
    found = compiled(tmp_path, rows)
    assert not broken(found, found.plan)
    for index, buffer in enumerate(found.plan.buffers):
        if set(buffer.tensors) & set(found.regions[0].strips) or buffer.scratch_of is not None:
            buffers = list(found.plan.buffers)
            buffers[index] = replace(buffer, nbytes=buffer.nbytes - 1)
            assert broken(found, replace(found.plan, buffers=tuple(buffers))), buffer


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_the_checker_finds_buffers_on_what_is_kept(tmp_path: Path, rows: int) -> None:
    found = compiled(tmp_path, rows)
    plan, moved = found.plan, 0
    kept = {t for t, strip in found.regions[0].strips.items() if strip.kept}
    (place,) = (i for i, buffer in enumerate(plan.buffers) if kept & set(buffer.tensors))
    for index, buffer in enumerate(plan.buffers):
        outputs = found.regions[0].whole & set(
            buffer.tensors
        )  # written when nothing else is needed
        if index != place and not outputs and buffer.meets(plan.buffers[place]):
            offsets = list(plan.offsets)
            offsets[index] = plan.offsets[place]
            top = plan.arena_bytes + buffer.nbytes
            moved += 1
            assert broken(found, replace(plan, offsets=tuple(offsets), arena_bytes=top)), buffer
    assert moved >= 7


def test_the_checker_finds_more_rows_than_strips_have(tmp_path: Path) -> None:
    found = compiled(tmp_path)
    wider = replace(found, regions=(replace(found.regions[0], rows=2),))
    assert broken(wider, found.plan)


def test_ram_mode_streams_what_is_too_high(tmp_path: Path) -> None:
    compiled(tmp_path)
    path = tmp_path / "model.tflite"
    plain = program.compile_model(path)
    assert plain.regions == ()
    least = program.compile_model(path, options=Options(optimize="ram"))
    assert least.regions
    assert least.plan.arena_bytes < plain.plan.arena_bytes
    between = (least.plan.arena_bytes + plain.plan.arena_bytes) // 2
    fits = program.compile_model(path, options=Options(ram=between))
    assert fits.regions
    assert fits.plan.arena_bytes <= between
    enough = program.compile_model(path, options=Options(ram=plain.plan.arena_bytes))
    assert enough.regions == ()


def test_layers_that_are_never_whole_are_not_compared(tmp_path: Path) -> None:
    directory = check(tmp_path / "m", pipeline, 0, options=Options(streamed=1))
    inputs = [np.zeros((2, 1, 12, 5, 4), np.int8)]
    reference = layers.by_reference(directory / "model.tflite")
    found = layers.compare(directory, inputs, reference, reference)["layers"]
    assert [row["bytes_compared"] > 0 for row in found] == [False] * 4 + [True]
    assert all("row by row" in row["judge_note"] for row in found[:4])
    assert found[4]["bytes_different"] == 0


@pytest.mark.skipif(not profile.possible(), reason="needs a host compiler and objdump")
def test_a_region_counts_at_its_first_node(tmp_path: Path) -> None:
    directory = check(tmp_path / "m", pipeline, 0, options=Options(streamed=1))
    found = profile.measure(directory, [np.zeros((1, 12, 5, 4), np.int8)], 60)
    assert len(found.nodes) == 5
    assert found.nodes[0] > 0.9 * found.instructions
    assert found.nodes[1:] == (0, 0, 0, 0)


@pytest.mark.parametrize("block", range(4))
def test_random_graphs(tmp_path: Path, block: int) -> None:
    """Those of the fuzzer that have regions."""
    found = 0
    for seed in range(8 * block, 8 * block + 8):
        path = tmp_path / f"{seed}.tflite"
        path.write_bytes(fuzz_graphs.content(seed, fuzz_graphs.size(seed)))
        options = Options(streamed=1 + seed % 3)
        if program.compile_model(path, options=options).regions:
            (tmp_path / str(seed)).mkdir()
            check_file(path, tmp_path / str(seed), seed, samples=3, options=options)
            found += 1
    assert found


MODELS = Path(__file__).resolve().parents[3] / "shared" / "models"


@pytest.mark.slow
@pytest.mark.skipif(not MODELS.is_dir(), reason="the reference models are not beside the checkout")
@pytest.mark.parametrize(
    ("name", "most"), [("kws_ref_model.tflite", 7168), ("pretrainedResnet_quant.tflite", 20480)]
)
@pytest.mark.parametrize("by", ["mode", "budget"])
def test_the_reference_models_fit(tmp_path: Path, name: str, most: int, by: str) -> None:
    options = Options(optimize="ram") if by == "mode" else Options(ram=most)
    check_file(MODELS / name, tmp_path, 0, samples=4, qemu=True, options=options)
    ram = read_report(tmp_path / "project")["ram_bytes"]
    assert ram["arena"] + ram["state"] <= most


@pytest.mark.slow
@pytest.mark.skipif(not MODELS.is_dir(), reason="the reference models are not beside the checkout")
def test_keyword_spotting_on_its_real_test_set(tmp_path: Path) -> None:
    path = MODELS / "kws_ref_model.tflite"
    found = program.compile_model(path, options=Options(optimize="ram"))
    project.write(tmp_path, found, targets.find("cortex-m4"), path, "0" * 64, "model")
    split = data.load_test(str(MODELS / "kws01_test.npz"))
    (outputs,) = validation.execute(tmp_path, [split.x], "host", 60).outputs
    np.testing.assert_array_equal(outputs, Tflm(path).predict(split.x))
