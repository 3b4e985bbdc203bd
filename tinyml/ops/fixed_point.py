"""gemmlowp's fixed-point exponential and reciprocal, on int64 arrays that hold int32 values.

Source: gemmlowp fixedpoint.h and TFLite's GetReciprocal; Qm.n has m integer and n fraction bits.
"""

from __future__ import annotations

import numpy as np

from tinyml.ops.arithmetic import doubling_high_mul, rounding_shift

_ONE = (1 << 31) - 1  # Q0.31's 1
_FRACTION_BITS = 26  # of the argument, Q5.26
# exp(-2^k) in Q0.31 for k = -2..4, by the bit of the argument that selects it
_FACTORS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def exp_on_negative(a: np.ndarray) -> np.ndarray:
    """exp(a) as Q0.31, for a <= 0 in Q5.26 (exp_on_negative_values)."""
    quarter = np.int64(1) << (_FRACTION_BITS - 2)
    within = (a & (quarter - 1)) - quarter  # in [-1/4, 0)
    result = _exp_near_zero(within << 5)
    remainder = within - a
    for place, factor in enumerate(_FACTORS):
        selected = (remainder >> (_FRACTION_BITS - 2 + place)) & 1
        result = np.where(selected == 1, doubling_high_mul(result, factor), result)
    return np.where(a == 0, _ONE, result)


def _exp_near_zero(a: np.ndarray) -> np.ndarray:
    """exp(a) in Q0.31 for a in [-1/4, 0): Taylor's series around -1/8."""
    x = a + (1 << 28)
    x2 = doubling_high_mul(x, x)
    x3 = doubling_high_mul(x2, x)
    x4 = doubling_high_mul(x2, x2)
    third = 715827883
    series = rounding_shift(doubling_high_mul(rounding_shift(x4, 2) + x3, third) + x2, 1)
    constant = 1895147668  # exp(-1/8)
    return constant + doubling_high_mul(x + series, constant)


def reciprocal(x: int) -> tuple[int, int]:
    """1 / x for x >= 1 in Q12.19, as (Q0.31 value of 1 / mantissa, bits of x above 1); GetReciprocal."""
    headroom = 32 - x.bit_length()
    mantissa_minus_one = (x << headroom) - (1 << 31)
    return _one_over_one_plus(mantissa_minus_one), 12 - headroom


def _one_over_one_plus(a: int) -> int:
    """1 / (1 + a) in Q0.31 for a in [0, 1): Newton's division in Q2.29."""
    half_denominator = (a + _ONE + 1) // 2
    x = 1515870810 + _mul(half_denominator, -1010580540)
    for _ in range(3):
        error = (1 << 29) - _mul(half_denominator, x)
        x += _saturating_left(_mul(x, error), 2)
    return min(_saturating_left(x, 1), _ONE)


def _mul(a: int, b: int) -> int:
    return (a * b + (1 << 30)) >> 31


def _saturating_left(x: int, places: int) -> int:
    return max(-(1 << 31), min(_ONE, x << places))
