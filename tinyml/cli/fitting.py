"""`--fit` of `tinyml distill`: the option, what it chooses with, and the table it prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tinyml import console
from tinyml.cli.options import Bytes
from tinyml.errors import InputError
from tinyml.fit.goal import Goal

_F = TypeVar("_F", bound=Callable[..., Any])
_FORM = "TARGET:RAM:FLASH[:INSTRUCTIONS]"
_TRIAL_STEPS = 200


class _GoalType(click.ParamType):
    """A target with its budgets, e.g. cortex-m4:64K:256K:20M."""

    name = "goal"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Goal:
        if isinstance(value, Goal):
            return value
        target, *sizes = str(value).split(":")
        if not target or not 2 <= len(sizes) <= 3:
            self.fail(f"'{value}' is not {_FORM}, e.g. cortex-m4:64K:256K", param, ctx)
        ram, flash = (Bytes().convert(size, param, ctx) for size in sizes[:2])
        return Goal(target, ram, flash, self._count(sizes[2]) if sizes[2:] else None)

    def _count(self, text: str) -> int:
        """Instructions: 20000000, 20000K or 20M, in thousands and millions."""
        factor = {"K": 1000, "M": 1000_000}.get(text[-1:].upper(), 1)
        digits = text[:-1] if factor > 1 else text
        if not digits.isdecimal() or int(digits) < 1:
            self.fail(f"'{text}' is not a number of instructions such as 20000000 or 20M")
        return int(digits) * factor


def fit(function: _F) -> _F:
    """--fit and --trial-steps."""
    goal = click.option(
        "--fit",
        type=_GoalType(),
        metavar=_FORM,
        help="Instead of --student: the best that fits, e.g. cortex-m4:64K:256K, with budgets as those of "
        "'tinyml export'; the instructions are an inference's.",
    )
    steps = click.option(
        "--trial-steps",
        type=click.IntRange(min=1),
        default=_TRIAL_STEPS,
        show_default=True,
        help="With --fit, gradient steps after which those that fit are compared.",
    )
    return goal(steps(function))


def wanted(given: dict[str, Any]) -> Any:
    """The student's name, or what chooses it.

    Raises:
        InputError: not exactly one of --student and --fit is given; a target that is not known;
            hints for candidates that are not all built like the teacher.
    """
    if (given["student"] is None) == (given["fit"] is None):
        raise InputError(
            "tinyml distill",
            "needs one of --student and --fit" + ("" if given["fit"] is None else ", not both"),
            f"name a student, or give --fit {_FORM}",
        )
    if given["student"] is not None:
        return given["student"]
    if given["hint"] and given["init"] != "teacher-channels":
        raise InputError(
            "--hint",
            "needs a student built like the teacher, and --fit also tries other depths",
            "add --init teacher-channels, for which it tries narrower copies alone",
        )
    from tinyml.fit.search import Fit

    return Fit(given["fit"], given["init"], given["trial_steps"], given["seed"])


def table(found: dict[str, Any]) -> str:
    """The candidates of a choice, as text; `found` as in the run record."""
    flash = "flash" if found["compiled"] else "flash (weights)"
    columns = ["candidate", "MAC", "RAM", flash, "instructions", "agreement", ""]
    rows = [_row(candidate, found["chosen"]) for candidate in found["candidates"]]
    lines = [console.table("", columns, rows), ""]
    if found["excess"]:
        text = (
            f"{found['chosen']}, trained, is no longer within the budget ({found['excess']}); "
            "choose a smaller one by name"
        )
        return "\n".join([*lines, text])
    needs = found["needs"]
    text = f"{found['chosen']}, trained, takes {needs['ram']:,} bytes of RAM, {needs['flash']:,} of flash"
    if needs["instructions"] is not None:
        text += f", {needs['instructions']:,} instructions"
    return "\n".join([*lines, text])


def _row(candidate: dict[str, Any], chosen: str) -> list[str]:
    needs = candidate["needs"] or {}
    numbers = [needs.get(key) for key in ("macs", "ram", "flash", "instructions")]
    agreement = candidate["agreement"]
    return [
        candidate["name"],
        *("" if number is None else f"{number:,}" for number in numbers),
        "" if agreement is None else f"{agreement:.1%}",
        "chosen" if candidate["name"] == chosen else candidate["refused"] or "fits",
    ]
