"""The choice of kernels: the fastest plan within limits, checked against all plans there are."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from tinyml.kernels import choice
from tinyml.kernels.base import Candidate
from tinyml.kernels.choice import Layout, _Limits
from tinyml.ops.base import Array, KernelCall


def candidate(kernel: str, instructions: int, constants: int, scratch: int = 0) -> Candidate:
    weights = Array("weights", np.zeros(constants, np.int8))
    call = KernelCall(kernel, (("weights", weights),), (0,), scratch_bytes=scratch)
    return Candidate(kernel, (call,), instructions)


def random_offers(seed: int) -> dict[int, list[Candidate]]:
    rng = np.random.default_rng(seed)
    return {
        node: [
            candidate(
                f"k{node % 2}{kind}", *map(int, rng.integers(1, 100, 2)), int(rng.integers(9))
            )
            for kind in range(3)
        ]
        for node in range(4)
    }


def largest_scratch(calls, spans=()) -> Layout:
    """An arena of the largest scratch: a peak at one or more nodes."""
    sizes = {node: max(call.scratch_bytes for call in parts) for node, parts in calls.items()}
    most = max(sizes.values())
    return Layout(most, frozenset(node for node, size in sizes.items() if size == most))


def plans(offers):
    return [dict(zip(offers, parts)) for parts in itertools.product(*offers.values())]


def fitted(offers, limits):
    return choice._fitted(offers, limits, largest_scratch)


@pytest.mark.parametrize("seed", range(20))
def test_without_limits_the_fastest(seed):
    offers = random_offers(seed)
    found = choice._instructions(fitted(offers, _Limits()))
    assert found == min(choice._instructions(plan) for plan in plans(offers))


def fast_enough(plan, offers, fits):
    """The plan fits, and none that fits is faster."""
    best = min(choice._instructions(other) for other in plans(offers) if fits(other))
    return fits(plan) and choice._instructions(plan) == best


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("share", [0.0, 0.25, 0.6])
@pytest.mark.parametrize("measure", ["constants", "flash"])
def test_within_a_limit_of_flash_nothing_is_faster(seed, share, measure):
    offers = random_offers(seed)
    of = getattr(choice, f"_{measure}")
    sizes = sorted(of(plan) for plan in plans(offers))
    limit = sizes[int(share * len(sizes))]
    found = fitted(offers, _Limits(**{measure: limit}))
    assert fast_enough(found, offers, lambda plan: of(plan) <= limit)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("thrift", [0.5, 4.0, 16.0])
def test_flash_is_worth_its_thrift(seed, thrift):
    offers = random_offers(seed)
    limits = _Limits(thrift=thrift)

    def badness(plan):
        return limits.badness(choice._instructions(plan), choice._flash(plan))

    assert badness(fitted(offers, limits)) == pytest.approx(min(map(badness, plans(offers))))


@pytest.mark.parametrize("seed", range(20))
def test_zero_asks_for_the_least(seed):
    offers = random_offers(seed)
    flash = fitted(offers, _Limits(flash=0))
    assert choice._flash(flash) == min(choice._flash(plan) for plan in plans(offers))
    arena = fitted(offers, _Limits(arena=0))
    lowest = max(min(c.scratch_bytes for c in found) for found in offers.values())
    assert max(c.scratch_bytes for c in arena.values()) == lowest


def test_a_kernel_is_given_up_for_its_code(monkeypatch):
    """Two nodes share a fast kernel whose code is large: only giving it up in both saves anything."""
    monkeypatch.setattr(choice.cost, "code_bytes", lambda kernel: 1000 if kernel == "fast" else 10)
    offers = {node: [candidate("fast", 1, 5), candidate("slow", 9, 6)] for node in range(2)}
    found = fitted(offers, _Limits(flash=500))
    assert [c.name for c in found.values()] == ["slow", "slow"]
    assert math.isinf(_Limits().flash)
