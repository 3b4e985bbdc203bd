"""Options that several commands share, so that they are spelled and explained alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from tinyml import console

_F = TypeVar("_F", bound=Callable[..., Any])

# In their order; written here so that help need not import the compiler.
PASSES = (
    "fold-constants",
    "fold-quantize",
    "drop-dead-nodes",
    "fold-pad",
    "fold-activations",
    "fold-tables",
    "remove-constant-channels",
    "read-variables-in-place",
)


def _set_verbose(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    console.configure(verbose=value or None)


def _set_json(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    console.configure(as_json=value or None)


def common(function: _F) -> _F:
    """-v/--verbose and --json, which every command has."""
    verbose = click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_set_verbose,
        help="Show detail.",
    )
    machine = click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_set_json,
        help="Print the result as JSON, and nothing else on stdout.",
    )
    return verbose(machine(function))


def output(what: str) -> Callable[[_F], _F]:
    """-o/--output and --force."""

    def add(function: _F) -> _F:
        path = click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path),
            required=True,
            help=f"{what}. Refused when it exists, unless --force.",
        )
        force = click.option("--force", is_flag=True, help="Replace the output, whole.")
        return path(force(function))

    return add


def passes(function: _F) -> _F:
    """--disable-pass and --dump-after."""
    settings: dict[str, Any] = {
        "type": click.Choice(PASSES),
        "metavar": "PASS",
        "multiple": True,
    }
    disable = click.option(
        "--disable-pass",
        "disabled",
        help=f"Leave out a simplification of the graph: {', '.join(PASSES)}. May be repeated.",
        **settings,
    )
    dump = click.option(
        "--dump-after",
        "dumped",
        help="Show the graph as text after one of these passes, on stderr; may be repeated.",
        **settings,
    )
    return disable(dump(function))


def data(help_text: str, required: bool = True) -> Callable[[_F], _F]:
    """--data NAME|PATH."""
    takes = (
        "Takes 'digits', a .npz (Keras layout), or class folders of PNG, JPEG or WAV files, also in "
        "a .tar.gz or .zip."
    )
    return click.option(
        "--data", metavar="NAME|PATH", required=required, help=f"{help_text} {takes}"
    )


seed = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)

unsafe = click.option(
    "--allow-unsafe",
    is_flag=True,
    help="Load a Keras model that carries code (a Lambda layer). It runs when loaded.",
)


class Bytes(click.ParamType):
    """A number of bytes, e.g. 65536, 64K, 64KB or 1M."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).strip().upper()
        text = text[:-1] if text[-2:] in ("KB", "MB") else text
        factor = {"K": 1024, "M": 1024 * 1024}.get(text[-1:], 1)
        digits = text[:-1] if factor > 1 else text
        if not digits.isdecimal() or int(digits) < 1:
            self.fail(f"'{value}' is not a number of bytes such as 65536, 64K or 1M", param, ctx)
        return int(digits) * factor


def budgets(function: _F) -> _F:
    """--flash and --ram."""
    flash = click.option(
        "--flash",
        type=Bytes(),
        help="The firmware must fit into this much flash; takes the fastest kernels that do.",
    )
    ram = click.option("--ram", type=Bytes(), help="Likewise the arena and the model's state.")
    return flash(ram(function))


precision = click.option(
    "--quantize",
    "precision",
    type=click.Choice(["int8", "int16x8"]),
    default="int8",
    show_default=True,
    help="Activations int8, or int16 for more precision at more RAM and time; weights are int8.",
)


def kernels(function: _F) -> _F:
    """--kernels, --cmsis-nn and --optimize: which kernels an export takes."""
    library = click.option(
        "--kernels",
        "library",
        type=click.Choice(["auto", "tinyml", "cmsis-nn"]),
        default="auto",
        show_default=True,
        help="Whose kernels to take; auto takes the fastest for each layer, cmsis-nn Arm's where it has one.",
    )
    folder = click.option(
        "--cmsis-nn",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="Your CMSIS-NN folder. Else $CMSIS_NN_PATH, else the newest in $CMSIS_PACK_ROOT.",
    )
    mode = click.option(
        "--optimize",
        type=click.Choice(["balanced", "speed", "size", "ram"]),
        default="balanced",
        show_default=True,
        help="What to spend flash and RAM for; balanced takes at most a quarter more for weights.",
    )
    return library(folder(mode(function)))


flip = click.option(
    "--flip/--no-flip",
    default=False,
    show_default=True,
    help="With --augment, mirror images left to right, too: for photographs.",
)


def apply(function: _F, *decorators: Callable[[Any], Any]) -> _F:
    """The function with the decorators as if they stood above it in this order."""
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def take(kind: type[Any], given: dict[str, Any], prefix: str = "") -> Any:
    """Settings of a dataclass out of the options; an option with the prefix goes first."""
    names = [field.name for field in fields(kind)]
    return kind(**{n: given[prefix + n if prefix + n in given else n] for n in names})


def model_argument(name: str, metavar: str) -> Callable[[_F], _F]:
    """A positional path whose existence the command checks itself, for a better message."""
    return click.argument(name, metavar=metavar, type=click.Path(path_type=Path))
