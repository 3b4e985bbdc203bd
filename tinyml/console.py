"""What a person sees: results on stdout, progress and notes on stderr.

Progress is drawn only on a terminal; in a pipe or a log nothing moves. `configure` is called once,
by the command line, with the global options.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass
class _Settings:
    verbose: bool = False
    as_json: bool = False


_settings = _Settings()


def configure(verbose: bool | None = None, as_json: bool | None = None) -> None:
    """Set the global output options; None leaves one as it is."""
    if verbose is not None:
        _settings.verbose = verbose
    if as_json is not None:
        _settings.as_json = as_json


def as_json() -> bool:
    """True when the user asked for machine-readable results."""
    return _settings.as_json


def is_verbose() -> bool:
    """True when the user asked for detail (-v)."""
    return _settings.verbose


def note(text: str) -> None:
    """A line for people, on stderr; kept out of --json's way."""
    if not _settings.as_json or _settings.verbose:
        print(text, file=sys.stderr, flush=True)


def detail(text: str) -> None:
    """A line shown with -v only, on stderr."""
    if _settings.verbose:
        print(text, file=sys.stderr, flush=True)


def result(value: Any, text: str) -> None:
    """A command's result on stdout: `value` as JSON with --json, else `text`."""
    print(json.dumps(value, indent=2, sort_keys=True) if _settings.as_json else text, flush=True)


def table(title: str, columns: list[str], rows: list[list[str]]) -> str:
    """A table as text, as wide as it needs to be; columns of numbers are right-aligned."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title or None, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for position, column in enumerate(columns):
        numeric = all(not row[position] or row[position].lstrip("-")[:1].isdigit() for row in rows)
        drawn.add_column(column, justify="right" if numeric else "left")
    for row in rows:
        drawn.add_row(*row)
    console = Console(width=200, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()).strip("\n")


class Progress(Protocol):
    """What `progress` yields."""

    def advance(self, amount: int = 1, **values: float) -> None:
        """Move the bar by `amount`; `values` (losses, accuracies) are shown beside it."""


class Silent:
    """Progress that nobody watches."""

    def advance(self, amount: int = 1, **values: float) -> None:
        pass


class _Bar:
    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task

    def advance(self, amount: int = 1, **values: float) -> None:
        shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        self._bar.update(self._task, advance=amount, shown=shown)


@contextmanager
def progress(label: str, total: int) -> Iterator[Progress]:
    """A progress bar on stderr for work of `total` units; nothing when stderr is not a terminal."""
    if not sys.stderr.isatty() or _settings.as_json:
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    with RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[shown]}"),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        yield _Bar(bar, bar.add_task(label, total=total, shown=""))


@contextmanager
def working(label: str) -> Iterator[None]:
    """A line on a terminal for work that cannot say how far it is; gone when it is done."""
    shown = sys.stderr.isatty() and not _settings.as_json
    if shown:
        print(f"{label} ...", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
