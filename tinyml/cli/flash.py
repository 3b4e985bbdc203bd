"""`tinyml flash`: a project's firmware onto its board."""

from __future__ import annotations

from pathlib import Path

import click

from tinyml import console
from tinyml.cli import options
from tinyml.errors import InputError


@click.command()
@click.argument("project", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--probe", metavar="ID", help="The debug probe's ID or a part of it, if several.")
@click.option(
    "--elf",
    type=click.Path(path_type=Path),
    help="What to flash, e.g. DIR/build/demo.elf; by default the firmware, built anew.",
)
@click.option(
    "--print",
    "only_print",
    is_flag=True,
    help="Flash nothing; show the commands of pyOCD, OpenOCD, st-flash, nrfjprog or picotool.",
)
@options.common
def command(project: Path, probe: str | None, elf: Path | None, only_print: bool) -> None:
    """Put the firmware of an exported project (DIR) on its board, with pyOCD.

    What was written is read back and compared, then the board is reset. Other programs can do it, too:
    --print shows their commands, and `make flash-PROGRAM` in DIR calls them.
    """
    from tinyml import flash
    from tinyml.codegen.project import target_of
    from tinyml.emulate import build

    target = target_of(project)
    firmware = elf or project / "build" / "firmware.elf"
    if only_print:
        lines = flash.commands(target, firmware)
        if not lines:
            raise InputError(target.board, "is emulated", f"run it: make -C {project} run")
        text = "\n".join(f"# {tool}\n" + "\n".join(lines[tool]) for tool in lines)
        console.result({"board": target.board, "commands": lines}, text)
        return
    if elf is None:
        build.build(project, "firmware", project / "build")
    elif not elf.is_file():
        raise InputError(elf, "not found", f"build it: make -C {project} demo")
    used = flash.with_pyocd(target, firmware, probe)
    value = {"board": target.board, "elf": str(firmware), "probe": used}
    console.result(value, f"{target.board}: {firmware} flashed and compared, over {used}")
