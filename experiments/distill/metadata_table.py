"""Does the metadata help? The same student on dreams with and without it: a part of tables.md."""

from __future__ import annotations

from statistics import fmean, stdev
from typing import Any

from markdown_table import table

Line = dict[str, Any]
PAIRS = {"activation": "deepinversion", "pooled-metadata": "pooled"}  # with: without


def section(experiments: dict[str, list[Line]]) -> str:
    """A part of tables.md.

    Args:
        experiments: the lines of records/NAME.jsonl by name.
    """
    rows = []
    for name, lines in experiments.items():
        found = {
            (line["init"], line["source"], line["seed"]): 100 * line["metrics"]["accuracy_test"]
            for line in lines
            if line["kind"] == "student"
        }
        for init in sorted({key[0] for key in found}):
            for informed, plain in PAIRS.items():
                seeds = [s for i, source, s in found if (i, source) == (init, informed)]
                both = [s for s in seeds if (init, plain, s) in found]
                if both:
                    rows.append(_row(f"{name}, {init}", informed, plain, init, both, found))
    head = ["", "with", "without", "seeds", "with, %", "without, %", "difference"]
    return (
        "## Does the metadata help?\n\n"
        "The same student with the same seed on dreams that had metadata and on those that had none; the\n"
        "difference in points, mean and standard deviation over the seeds.\n\n" + table(head, rows)
    )


def _row(
    name: str,
    informed: str,
    plain: str,
    init: str,
    seeds: list[int],
    found: dict[tuple[str, str, int], float],
) -> list[str]:
    of_one, of_other = ([found[init, source, s] for s in seeds] for source in (informed, plain))
    apart = [a - b for a, b in zip(of_one, of_other)]
    spread = f" ± {stdev(apart):.2f}" if len(apart) > 1 else ""
    means = (f"{fmean(values):.2f}" for values in (of_one, of_other))
    return [name, informed, plain, str(len(seeds)), *means, f"{fmean(apart):+.2f}{spread}"]
