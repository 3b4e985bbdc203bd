"""Options of `tinyml distill metadata`: how much it may say, and with what guarantee."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from tinyml.cli import options
from tinyml.distill.settings import Budget, Limits
from tinyml.errors import InputError

_F = TypeVar("_F", bound=Callable[..., Any])
_LIMITS = Limits()
_DELTA = 1e-5
_COUNT = click.IntRange(min=1)
_POSITIVE = click.FloatRange(min=0, min_open=True)
_MEANINGLESS = {  # with --epsilon
    "seed": "whoever knows it could take the noise off",
    "clusters": "k-means would look at the data; each class is one cluster",
    "members_per_component": "components that the noise could have made are left out instead",
}


def limits(function: _F) -> _F:
    """--fraction, --clusters, --smallest-cluster, --components and --members-per-component."""
    parts = [
        click.option(
            "--fraction",
            type=click.FloatRange(0, 1, min_open=True),
            default=_LIMITS.fraction,
            show_default=True,
            help="Share of each class's training samples that is looked at.",
        ),
        click.option(
            "--clusters",
            type=_COUNT,
            default=_LIMITS.clusters,
            show_default=True,
            help="At most this many a class.",
        ),
        click.option(
            "--smallest-cluster",
            type=_COUNT,
            default=_LIMITS.smallest_cluster,
            show_default=True,
            help="Fewest samples a cluster may stand for.",
        ),
        click.option(
            "--components",
            type=click.IntRange(min=0),
            default=_LIMITS.components,
            show_default=True,
            help="At most this many principal components a cluster.",
        ),
        click.option(
            "--members-per-component",
            type=_COUNT,
            default=_LIMITS.members_per_component,
            show_default=True,
            help="Fewest samples behind each component: few can be told from strangers by it.",
        ),
    ]
    return options.apply(function, *parts)


def privacy(function: _F) -> _F:
    """--epsilon, --delta and --clip."""
    parts = [
        click.option(
            "--epsilon",
            type=_POSITIVE,
            help="Differential privacy of each sample, by Gaussian noise; a cluster a class, no seed.",
        ),
        click.option(
            "--delta",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            help=f"With --epsilon: well below one over the number of samples [default: {_DELTA}].",
        ),
        click.option(
            "--clip",
            type=_POSITIVE,
            help="With --epsilon: the length (L2) that activations are cut to, chosen without the data.",
        ),
    ]
    return options.apply(function, *parts)


def budget(given: dict[str, Any], ctx: click.Context) -> Budget | None:
    """What --epsilon, --delta and --clip ask for.

    Raises:
        InputError: they do not go together, or an option has no meaning under --epsilon.
    """
    if given["epsilon"] is None:
        for name in ("delta", "clip"):
            if given[name] is not None:
                raise InputError(f"--{name}", "belongs to --epsilon", "add --epsilon")
        return None
    for name, why in _MEANINGLESS.items():
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
            option = "--" + name.replace("_", "-")
            raise InputError(option, f"has no place beside --epsilon: {why}", "leave it out")
    if given["clip"] is None:
        raise InputError(
            "--epsilon",
            "needs the length that activations are cut to",
            "give --clip, chosen without the data, e.g. from the teacher's activations on public data",
        )
    return Budget(given["epsilon"], given["delta"] or _DELTA, given["clip"])
