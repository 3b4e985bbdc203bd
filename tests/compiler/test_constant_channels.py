"""Channels that no input can change are removed, and the outputs stay the same bytes."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml import ops
from tinyml.codegen import program
from tinyml.graph import reference, tflite_reader
from tinyml.graph.ir import Graph
from tinyml.passes import intervals
from tinyml.passes.constant_channels import remove_constant_channels

CHANNELS = 18  # of the convolution with constant ones: 8 that vary, 9 at the zero point, 1 at 127


def macs(graph: Graph) -> int:
    return sum(ops.find(view.node.operator).macs(view) for view in graph.views())


def dead_convolution(
    m: mb.ModelBuilder, rng: np.random.Generator, source: int, shape: tuple[int, ...], **options
) -> tuple[int, tuple[int, ...]]:
    """A convolution with RELU whose every other channel has a bias far below or above the rest."""
    output, out_shape = mb.convolution(
        m, rng, source, shape, CHANNELS, activation="RELU", zero_point=-128, **options
    )
    bias = m._graph.operators[-1].inputs[2]
    buffer = m._model.buffers[m._graph.tensors[bias].buffer]
    values = buffer.data.view(np.int32).copy()
    values[::2] = -(1 << 24)  # constant at the zero point
    values[1] = 1 << 24  # constant at 127
    buffer.data = values.view(np.uint8)
    return output, out_shape


def network(padding: str, depthwise: bool):
    """Convolution with constant channels -> (depthwise) -> convolution -> pool -> fully connected."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        shape: tuple[int, ...] = (1, 8, 8, 3)
        source = m.tensor(shape, scale=0.05, zero_point=-1)
        seen, shape = dead_convolution(m, rng, source, shape, padding=padding)
        if depthwise:
            seen, shape = mb.convolution(
                m, rng, seen, shape, CHANNELS, depthwise=True, input_scale=0.1, padding=padding,
                activation="RELU", zero_point=-128,
            )  # fmt: skip
        seen, shape = mb.convolution(m, rng, seen, shape, 6, input_scale=0.1, padding=padding)
        size = shape[1:3]
        pooled, shape = mb.pool(m, seen, shape, window=size, stride=size)
        flat = m.tensor((1, 6), scale=0.1, zero_point=3)
        m.node("RESHAPE", [pooled, m.tensor((2,), "int32", data=np.array([1, 6]))], flat)
        return source, mb.dense(m, rng, flat, 6, 4)

    return build


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_fewer_macs_same_bytes(tmp_path: Path, padding: str, depthwise: bool) -> None:
    check(tmp_path, network(padding, depthwise), seed=1, samples=30)
    graph = tflite_reader.read(tmp_path / "model.tflite")
    smaller = remove_constant_channels(graph)
    # Behind a SAME depthwise convolution nothing is constant but what is at the zero point.
    assert macs(smaller) < (0.9 if depthwise and padding == "SAME" else 0.8) * macs(graph)
    batch = np.random.default_rng(0).integers(-128, 128, (40, 8, 8, 3)).astype(np.int8)
    batch[0], batch[1] = -128, 127
    np.testing.assert_array_equal(
        reference.outputs(smaller, [batch])[0], reference.outputs(graph, [batch])[0]
    )


def test_constant_but_not_zero_survives_where_padding_shows_it(tmp_path: Path) -> None:
    """A channel that is always 127 reads as the zero point in the padding: it must stay."""
    check(tmp_path, network("SAME", False), seed=1)
    smaller = remove_constant_channels(tflite_reader.read(tmp_path / "model.tflite"))
    assert smaller.view(0).output.shape[-1] == 12  # nine, filled up to a multiple of four
    assert {1, 3, 5, 7, 9, 11, 13, 15, 17} < set(smaller.view(0).output.channels or ())
    check(tmp_path / "valid", network("VALID", False), seed=1)
    smaller = remove_constant_channels(tflite_reader.read(tmp_path / "valid" / "model.tflite"))
    assert smaller.view(0).output.channels == (3, 5, 7, 9, 11, 13, 15, 17)


def test_the_program_says_what_the_pass_removed(tmp_path: Path) -> None:
    check(tmp_path, network("VALID", False), seed=1)
    path = tmp_path / "model.tflite"
    before, after = tflite_reader.read(path), program.compile_model(path)
    removed = next(e for e in after.passes if e.name == "remove-constant-channels")
    assert removed.macs == macs(before) - after.macs > 0
    assert removed.channels == CHANNELS - 8
    assert sum(effect.nodes for effect in after.passes) == len(before.nodes) - len(
        after.graph.nodes
    )
    plain = program.compile_model(path, ("remove-constant-channels",))
    assert all(effect.channels == 0 and not effect.macs for effect in plain.passes)


@pytest.mark.parametrize("seed", range(10))
def test_bounds_hold(tmp_path: Path, seed: int) -> None:
    """No input, extreme or random, leads outside the bounds."""
    check(tmp_path, network("SAME", True), seed=seed)
    graph = tflite_reader.read(tmp_path / "model.tflite")
    bounds = intervals.bounds(graph)
    rng = np.random.default_rng(seed)
    for _ in range(10):
        sample = rng.choice([-128, 127, 0], (1, 8, 8, 3)).astype(np.int8)
        for tensor, value in reference.run(graph, [sample]).items():
            flat = value.reshape(-1, value.shape[-1])
            assert (flat.min(axis=0) >= bounds[tensor].low).all()
            assert (flat.max(axis=0) <= bounds[tensor].high).all()


def test_a_model_without_constant_channels_is_left_alone() -> None:
    path = Path(__file__).parent.parent / "models" / "small.tflite"
    graph = tflite_reader.read(path)
    assert remove_constant_channels(graph) is graph
