"""Options of `tinyml distill dream` and `run`: how dreams are made, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tinyml.cli import options
from tinyml.distill.settings import (
    Dreaming,
    FastSettings,
    PixelSettings,
    Plan,
    method_names,
)

_F = TypeVar("_F", bound=Callable[..., Any])
_PLAN, _PIXELS, _FAST = Plan(), PixelSettings(), FastSettings()
_PATH = click.Path(path_type=Path)
_COUNT = click.IntRange(min=1)
_POSITIVE = click.FloatRange(min=0, min_open=True)
_WEIGHT = click.FloatRange(min=0)


def _sizes(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, ...]:
    """Batch sizes with commas between them."""
    items = value.split(",") if value else []
    if not all(item.strip().isdecimal() and int(item) > 1 for item in items):
        raise click.BadParameter(f"'{value}' is not numbers from 2 with commas between them")
    return tuple(int(item) for item in items)


def plan(function: _F) -> _F:
    """--metadata, --method, --count and --dream-batch-size."""
    return options.apply(
        function,
        click.option(
            "--metadata", type=_PATH, help="Metadata of the teacher's activations (.npz)."
        ),
        click.option(
            "--method",
            metavar="NAME[,NAME...]",
            default=",".join(_PLAN.methods),
            show_default=True,
            help=f"{', '.join(method_names())}; several share the dreams out.",
        ),
        click.option(
            "--count", type=_COUNT, default=_PLAN.count, show_default=True, help="Dreams in all."
        ),
        click.option(
            "--dream-batch-size",
            type=click.IntRange(min=2),
            default=_PLAN.batch_size,
            show_default=True,
            help="Dreams made together, whose statistics are matched together.",
        ),
    )


def pixels(function: _F) -> _F:
    """How pixels are optimised, and the weights of the priors."""
    return options.apply(
        function,
        click.option(
            "--dream-steps",
            type=_COUNT,
            default=_PIXELS.steps,
            show_default=True,
            help="Gradient steps on the pixels.",
        ),
        click.option(
            "--dream-learning-rate",
            type=_POSITIVE,
            default=_PIXELS.learning_rate,
            show_default=True,
            help="Of Adam on pixels in [0, 1].",
        ),
        click.option(
            "--jitter",
            type=click.IntRange(min=0),
            default=_PIXELS.jitter,
            show_default=True,
            help="Largest random shift at a step, in pixels.",
        ),
        click.option(
            "--dream-flip/--no-dream-flip",
            default=_PIXELS.flip,
            show_default=True,
            help="Mirror the dreams at every second step: for photographs.",
        ),
        click.option(
            "--dream-natural/--no-dream-natural",
            default=_PIXELS.natural,
            show_default=True,
            help="Start from noise with the spectrum of photographs, and mirror at the border.",
        ),
        click.option(
            "--batch-norm",
            type=_WEIGHT,
            default=_PIXELS.batch_norm,
            show_default=True,
            help="Weight of the batch-norm prior.",
        ),
        click.option(
            "--total-variation",
            type=_WEIGHT,
            default=_PIXELS.total_variation,
            show_default=True,
            help="Weight of the smoothness prior.",
        ),
        click.option(
            "--energy",
            type=_WEIGHT,
            default=_PIXELS.energy,
            show_default=True,
            help="Weight of the L2 prior.",
        ),
        click.option(
            "--against",
            type=_PATH,
            help="A student (.keras or .h5); dreams are drawn to where it is not yet the teacher.",
        ),
        click.option(
            "--adversarial",
            type=_WEIGHT,
            default=_PIXELS.adversarial,
            show_default=True,
            help="Weight of that.",
        ),
    )


def fast(function: _F) -> _F:
    """How method `fast` learns and uses its generator."""
    return options.apply(
        function,
        click.option(
            "--fast-steps",
            type=_COUNT,
            default=_FAST.steps,
            show_default=True,
            help="Method 'fast': steps of the generator on a batch.",
        ),
        click.option(
            "--fast-pixel-steps",
            type=click.IntRange(min=0),
            default=_FAST.pixel_steps,
            show_default=True,
            help="Likewise, steps on the pixels after that.",
        ),
        click.option(
            "--fast-episodes",
            type=_COUNT,
            default=_FAST.episodes,
            show_default=True,
            help="Likewise, small batches that the generator's start is learnt on.",
        ),
        click.option(
            "--fast-width",
            type=_COUNT,
            default=_FAST.width,
            show_default=True,
            help="Likewise, channels of the generator.",
        ),
    )


def machine(function: _F) -> _F:
    """--devices and --probe."""
    return options.apply(
        function,
        click.option(
            "--devices",
            metavar="NAME[,NAME...]",
            help="Make as many batches at once, e.g. on gpu:0,gpu:1 or on cpu:0,cpu:1.",
        ),
        click.option(
            "--probe",
            callback=_sizes,
            metavar="SIZE[,SIZE...]",
            help="First measure images a second at these batch sizes, for the run record.",
        ),
    )


def settings(given: dict[str, Any]) -> Dreaming:
    """What the options above say."""
    methods = tuple(name.strip() for name in given["method"].split(","))
    return Dreaming(
        Plan(methods, given["count"], given["dream_batch_size"]),
        options.take(PixelSettings, given, "dream_"),
        options.take(FastSettings, given, "fast_"),
        given["metadata"],
        given["against"],
        tuple(name.strip() for name in (given["devices"] or "").split(",") if name),
        given["probe"],
    )
