"""LEAKY_RELU: negative values are multiplied by a constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ops import arithmetic, bands
from tinyml.ops.base import KernelCall
from tinyml.ops.elementwise import LARGEST_RATIO, quantized, scale_ratio
from tinyml.ops.lookup import Lookup
from tinyml.ops.rules import input_count

if TYPE_CHECKING:
    from tinyml.graph.ir import NodeView


@dataclass(frozen=True)
class Attributes:
    """The factor of negative values, a float32 held exactly."""

    alpha: float


@dataclass(frozen=True)
class _Factors:
    """(multiplier, shift) of values from 0 on and of negative ones, and the latter's sign."""

    plain: tuple[int, int]
    sloped: tuple[int, int]
    sign: int


def _factors(node: NodeView) -> _Factors:
    """TFLM scales by |alpha| and negates afterwards. It computed in float32 until 2026; now in double."""
    scale, out, alpha = node.input(0).q.scale, node.output.q.scale, node.attributes.alpha
    return _Factors(
        plain=arithmetic.quantize_multiplier(scale / out),
        sloped=arithmetic.quantize_multiplier(abs(scale * alpha / out)),
        sign=-1 if alpha < 0 else 1,
    )


def alpha_in_range(node: NodeView) -> str:
    """Alpha times the input's scale is below 2^15 times the output's. Remedy: quantize the model again."""
    alpha = node.attributes.alpha
    factor = abs(alpha) * node.input(0).q.scale / node.output.q.scale
    return "" if factor < LARGEST_RATIO else f"alpha {alpha:g}"


def wide_call(
    node: NodeView, plain: tuple[int, int], sloped: tuple[int, int], sign: int
) -> KernelCall:
    """The call for int16: factors of values from 0 on and of negative ones, and the latter's sign."""
    return KernelCall(
        kernel="tinyml_leaky_relu_s16",
        params=(
            ("elements", node.output.elements),
            ("multiplier", plain[0]),
            ("shift", plain[1]),
            ("negative_multiplier", sloped[0]),
            ("negative_shift", sloped[1]),
            ("negative_sign", sign),
        ),
        inputs=(0,),
        in_place=(0,),
        band=bands.elements(node),
    )


class LeakyRelu(Lookup):
    """A rectifier with a slope (reference_ops::QuantizeLeakyRelu)."""

    name = "LEAKY_RELU"
    summary = "negative values times a constant alpha"
    rules = (input_count(1, 1), quantized("int8", "int16"), scale_ratio, alpha_in_range)

    def parse(self, options: Any) -> Attributes:
        from tflite.LeakyReluOptions import LeakyReluOptions

        if options is None:
            return Attributes(0.0)
        stored = LeakyReluOptions()
        stored.Init(options.Bytes, options.Pos)
        return Attributes(float(stored.Alpha()))

    def results(self, node: NodeView, values: np.ndarray) -> np.ndarray:
        factors = _factors(node)
        negative = factors.sign * arithmetic.requantize(values, *factors.sloped)
        scaled = np.where(values >= 0, arithmetic.requantize(values, *factors.plain), negative)
        limits = arithmetic.LIMITS[node.output.dtype]
        return np.clip(scaled + node.output.q.zero_point, *limits)

    def lower_wide(self, node: NodeView) -> KernelCall:
        factors = _factors(node)
        return wide_call(node, factors.plain, factors.sloped, factors.sign)


OPERATOR = LeakyRelu()
