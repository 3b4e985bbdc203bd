"""`tinyml export`: an int8 .tflite becomes a C firmware project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tinyml import console
from tinyml.cli import options

if TYPE_CHECKING:
    from tinyml.graph.ir import Graph


@click.command()
@options.model_argument("model", "MODEL.tflite")
@click.option("--target", required=True, help="A core or board; `tinyml targets` lists them.")
@click.option("--prefix", help="Begins every public C name; the model's file name by default.")
@click.option(
    "--disable-pass",
    "disabled",
    metavar="PASS",
    multiple=True,
    help="Leave out a simplification of the graph; may be repeated.",
)
@click.option(
    "--dump-after",
    "dumped",
    metavar="PASS",
    multiple=True,
    help="Show the graph as text after this pass, on stderr; may be repeated.",
)
@options.output("Project directory to write")
@options.common
def command(
    model: Path,
    target: str,
    prefix: str | None,
    disabled: tuple[str, ...],
    dumped: tuple[str, ...],
    output: Path,
    force: bool,
) -> None:
    """Turn an int8 .tflite into a C firmware project.

    The project holds the model as plain C (model.h, model.c, weights.c, the kernels it uses), a firmware
    for the target with a Makefile, and report.json with its memory and work.
    """
    from tinyml import passes, run, targets
    from tinyml.codegen import names, program, project
    from tinyml.graph import dump

    board = targets.find(target)
    name = names.identifier(prefix or model.stem)
    if prefix and name != prefix:
        raise click.BadParameter(
            f"'{prefix}' is not a C identifier; try '{name}'", param_hint="--prefix"
        )
    unknown = sorted(set(dumped) - set(passes.NAMES))
    if unknown:
        raise click.BadParameter(
            f"no pass '{unknown[0]}'; the passes are {', '.join(passes.NAMES)}",
            param_hint="--dump-after",
        )

    def show(name: str, graph: Graph) -> None:
        if name in dumped:
            console.note(f"after {name}: {dump.text(graph)}")

    compiled = program.compile_model(model, disabled, show)
    with run.step(
        "export",
        output,
        inputs={"model": model},
        settings={"target": target, "prefix": name, "disable_pass": list(disabled)},
        force=force,
        directory=True,
    ) as step:
        project.write(step.path, compiled, board, model, run.sha256(model), name)
        report = project.read_report(step.path)
        step.metrics.update(
            macs=report["macs"],
            weight_bytes=report["flash_bytes"]["weights"],
            arena_bytes=report["ram_bytes"]["arena"],
        )
    console.result(report, _text(output, report))


def _text(output: Path, report: dict[str, object]) -> str:
    flash, ram = report["flash_bytes"], report["ram_bytes"]
    assert isinstance(flash, dict)
    assert isinstance(ram, dict)
    return (
        f"{output}: {report['macs']:,} MAC, weights {flash['weights']:,} bytes in flash, "
        f"arena {ram['arena']:,} bytes in RAM (lower bound {report['arena_lower_bound']:,})\n"
        f"Next: tinyml validate {output} --data DATA, or make -C {output}"
    )
