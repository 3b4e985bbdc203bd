"""`tinyml bench`: what a model costs on its target, counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinyml import console
from tinyml.cli import options
from tinyml.errors import CheckFailed

_INPUTS = 4  # counts differ a little with the data


@click.command()
@options.model_argument("project", "PROJECT|MODEL.tflite")
@click.option(
    "--target", help="For a .tflite: the core or board to export for [default: cortex-m4]."
)
@options.kernels
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write the result as JSON, too."
)
@click.option("--force", is_flag=True, help="Replace the output.")
@options.seed
@options.common
def command(
    project: Path,
    target: str | None,
    library: str,
    optimize: str,
    output: Path | None,
    force: bool,
    seed: int,
) -> None:
    """Count a model's instructions, flash, RAM and stack on QEMU.

    Instructions are those of one inference, exact and repeatable, over a few random inputs. They are not
    cycles.
    """
    from tinyml.cli import projects
    from tinyml.cli.validate import measured_text
    from tinyml.codegen.project import read_report
    from tinyml.emulate import ports, validation

    settings = {"target": target, "kernels": library, "optimize": optimize}
    with (
        projects.recorded(output, "bench", {"project": project}, settings, seed, force) as write,
        projects.opened(project, target, library, optimize) as directory,
    ):
        report = read_report(directory)
        inputs = ports.of_project(directory).random_inputs(_INPUTS, seed)
        name, expected = projects.judge(directory)
        measured = validation.execute(directory, inputs, "qemu", timeout=120.0)
        verdict = validation.compare(measured, name, expected(inputs), None)
        result = _result(report, verdict)
        write(result)
    text = (
        f"{report['model']['file']} on {report['target']}: {measured_text(result)}\n"
        f"{result['macs']:,} MAC, {result['macs_per_instruction']:.3f} MAC an instruction; "
        f"{'exact' if result['exact'] else 'NOT exact'} against {name}"
    )
    console.result(result, text)
    if not result["exact"]:
        raise CheckFailed(
            f"{project}: the firmware's outputs differ from {name}; 'tinyml validate' says where"
        )


def _result(report: dict[str, Any], verdict: dict[str, Any]) -> dict[str, Any]:
    kept = ("instructions", "stack_bytes", "flash_bytes", "ram_bytes", "exact", "judge")
    return {
        "model": report["model"],
        "target": report["target"],
        "kernels": report["kernels"],
        "optimize": report["optimize"],
        "macs": report["macs"],
        "arena_bytes": report["ram_bytes"]["arena"],
        "macs_per_instruction": report["macs"] / verdict["instructions"]["mean"],
        **{key: verdict[key] for key in kept},
    }
