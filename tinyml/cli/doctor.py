"""`tinyml doctor`: which tools are there, and how to get those that are not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyml import console
from tinyml.cli import options
from tinyml.errors import CheckFailed

if TYPE_CHECKING:
    from tinyml.doctor import State, Tool


@click.command(name="doctor")
@click.option(
    "--cmsis-nn",
    type=click.Path(path_type=Path),
    help="The CMSIS-NN folder. Else $CMSIS_NN_PATH, else the newest in $CMSIS_PACK_ROOT.",
)
@options.common
def command(cmsis_nn: Path | None) -> None:
    """Show which tools are there, with versions, and how to get those that are not.

    Exit code 1 when a tool is missing that export and validate need; the others are optional.
    """
    from tinyml import doctor

    rows = [(tool, tool.probe()) for tool in doctor.tools(cmsis_nn)]
    console.result({"tools": [_record(*row) for row in rows]}, _text(rows))
    bad = [tool.name for tool, state in rows if tool.required and state.status != doctor.FOUND]
    if bad:
        raise CheckFailed(f"doctor: export and validate need what is not there: {', '.join(bad)}")


def _record(tool: Tool, state: State) -> dict[str, object]:
    return {
        "name": tool.name,
        "status": state.status,
        "version": state.version or None,
        "detail": state.detail or None,
        "required": tool.required,
        "needed_for": tool.needed_for,
        "remedy": None if state.status == "found" else tool.remedy,
    }


def _text(rows: list[tuple[Tool, State]]) -> str:
    lines = []
    for title, required in (("Needed to export and validate", True), ("Optional", False)):
        lines += [title] + [_line(*row) for row in rows if row[0].required is required] + [""]
    return "\n".join(lines).rstrip()


def _line(tool: Tool, state: State) -> str:
    """One tool on a line; below it what is wrong and what to do, or with -v where it lies."""
    lines = [f"  {state.status:<8} {tool.name:<22} {state.version}".rstrip()]
    if state.detail and (state.status != "found" or console.is_verbose()):
        lines.append(state.detail)
    if state.status != "found":
        lines += [tool.remedy, f"for: {tool.needed_for}"]
    return f"\n{'':11}".join(lines)
