"""The interval of a layer's sums is exact: reached at both ends, never left."""

from __future__ import annotations

import model_builder as mb
import numpy as np
import pytest

from tinyml.graph import tflite_reader
from tinyml.kernels import ranges


def layer(tmp_path, kind: str):
    m, rng = mb.ModelBuilder(), np.random.default_rng(3)
    source = m.tensor((1, 4, 4, 6), scale=0.05, zero_point=-7)
    if kind == "dense":
        source = m.tensor((1, 6), scale=0.05, zero_point=-7)
        output = mb.dense(m, rng, source, 6, 5, input_scale=0.05, per_channel=True)
    else:
        channels = 12 if kind == "depthwise" else 5
        output, _ = mb.convolution(
            m, rng, source, (1, 4, 4, 6), channels, depthwise=kind == "depthwise", activation="RELU"
        )
    return tflite_reader.read(m.save(tmp_path / "m.tflite", [source], [output])).view(0)


@pytest.mark.parametrize("kind", ["plain", "depthwise", "dense"])
def test_the_ends_are_reached_by_some_input(tmp_path, kind):
    node = layer(tmp_path, kind)
    weights, sums = ranges.channel_weights(node), ranges.channel_sums(node)
    rng = np.random.default_rng(4)
    taps = rng.integers(-128, 128, (500, weights.shape[1]))
    offset, bias = taps - node.input(0).q.zero_point, node.input(2).data
    found = offset @ weights.T + bias
    assert (found >= sums.low).all()
    assert (found <= sums.high).all()
    lowest = np.where(weights > 0, -128, 127)
    highest = np.where(weights > 0, 127, -128)
    zero = node.input(0).q.zero_point
    np.testing.assert_array_equal(((lowest - zero) * weights).sum(1) + bias, sums.low)
    np.testing.assert_array_equal(((highest - zero) * weights).sum(1) + bias, sums.high)


def test_depthwise_weights_go_with_their_channel(tmp_path):
    node = layer(tmp_path, "depthwise")
    np.testing.assert_array_equal(
        ranges.channel_weights(node)[7], node.input(1).data[0, :, :, 7].ravel()
    )


def test_the_clamp_is_the_activations(tmp_path):
    node = layer(tmp_path, "plain")
    assert (ranges.channel_sums(node).least, ranges.channel_sums(node).most) == (3, 127)
