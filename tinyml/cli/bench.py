"""`tinyml bench`: what a model costs on its target, counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinyml import console
from tinyml.cli import options
from tinyml.errors import CheckFailed

_INPUTS = 4  # counts differ a little with the data
_TIMEOUT = 120.0  # seconds for one inference
_VERSUS = "--vs"
_JSON = "--json"


class _Bench(click.Command):
    """Takes a second build's options after --vs, and a file name after --json."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split off the second build's options, and read `--json FILE.json` as --output."""
        given = list(args)
        if _VERSUS in given:
            at = given.index(_VERSUS)
            given, second = given[:at], given[at + 1 :]
            with _versus.make_context("tinyml bench", second) as parsed:
                ctx.obj = parsed.params
        for at, argument in enumerate(given[:-1]):
            if argument == _JSON and given[at + 1].endswith(".json"):
                given[at] = "--output"
        return super().parse_args(ctx, given)


@click.command(add_help_option=False)
@options.kernels
@options.budgets
def _versus(
    library: str, cmsis_nn: Path | None, optimize: str, flash: int | None, ram: int | None
) -> None:
    """The options after --vs."""


@click.command(cls=_Bench)
@options.model_argument("project", "PROJECT|MODEL.tflite")
@click.option(
    "--target", help="For a .tflite: the core or board to export for [default: cortex-m4]."
)
@options.kernels
@options.budgets
@click.option(
    _VERSUS,
    metavar="[--kernels K] [--optimize O] [--flash F] [--ram R]",
    is_flag=True,
    expose_value=False,
    help="Last: build a .tflite again with these options, and show the ratio.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write the result as JSON, too; the same as --json FILE.json.",
)
@click.option("--force", is_flag=True, help="Replace the output.")
@options.seed
@options.common
@click.pass_context
def command(
    ctx: click.Context,
    project: Path,
    target: str | None,
    library: str,
    cmsis_nn: Path | None,
    optimize: str,
    flash: int | None,
    ram: int | None,
    output: Path | None,
    force: bool,
    seed: int,
) -> None:
    """Count a model's instructions, flash, RAM and stack on QEMU.

    Instructions are those of one inference, exact and repeatable, the mean over a few random inputs; layer
    by layer, of the first of them. Cycles are estimated from them for a Cortex-M4 without wait states.
    """
    from tinyml.cli import projects

    given = [
        {
            "library": library,
            "cmsis_nn": cmsis_nn,
            "optimize": optimize,
            "flash": flash,
            "ram": ram,
        }
    ]
    given += [ctx.obj] if ctx.obj else []
    # The folder is the same for all builds, wherever it was named.
    folder = next((build["cmsis_nn"] for build in given if build["cmsis_nn"]), None)
    builds = [{**build, "cmsis_nn": folder} for build in given]
    named = [{**build, "cmsis_nn": folder and str(folder)} for build in builds]
    settings = {"target": target, "builds": named}
    with projects.recorded(output, "bench", {"project": project}, settings, seed, force) as write:
        results = []
        for source, board, build in _sources(project, target, builds):
            with projects.opened(source, board, **build) as directory:
                results.append(_counted(directory, seed))
        result = {**results[0], "versus": results[1] if len(results) > 1 else None}
        write(result)
    console.result(result, _text(results))
    wrong = [found for found in results if not found["exact"]]
    if wrong:
        raise CheckFailed(
            f"{project}: the firmware's outputs differ from {wrong[0]['judge']}; "
            "'tinyml validate' says where"
        )


def _sources(
    project: Path, target: str | None, builds: list[dict[str, Any]]
) -> list[tuple[Path, str | None, dict[str, Any]]]:
    """What to open for each build; a project's second is made from the model that it holds."""
    from tinyml.codegen import project as projects

    first, *others = builds
    model, board = project, target
    if others and project.is_dir():
        model, board = project / projects.MODEL, projects.read_report(project)["target"]
    return [(project, target, first), *((model, board, other) for other in others)]


def _counted(directory: Path, seed: int) -> dict[str, Any]:
    """What one build costs."""
    from tinyml.cli import projects
    from tinyml.codegen.project import read_report
    from tinyml.emulate import ports, profile, validation

    report = read_report(directory)
    inputs = ports.of_project(directory).random_inputs(_INPUTS, seed)
    name, expected = projects.judge(directory)
    measured = validation.execute(directory, inputs, "qemu", timeout=_TIMEOUT)
    verdict = validation.compare(measured, name, expected(inputs), None)
    found = None
    if profile.possible():
        found = profile.measure(directory, [batch[0] for batch in inputs], _TIMEOUT)
    kept = ("instructions", "stack_bytes", "flash_bytes", "ram_bytes", "exact", "judge")
    return {
        "model": report["model"],
        "target": report["target"],
        "kernels": report["kernels"],
        "optimize": report["optimize"],
        "macs": report["macs"],
        "arena_bytes": report["ram_bytes"]["arena"],
        "macs_per_instruction": report["macs"] / verdict["instructions"]["mean"],
        "cycles_estimate": found.cycles if found else None,
        "layers": _layers(report, found.nodes if found else ()),
        "functions": found.functions if found else None,
        **{key: verdict[key] for key in kept},
    }


def _layers(report: dict[str, Any], counts: tuple[int, ...]) -> list[dict[str, Any]] | None:
    """Each node with its kernel and its instructions, those of a region at its first node; None when they are
    not known one by one.
    """
    if not counts:
        return None
    return [
        {
            "operator": node["operator"],
            "outputs": node["outputs"],
            "kernel": node["kernel"],
            "macs": node["macs"],
            "instructions": count,
            "region": node["region"],
        }
        for node, count in zip(report["nodes"], counts)
    ]


def _text(results: list[dict[str, Any]]) -> str:
    parts = [part for result in results for part in _parts(result)]
    if len(results) > 1:
        parts.append(_ratio(*results))
    return "\n".join(parts)


def _parts(result: dict[str, Any]) -> list[str]:
    from tinyml.cli.validate import measured_text

    parts = []
    if result["layers"]:
        rows = [_row(index, layer) for index, layer in enumerate(result["layers"])]
        columns = ["node", "operator", "output", "kernel", "MAC", "instructions", "MAC/instr."]
        parts.append(console.table(result["model"]["file"], columns, rows))
    cycles = result["cycles_estimate"]
    estimate = f"about {cycles:,} cycles without wait states (an estimate), " if cycles else ""
    exact = "exact" if result["exact"] else "NOT exact"
    parts.append(
        f"{result['model']['file']} on {result['target']}, kernels {result['kernels']}, "
        f"optimize {result['optimize']}: {measured_text(result)}, arena {result['arena_bytes']:,} bytes"
    )
    parts.append(
        f"{estimate}{result['macs']:,} MAC, {result['macs_per_instruction']:.3f} MAC an instruction; "
        f"{exact} against {result['judge']}"
    )
    return parts


def _row(index: int, layer: dict[str, Any]) -> list[str]:
    count, region = layer["instructions"], layer["region"]
    rate = f"{layer['macs'] / count:.2f}" if layer["macs"] and count and not region else ""
    # A region is counted as one, at its first node.
    counted = f"{count:,}" if not region or index == region["first"] else ""
    kernel = layer["kernel"] + (f", region {region['number']}" if region else "")
    shape = "x".join(map(str, layer["outputs"][0])) if layer["outputs"] else ""
    work = f"{layer['macs']:,}" if layer["macs"] else ""
    return [str(index), layer["operator"], shape, kernel, work, counted, rate]


def _ratio(first: dict[str, Any], second: dict[str, Any]) -> str:
    """How the first build compares with the second."""
    pairs = {
        "instructions": [r["instructions"]["mean"] for r in (first, second)],
        "cycles": [r["cycles_estimate"] for r in (first, second)],
        "flash": [r["flash_bytes"]["total"] for r in (first, second)],
        "arena": [r["arena_bytes"] for r in (first, second)],
        "stack": [r["stack_bytes"] for r in (first, second)],
    }
    said = [f"{name} {a / b:.3f}" for name, (a, b) in pairs.items() if a and b]
    return (
        f"kernels {first['kernels']}, optimize {first['optimize']} over kernels {second['kernels']}, "
        f"optimize {second['optimize']}: " + ", ".join(said)
    )
