"""`tinyml targets`: the known cores and boards."""

from __future__ import annotations

from typing import Any

import click

from tinyml import console
from tinyml.cli import options


@click.command()
@options.common
def command() -> None:
    """List the known cores and boards, for --target."""
    from tinyml import targets

    cores, boards = targets.cores(), targets.boards()
    rows = [
        [name, "core", table["summary"], f"builds for {_boards(table)}"]
        for name, table in cores.items()
    ]
    host = targets.find(targets.HOST)
    rows.append([host.board, "host", host.summary, ""])
    for name, table in boards.items():
        memories = (
            f"{table['flash']['bytes'] >> 10:,} KB flash, {table['ram']['bytes'] >> 10:,} KB RAM"
        )
        rows.append([name, "board", table["summary"], memories])
    value = {"cores": cores, "host": {"summary": host.summary}, "boards": boards}
    console.result(value, console.table("", ["name", "kind", "what", ""], rows))


def _boards(core: dict[str, Any]) -> str:
    small = core.get("small_board")
    return core["board"] + (f", for {small} where the model fits" if small else "")
