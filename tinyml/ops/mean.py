"""MEAN: the mean over the image's height and width (global average pooling)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.rules import input_count, int8_activations

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """Whether the reduced dimensions stay, with size 1."""

    keep_dimensions: bool


def over_the_image(node: NodeView) -> str:
    """The mean is over height and width, axes 1 and 2, of one image. Remedy: use GlobalAveragePooling2D."""
    axes, image = node.input(1), node.input(0).shape
    if axes.data is None or axes.dtype != "int32":
        return "axes that are not constant int32"
    found = sorted({int(axis) % 4 for axis in axes.data.ravel()})
    right = len(image) == 4 and image[0] == 1 and found == [1, 2]
    return "" if right else f"axes {axes.data.ravel().tolist()} of shape {image}"


def scales_comparable(node: NodeView) -> str:
    """Input and output scales are within a factor of 2^30. Remedy: quantize the model again."""
    ratio = node.input(0).q.scale / node.output.q.scale
    return "" if 2.0**-30 < ratio < 2.0**30 else f"{ratio:g}"


def _rescale(node: NodeView) -> tuple[int, int]:
    """(multiplier, shift) from a sum to the output's units (QuantizedMeanOrSum: 1 / count folded in)."""
    count = node.input(0).shape[1] * node.input(0).shape[2]
    ratio = node.input(0).q.scale / node.output.q.scale
    multiplier, exponent = arithmetic.quantize_multiplier(ratio)
    shift = min(count.bit_length() - 1, 32, 31 + exponent)
    return (multiplier << shift) // count, exponent - shift


class Mean(Operator):
    """int8 mean over height and width (reference_ops::QuantizedMeanOrSum)."""

    name = "MEAN"
    summary = "mean over height and width"
    rules = (input_count(2, 2), int8_activations, over_the_image, scales_comparable)

    def parse(self, options: Any) -> Attributes:
        from tflite.ReducerOptions import ReducerOptions

        stored = ReducerOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(bool(stored.KeepDims()))

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        channels = node.input(0).shape[3]
        return ((1, 1, 1, channels) if node.attributes.keep_dimensions else (1, channels),)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        _, height, width, channels = inputs[0].shape
        total = inputs[0].astype(np.int64).reshape(-1, channels).sum(axis=0)
        total = total - node.input(0).q.zero_point * height * width
        scaled = arithmetic.requantize(total, *_rescale(node)) + node.output.q.zero_point
        return [np.clip(scaled, -128, 127).astype(np.int8).reshape(node.output.shape)]

    def lower(self, node: NodeView) -> KernelCall:
        _, height, width, channels = node.input(0).shape
        multiplier, shift = _rescale(node)
        return KernelCall(
            kernel="tinyml_mean_s8",
            params=(
                ("pixels", height * width),
                ("channels", channels),
                ("offset", -node.input(0).q.zero_point * height * width),
                ("multiplier", multiplier),
                ("shift", shift),
                ("output_zero_point", node.output.q.zero_point),
            ),
            inputs=(0,),
        )


OPERATOR = Mean()
