"""`tinyml report`: the records of a whole way as one table and one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from tinyml import console
from tinyml.cli import options


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.output("The HTML page to write")
@options.common
def command(runs: tuple[Path, ...], output: Path, force: bool) -> None:
    """Put the records of a whole way on one HTML page.

    Each RUN is what a step wrote, or a directory whose direct children are. Steps are linked by the hashes
    of what they read, so outputs may have been moved and renamed. The page holds everything it shows and
    loads nothing.
    """
    from tinyml import run
    from tinyml.report import page, records, summary, text
    from tinyml.report.links import Links

    run.check_output(output, force, is_directory=False)
    collection = records.collect(runs)
    for line in collection.notes:
        console.note(line)
    links = Links(collection.steps)
    found = summary.summarise(links)
    with run.step(
        "report",
        output,
        inputs={step.name: step.path for step in collection.steps},
        settings={},
        force=force,
    ) as step:
        step.path.write_text(page.render(found, links, collection.notes), encoding="utf-8")
        step.metrics.update(bytes=step.path.stat().st_size, steps=len(collection.steps))
    result = {"output": str(output), "notes": collection.notes, **summary.as_json(found)}
    console.result(result, f"{text.table(found)}\n\n{output}: {step.metrics['bytes']:,} bytes")
