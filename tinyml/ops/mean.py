"""MEAN: the mean over some dimensions; over height and width it is global average pooling."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic, axes, movement
from tinyml.ops.base import KernelCall, Operator
from tinyml.ops.rules import input_count, quantized_activations

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView

_MOST_ELEMENTS = {"int8": 1 << 23, "int16": 1 << 15}  # of which a mean is taken: sums fit int32


@dataclass(frozen=True)
class Attributes:
    """Whether the reduced dimensions stay, with size 1."""

    keep_dimensions: bool


def dimensions_exist(node: NodeView) -> str:
    """The mean is over dimensions that exist, and of fewer than 2^23 elements, of int16 2^15. Remedy: pool
    in two steps.
    """
    shape = node.input(0).shape
    found = [movement.positive_axis(axis, len(shape)) for axis in movement.numbers(node, 1)]
    if None not in found and count_of(node) < _MOST_ELEMENTS[node.output.dtype]:
        return ""
    return f"{list(movement.numbers(node, 1))} of shape {shape}"


def scales_comparable(node: NodeView) -> str:
    """Input and output scales are within a factor of 2^30. Remedy: quantize the model again."""
    ratio = node.input(0).q.scale / node.output.q.scale
    return "" if 2.0**-30 < ratio < 2.0**30 else f"{ratio:g}"


def reduced_dimensions(node: NodeView) -> tuple[int, ...]:
    """The dimensions of the mean, each once, counted from the front."""
    rank = len(node.input(0).shape)
    return tuple(sorted({axis % rank for axis in movement.numbers(node, 1)}))


def count_of(node: NodeView) -> int:
    """How many elements a mean is taken of."""
    return prod(node.input(0).shape[axis] for axis in reduced_dimensions(node))


def rescale(node: NodeView) -> tuple[int, int]:
    """(multiplier, shift) from a sum to the output's units (QuantizedMeanOrSum: 1 / count folded in)."""
    count = count_of(node)
    ratio = node.input(0).q.scale / node.output.q.scale
    multiplier, exponent = arithmetic.quantize_multiplier(ratio)
    shift = min(count.bit_length() - 1, 32, 31 + exponent)
    return (multiplier << shift) // count, exponent - shift


def _loops(node: NodeView) -> tuple[tuple[axes.Axis, ...], tuple[axes.Axis, ...]]:
    """The loops over what stays (input and output strides) and over what is added up."""
    shape, reduced = node.input(0).shape, reduced_dimensions(node)
    strides = axes.strides(shape)
    outputs = axes.strides([1 if i in reduced else size for i, size in enumerate(shape)])
    kept = [
        axes.Axis(shape[i], strides[i], outputs[i]) for i in range(len(shape)) if i not in reduced
    ]
    return axes.merged(kept), axes.merged(axes.Axis(shape[i], strides[i], 0) for i in reduced)


class Mean(Operator):
    """The mean (reference_ops::QuantizedMeanOrSum)."""

    name = "MEAN"
    summary = "mean over any dimensions"
    rules = (
        input_count(2, 2),
        quantized_activations,
        movement.constant(1, "list of dimensions"),
        dimensions_exist,
        scales_comparable,
    )

    def parse(self, options: Any) -> Attributes:
        from tflite.ReducerOptions import ReducerOptions

        stored = ReducerOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(bool(stored.KeepDims()))

    def output_shapes(self, node: NodeView) -> tuple[tuple[int, ...], ...]:
        reduced, keep = reduced_dimensions(node), node.attributes.keep_dimensions
        sizes = enumerate(node.input(0).shape)
        return (tuple(1 if i in reduced else n for i, n in sizes if keep or i not in reduced),)

    def reference(self, node: NodeView, inputs: list[np.ndarray]) -> list[np.ndarray]:
        total = inputs[0].astype(np.int64).sum(axis=reduced_dimensions(node))
        total = total - node.input(0).q.zero_point * count_of(node)
        scaled = arithmetic.requantize(total, *rescale(node)) + node.output.q.zero_point
        low, high = arithmetic.LIMITS[node.output.dtype]
        return [np.clip(scaled, low, high).astype(node.output.dtype).reshape(node.output.shape)]

    def lower(self, node: NodeView) -> KernelCall:
        kept, reduced = _loops(node)
        multiplier, shift = rescale(node)
        return KernelCall(
            kernel="tinyml_mean_s16" if node.output.dtype == "int16" else "tinyml_mean_s8",
            params=(
                ("kept", axes.fields(kept)),
                ("reduced", axes.fields(reduced)),
                ("offset", -node.input(0).q.zero_point * count_of(node)),
                ("multiplier", multiplier),
                ("shift", shift),
                ("output_zero_point", node.output.q.zero_point),
            ),
            inputs=(0,),
        )


OPERATOR = Mean()
