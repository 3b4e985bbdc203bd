"""Outputs on their own inputs: what kernels claim about their order of reads and writes is true in C."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import model_builder as mb
import numpy as np
import pytest
from tflm_check import Build, check

from tinyml import kernels, targets
from tinyml.codegen import program
from tinyml.graph.ir import Graph
from tinyml.kernels import choice
from tinyml.kernels.base import Candidate, Options
from tinyml.memory import checker, planner
from tinyml.memory.lifetimes import Buffer
from tinyml.memory.sharing import Pairs, Shifts
from tinyml.ops.base import overlaps

Plan = Callable[..., planner.Plan]
real_plan = planner.plan


def at(choose: Callable[[Shifts], int]) -> Plan:
    """A planner for one node: its input begins that many bytes above its output, scratch above both."""

    def plan(buffers: tuple[Buffer, ...], pairs: Pairs, thorough: bool = True) -> planner.Plan:
        if not pairs:  # a kernel that claims nothing
            return real_plan(buffers, pairs, thorough)
        (((source, output), shifts),) = pairs.items()
        shift = choose(shifts)
        offsets = {source: max(shift, 0), output: max(-shift, 0)}
        top = max(offsets[i] + buffers[i].nbytes for i in offsets)
        for index in set(range(len(buffers))) - set(offsets):
            offsets[index] = planner.aligned(top)
            top = offsets[index] + buffers[index].nbytes
        ordered = tuple(offsets[i] for i in range(len(buffers)))
        return planner.Plan(buffers, ordered, top, planner.lower_bound(buffers))

    return plan


@dataclass(frozen=True)
class Case:
    """A kernel with a claim, and the node that is lowered to it."""

    kernel: str
    build: Callable[..., tuple[int, tuple[int, ...]]]
    depth: tuple[int, ...]
    settings: dict[str, Any]
    dtype: str = "int8"

    def model(self, rng: np.random.Generator) -> Build:
        """One node over an image of random size."""
        batches, height, width = int(rng.integers(1, 3)), *rng.integers(4, 10, 2).tolist()
        shape = (batches, height, width, int(rng.choice(self.depth)))
        window = {
            "stride": tuple(rng.integers(1, 3, 2).tolist()),
            "padding": str(rng.choice(["SAME", "VALID"])),
            "window": tuple(rng.integers(1, 5, 2).tolist()),
            **self.settings,
        }

        def build(m: mb.ModelBuilder, weights: np.random.Generator) -> tuple[int, int]:
            zero_point = 0 if self.dtype == "int16" else 3
            scale = 0.1 if self.build is pool else 0.05
            source = m.tensor(shape, self.dtype, scale, zero_point)
            output, _ = self.build(m, weights, source, shape, zero_point, self.dtype, window)
            return source, output

        return build


def convolution(
    m: mb.ModelBuilder,
    rng: np.random.Generator,
    source: int,
    shape: tuple[int, ...],
    zero_point: int,
    dtype: str,
    window: dict[str, Any],
) -> tuple[int, tuple[int, ...]]:
    channels = shape[3] * window.pop("multiplier", 1)
    bias = "int64" if dtype == "int16" else "int32"
    return mb.convolution(
        m,
        rng,
        source,
        shape,
        channels,
        dtype=dtype,
        zero_point=zero_point,
        bias_type=bias,
        **window,
    )


def pool(
    m: mb.ModelBuilder,
    rng: np.random.Generator,
    source: int,
    shape: tuple[int, ...],
    zero_point: int,
    dtype: str,
    window: dict[str, Any],
) -> tuple[int, tuple[int, ...]]:
    return mb.pool(m, source, shape, dtype=dtype, zero_point=zero_point, **window)


def transposed(
    m: mb.ModelBuilder,
    rng: np.random.Generator,
    source: int,
    shape: tuple[int, ...],
    zero_point: int,
    dtype: str,
    window: dict[str, Any],
) -> tuple[int, tuple[int, ...]]:
    (height, width), strides, padding = window["window"], window["stride"], window["padding"]
    reach = (height, width) if padding == "VALID" else (1, 1)
    sizes = [(n - 1) * s + r for n, s, r in zip(shape[1:3], strides, reach)]
    reached = (shape[0], *sizes, 4)
    values = rng.integers(-127, 128, (4, height, width, shape[3]))
    weights = m.tensor(values.shape, scale=[0.01] * 4, data=values)
    output = m.tensor(reached, dtype, 0.1, zero_point)
    m.node(
        "TRANSPOSE_CONV",
        [m.tensor((4,), "int32", data=np.array(reached)), weights, source],
        output,
        kind="TransposeConvOptions",
        padding=mb.PADDINGS[padding],
        strideH=strides[0],
        strideW=strides[1],
    )
    return output, reached


FASTEST = Options(optimize="speed")
DEPTHWISE = {"depthwise": True, "dilation": (1, 2), "padding": "SAME"}
PLANAR = {"depthwise": True, "window": (3, 3), "padding": "SAME"}
POINTWISE = {"window": (1, 1), "stride": (1, 1)}
CASES = [
    Case("tinyml_conv_s8", convolution, (1, 3, 8), {}),
    Case("tinyml_conv_s8", convolution, (3, 4), {"dilation": (2, 1), "stride": (1, 1)}),
    Case("tinyml_conv_s8", convolution, (4, 8), POINTWISE),
    Case("tinyml_conv_s8", convolution, (4, 8), {"window": (1, 1), "stride": (2, 2)}),
    Case("tinyml_conv_[hp]a*_s8", convolution, (8,), {"window": (3, 2), "stride": (1, 2)}),
    Case("tinyml_conv_[hp]a*_s8", convolution, (8,), POINTWISE),
    Case("tinyml_grouped_conv_s8", convolution, (4, 6), {"groups": 2}),
    Case("tinyml_conv_s16", convolution, (3, 4), {}, "int16"),
    Case("tinyml_depthwise_conv_s8", convolution, (3, 8), DEPTHWISE),
    Case("tinyml_depthwise_conv_s8", convolution, (2, 3), {"multiplier": 3, **DEPTHWISE}),
    Case("tinyml_depthwise_conv_s16", convolution, (3, 4), DEPTHWISE, "int16"),
    Case("tinyml_depthwise_3x3*_s8", convolution, (3, 8), {"stride": (1, 1), **PLANAR}),
    Case("tinyml_depthwise_3x3_stride_2*_s8", convolution, (5,), {"stride": (2, 2), **PLANAR}),
    Case("tinyml_transpose_conv_s8", transposed, (3, 4), {}),
    Case("tinyml_transpose_conv_s16", transposed, (2, 8), {}, "int16"),
    Case("tinyml_average_pool_fours_s8", pool, (4, 8), {"kind": "AVERAGE"}),
    Case("tinyml_max_pool_fours_s8", pool, (4, 8), {"kind": "MAX"}),
    *[
        Case(f"tinyml_{kind.lower()}_pool_{suffix}", pool, (1, 5), {"kind": kind}, dtype)
        for kind in ("AVERAGE", "MAX")
        for suffix, dtype in (("s8", "int8"), ("s16", "int16"))
    ],
]


PLACES: dict[str, Callable[[Shifts], int]] = {
    "below": lambda shifts: shifts.lead,
    "above": lambda shifts: -shifts.lag,
    "in place": lambda shifts: shifts.lead if shifts.at is None else shifts.at,
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kernel)
def test_the_tightest_overlaps_are_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case, seed: int
) -> None:
    """To the byte, which no plan is: those keep buffers aligned."""
    build = case.model(np.random.default_rng(seed))
    for name, choose in PLACES.items():
        monkeypatch.setattr(planner, "plan", at(choose))
        check(tmp_path / name, build, seed, options=FASTEST)
        assert list((tmp_path / name).glob(f"*/kernels/{case.kernel}.c"))


@pytest.mark.parametrize(
    "case", [CASES[0], CASES[4], CASES[8], CASES[-1]], ids=lambda case: case.kernel
)
@pytest.mark.parametrize("where", ["below", "above"])
def test_one_byte_closer_is_refused_and_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case, where: str
) -> None:
    rng = np.random.default_rng(4)
    same = Case(
        case.kernel, case.build, (8,), {**case.settings, "window": (3, 2), "stride": (1, 1)}
    )
    build = same.model(rng)
    too_close = (lambda s: s.lead - 1) if where == "below" else (lambda s: 1 - s.lag)
    monkeypatch.setattr(planner, "plan", at(too_close))
    with pytest.raises(checker.PlanError, match="writes over its own input"):
        check(tmp_path / "refused", build, 0, options=FASTEST)
    monkeypatch.setattr(program.checker, "check", lambda *arguments: None)
    with pytest.raises(AssertionError, match="host C"):
        check(tmp_path / "wrong", build, 0, options=FASTEST)


# The specialised kernels, each candidate in turn


def layer(size: tuple[int, int, int], channels: int, **settings: Any) -> Build:
    """One convolution."""
    shape = (1, *size)

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor(shape, scale=0.05, zero_point=3)
        return source, mb.convolution(m, rng, source, shape, channels, **settings)[0]

    return build


def dense(rows: int, width: int, outputs: int) -> Build:
    """One fully connected layer."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((rows, width), scale=0.1, zero_point=3)
        return source, mb.dense(m, rng, source, width, outputs, rows=rows, per_channel=True)

    return build


LAYERS = [
    layer((8, 6, 8), 8, window=(1, 1)),
    layer((7, 9, 4), 12, window=(1, 1), stride=(2, 2)),
    layer((8, 8, 8), 8),
    layer((7, 5, 16), 8),
    layer((9, 8, 4), 8, stride=(2, 2)),
    layer((6, 7, 4), 4, window=(2, 3), padding="VALID"),
    layer((8, 8, 8), 8, depthwise=True),
    layer((9, 7, 4), 4, depthwise=True, stride=(2, 2)),
    layer((5, 6, 3), 6, depthwise=True),
    layer((6, 7, 4), 4, depthwise=True, window=(5, 4)),
    dense(1, 32, 16),
    dense(3, 20, 24),
]


CORES = [targets.find(name).processor for name in ("cortex-m4", "cortex-m3")]


def claiming(graph: Graph, core: targets.Core) -> dict[str, Candidate]:
    """The specialised candidates of a graph's only node that claim an overlap."""
    (view,) = graph.views()
    return {
        f"{candidate.name} {number}": candidate
        for special in kernels.specialisations()
        if view.node.operator in special.operators
        for number, candidate in enumerate(special.candidates(view, core))
        if overlaps(candidate.calls)
    }


def graph_of(folder: Path, number: int) -> Graph:
    m = mb.ModelBuilder()
    source, output = LAYERS[number](m, np.random.default_rng(number))
    return program.compile_model(m.save(folder / "model.tflite", [source], [output])).graph


@pytest.mark.parametrize("core", CORES, ids=lambda core: core.name)
@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_candidates_are_exact_at_their_tightest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, core: targets.Core
) -> None:
    """To the byte in the C of the host; as close as a plan may lay them on the device, with its own code."""
    options = Options(core=core)
    for name in claiming(graph_of(tmp_path, number), core):

        def only(
            graph: Graph, *arguments: object, name: str = name
        ) -> tuple[dict[int, Candidate], choice.Spans]:
            return {0: claiming(graph, core)[name]}, ()

        monkeypatch.setattr(program.choice, "choose", only)
        for where, choose in PLACES.items():
            monkeypatch.setattr(planner, "plan", at(choose))
            check(tmp_path / f"{name} {where}", LAYERS[number], number, options=options)
        monkeypatch.setattr(planner, "plan", at(lambda shifts: planner.aligned(shifts.lead)))
        folder = tmp_path / f"{name} device"
        check(folder, LAYERS[number], number, samples=3, qemu=True, options=options)


def test_every_specialisation_that_claims_is_among_the_layers(tmp_path: Path) -> None:
    found = {
        type(special).__module__
        for number in range(len(LAYERS))
        for graph in [graph_of(tmp_path, number)]
        for special in kernels.specialisations()
        if graph.nodes[0].operator in special.operators
        for core in CORES
        for candidate in special.candidates(graph.view(0), core)
        if overlaps(candidate.calls)
    }
    modules = {type(special).__module__ for special in kernels.specialisations()}
    claims = {m for m in modules if "overlaps=" in Path(sys.modules[m].__file__ or "").read_text()}
    assert found == claims
