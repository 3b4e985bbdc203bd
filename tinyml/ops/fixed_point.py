"""gemmlowp's fixed-point functions, on int64 arrays that hold int32 values, or on single values.

Source: gemmlowp fixedpoint.h, TFLite's GetReciprocal and log_x_for_x_greater_than_or_equal_to_1; Qm.n has
m integer and n fraction bits.
"""

from __future__ import annotations

import numpy as np

from tinyml.ops.arithmetic import doubling_high_mul, rounding_shift

_ONE = (1 << 31) - 1  # Q0.31's 1
# exp(-2^k) in Q0.31 for k = -2..4, by the bit of the argument that selects it
_FACTORS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def exp_on_negative(a: np.ndarray, integer_bits: int = 5) -> np.ndarray:
    """exp(a) as Q0.31, for a <= 0 with 4 or 5 integer bits (exp_on_negative_values)."""
    quarter_bits = 31 - integer_bits - 2
    quarter = np.int64(1) << quarter_bits
    within = (a & (quarter - 1)) - quarter  # in [-1/4, 0)
    result = _exp_near_zero(within << integer_bits)
    remainder = within - a
    for place, factor in enumerate(_FACTORS[: integer_bits + 2]):
        selected = (remainder >> (quarter_bits + place)) & 1
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


def logistic(a: int) -> int:
    """1 / (1 + exp(-a)) as Q0.31, for a in Q4.27."""
    if a == 0:
        return 1 << 30
    positive = _one_over_one_plus(int(exp_on_negative(np.array(-abs(a), np.int64), 4)))
    return positive if a > 0 else _ONE - positive


def tanh(a: int) -> int:
    """tanh(a) as Q0.31, for a in Q4.27: (1 - exp(-2a)) / (1 + exp(-2a))."""
    if a == 0:
        return 0
    # The same number in Q5.26 is twice a.
    exponential = int(exp_on_negative(np.array(-abs(a), np.int64)))
    positive = _saturating_left(_newton_reciprocal(exponential) - (1 << 29), 2)
    return positive if a > 0 else -positive


_HALF_ROOT = 1518500250  # sqrt(1/2) in Q0.31
_QUARTER_ROOT = 1805811301  # sqrt(sqrt(1/2))
_QUARTER = 1 << 23  # 1/4 in Q6.25


def logarithm(x: int) -> int:
    """log(x) as Q5.26, for x >= 1 in Q12.19."""
    # x is 2^power times a mantissa; of two ways to choose them, the lesser mantissa and greater power
    headroom_a = 32 - x.bit_length()
    headroom_b = 31 - _mul(x, _HALF_ROOT).bit_length()
    mantissa_a = _saturating_left(_mul(x << (headroom_a - 1), _HALF_ROOT), 1)
    mantissa_b = _saturating_left(x, headroom_b)
    power_a = ((12 - headroom_a) << 25) + _QUARTER
    power_b = ((12 - headroom_b) << 25) - _QUARTER
    fraction = _log_of_mantissa(min(mantissa_a, mantissa_b))
    return _saturating_left(_mul(max(power_a, power_b), 1488522236) + fraction, 1)  # log(2)


def _log_of_mantissa(r: int) -> int:
    """log(r * 2^(1/4)) in Q6.25, for r in [sqrt(1/2), 1) in Q0.31: a rational approximation."""
    p = (r + _QUARTER_ROOT + 1) // 2
    q = 2 * (r - _QUARTER_ROOT)
    square = _mul(q, q)
    numerator = _mul(q, r) + _mul(_mul(q, square), 117049297)
    denominator = _mul(p, 1057819769 + q + _mul(127690142, square)) + _mul(638450708, q)
    return _mul(
        int(rounding_shift(np.array(numerator, np.int64), 6)), _one_over_one_plus(denominator)
    )


def inverse_root(x: int) -> tuple[int, int]:
    """1 / sqrt(x) for x >= 0, where 0 counts as 1, as a multiplier and shift."""
    if x <= 1:
        return _ONE, 0
    right_shift = 11
    while x >= 1 << 29:
        x, right_shift = x // 4, right_shift + 1
    while x < 1 << 27:
        x, right_shift = x * 4, right_shift - 1
    return _root_of_mantissa(x >> 1) << max(-right_shift, 0), -max(right_shift, 0)


def _root_of_mantissa(x: int) -> int:
    """1 / sqrt(x) in Q0.31 for x in [1/4, 1) in Q3.28, times sqrt(1/2): Newton's iteration."""
    half = (x + 1) >> 1
    root = 1 << 28
    for _ in range(5):
        cube = _saturating_left(_mul(_mul(root, root), root), 6)
        root = _saturating_left(_mul((1 << 28) + (1 << 27), root) - _mul(half, cube), 3)
    return _mul(root, _HALF_ROOT)


def _one_over_one_plus(a: int) -> int:
    """1 / (1 + a) in Q0.31 for a in [0, 1)."""
    return _saturating_left(_newton_reciprocal(a), 1)


def _newton_reciprocal(a: int) -> int:
    """2 / (1 + a) in Q2.29 for a in [0, 1) in Q0.31: Newton's division."""
    half_denominator = (a + _ONE + 1) // 2
    x = 1515870810 + _mul(half_denominator, -1010580540)
    for _ in range(3):
        error = (1 << 29) - _mul(half_denominator, x)
        x += _saturating_left(_mul(x, error), 2)
    return x


def _mul(a: int, b: int) -> int:
    return (a * b + (1 << 30)) >> 31


def _saturating_left(x: int, places: int) -> int:
    return max(-(1 << 31), min(_ONE, x << places))
