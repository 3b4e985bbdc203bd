"""The one-multiplication requantization equals TFLM's for every sum, where it is offered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tinyml.kernels.requantize import Channels, exact, exact_of_four, solve, solve_all
from tinyml.ops import arithmetic

SOLVED = (
    50  # channels of each trial; nearly all must be solvable, or the kernels would rarely apply
)


def channels(seed: int, zero_point: int = -128, shifts: tuple[int, int] = (-10, -2)) -> Channels:
    rng = np.random.default_rng(seed)
    return Channels(
        rng.integers(1 << 30, 1 << 31, SOLVED),
        rng.integers(*shifts, SOLVED),
        zero_point,
        -rng.integers(1, 200_000, SOLVED),
        rng.integers(1, 200_000, SOLVED),
    )


def reference(of: Channels, channel: int, sums: np.ndarray) -> np.ndarray:
    scaled = arithmetic.requantize(sums, of.multipliers[channel], of.shifts[channel])
    return np.clip(scaled + of.zero_point, -128, 127)


@pytest.mark.parametrize(("bits", "shift"), [(0, 0), (0, 2), (2, 3), (8, 8), (8, 10), (3, 5)])
@pytest.mark.parametrize("seed", range(3))
def test_every_sum_in_reach_is_right(seed, bits, shift):
    of = channels(seed)
    found = [solve(of, channel, bits, shift) for channel in range(SOLVED)]
    assert sum(step is not None for step in found) > 0.8 * SOLVED
    for channel, step in enumerate(found):
        if step is not None:
            sums = np.arange(of.low[channel], of.high[channel] + 1)
            np.testing.assert_array_equal(step.output(sums), reference(of, channel, sums))


def test_rounding_of_negative_outputs_is_not_assumed():
    """With a zero point of 0 halves round away from zero on both sides: only a proof may say yes."""
    of = channels(5, zero_point=0)
    for channel in range(SOLVED):
        step = solve(of, channel, 0, 2)
        if step is not None:
            sums = np.arange(of.low[channel], of.high[channel] + 1)
            np.testing.assert_array_equal(step.output(sums), reference(of, channel, sums))


@pytest.mark.parametrize("zero_point", [-128, -3, 0, 77])
def test_four_times_a_sum_by_half_the_multiplier(zero_point):
    of = channels(11, zero_point)
    found = [exact_of_four(of, channel) for channel in range(SOLVED)]
    assert all(found)
    for channel, constants in enumerate(found):
        sums = np.arange(of.low[channel], of.high[channel] + 1)
        np.testing.assert_array_equal(constants.output(sums), reference(of, channel, sums))


def test_half_of_an_odd_multiplier_is_refused_where_it_makes_a_difference():
    low = np.array([1 << 27])
    even = Channels(np.array([1_500_000_000]), np.array([-20]), -89, low, low + (1 << 25))
    assert exact_of_four(even, 0) is not None
    assert exact_of_four(replace(even, multipliers=even.multipliers + 1), 0) is None


def test_a_constant_channel_has_no_step():
    of = Channels(np.array([1 << 30]), np.array([-20]), 3, np.array([-5]), np.array([5]))
    step = solve(of, 0, 0, 4)
    assert step is not None
    assert set(step.output(np.arange(-5, 6))) == {3}


def test_what_cannot_be_kept_in_32_bits_is_refused():
    wide = Channels(
        np.array([1 << 30]), np.array([-8]), -128, np.array([-(1 << 24)]), np.array([0])
    )
    assert solve(wide, 0, 8, 8) is None
    left = Channels(np.array([1 << 30]), np.array([1]), -128, np.array([-5]), np.array([5]))
    assert solve(left, 0, 0, 0) is None


def test_one_shift_serves_all_channels_or_there_is_none():
    of = channels(7)
    found = solve_all(of, range(SOLVED), 0, range(4, -1, -1))
    assert found is None or {step.shift for step in found} <= set(range(5))
    assert found is None or len({step.shift for step in found}) == 1
    assert (
        solve_all(of, range(SOLVED), 0, range(12, 13)) is None
    )  # the multiplier would need 33 bits


def test_a_narrower_clamp_is_proven_or_refused():
    """RELU above -128, RELU6 below 127: SSAT clamps to int8 only, so the clamp must be out of reach."""
    wide = Channels(*(np.array([v]) for v in (1 << 30, -4)), 0, np.array([-9999]), np.array([9999]))
    relu = replace(wide, least=0)
    assert solve(relu, 0, 0, 2) is None
    assert solve(replace(wide, most=90), 0, 0, 2) is None
    # Sums from -15 to 1500 give -0.5 to 47: both clamps are out of reach.
    small = replace(relu, low=np.array([-15]), high=np.array([1500]), most=90)
    step = solve(small, 0, 0, 2)
    assert step is not None
    sums = np.arange(-15, 1501)
    np.testing.assert_array_equal(step.output(sums), small.output(sums[:, np.newaxis])[:, 0])


@pytest.mark.parametrize("zero_point", [-128, 0, 100])
@pytest.mark.parametrize("seed", range(3))
def test_tflms_own_arithmetic_needs_no_proof_but_of_its_ranges(seed, zero_point):
    of = channels(seed, zero_point=zero_point, shifts=(-12, 0))
    for channel in range(SOLVED):
        found = exact(of, channel, 8)
        assert found is not None
        sums = np.arange(of.low[channel], of.high[channel] + 1)
        np.testing.assert_array_equal(found.output(sums), reference(of, channel, sums))


def test_what_tflms_arithmetic_cannot_keep_in_32_bits_is_refused():
    def one(shift: int, largest: int, **clamp: int) -> Channels:
        ends = np.array([-largest]), np.array([largest])
        return Channels(np.array([1 << 30]), np.array([shift]), 0, *ends, **clamp)

    assert exact(one(-4, 1 << 22), 0, 8) is not None
    assert exact(one(-4, 1 << 23), 0, 8) is None
    assert exact(one(-4, 1 << 23), 0, 0) is not None
    assert exact(one(-4, 1 << 30), 0, 0) is None
    assert exact(one(0, 100), 0, 0) is None  # no shift, no rounding
    assert exact(one(-4, 5000, least=0), 0, 0) is None
    assert exact(one(-4, 5, least=-4), 0, 0) is not None
