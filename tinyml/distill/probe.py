"""How fast dreams are made at several batch sizes, measured on a few steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinyml import console
from tinyml.distill import synthesizers

_STEPS = 10  # timed; as many are run before, which compiles


def batch_sizes(
    sizes: Sequence[int], methods: Sequence[str], context: synthesizers.Context, seed: int
) -> list[dict[str, Any]]:
    """Speed of each method at each batch size.

    Args:
        sizes: images made together on one device.
        methods: those that optimise images are measured, others are left out.
        context: with what; the number of steps in it counts.
        seed: of what is dreamt of.

    Returns:
        For each: method, batch_size, steps_per_second (of all images of a batch together) and
        images_per_second, what that means for a batch's whole number of steps.
    """
    quick = replace(
        context,
        pixels=replace(context.pixels, steps=_STEPS),
        fast=replace(context.fast, pixel_steps=_STEPS, episodes=1),
    )
    found = []
    for method in dict.fromkeys(methods):
        steps = synthesizers.make(method, context).steps
        for size in sizes if steps else ():
            seconds = _seconds(synthesizers.make(method, quick), size, context.devices.count, seed)
            found.append(
                {
                    "method": method,
                    "batch_size": size,
                    "images_per_second": round(size * context.devices.count / seconds / steps, 2),
                    "steps_per_second": round(1 / seconds, 2),
                }
            )
    return found


def _seconds(synthesizer: synthesizers.Synthesizer, size: int, devices: int, seed: int) -> float:
    """Wall seconds a step, with a batch on each device."""
    rng, silent = np.random.default_rng(seed), console.Silent()
    synthesizer.learnt = synthesizer.learn(rng, silent)
    draws = [synthesizer.sample(size, rng) for _ in range(devices)]
    synthesizer.synthesize(draws, silent)
    started = time.monotonic()
    synthesizer.synthesize(draws, silent)
    return (time.monotonic() - started) / synthesizer.steps
