"""The page: plain values put into the templates of `firmware_templates/report`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tinyml import __version__, resources
from tinyml.errors import InputError
from tinyml.report import federation, hardware, learning, memory_map, recipe, summary, text
from tinyml.report.links import Links
from tinyml.report.summary import Summary

_MOST_BYTES = 5_000_000


def render(found: Summary, links: Links, notes: Sequence[str]) -> str:
    """The whole page as HTML; equal records give equal text.

    Args:
        found: the table.
        links: the steps and what they read.
        notes: a line for each record that was left out.

    Raises:
        InputError: the page would be larger than 5 MB, or a record is nested too deep.
    """
    try:
        html = _html(found, links, notes)
    except RecursionError:
        raise InputError(
            f"one of the records of {len(links.steps)} steps",
            "is nested too deep",
            "leave out what tinyml did not write",
        ) from None
    if len(html.encode()) > _MOST_BYTES:
        raise InputError(
            f"the page of {len(links.steps)} steps",
            f"would take {len(html.encode()):,} bytes, more than {_MOST_BYTES:,}",
            "give fewer runs",
        )
    return html


def _html(found: Summary, links: Links, notes: Sequence[str]) -> str:
    environment = _environment()
    steps = recipe.steps(links)
    script = environment.get_template("script.js").render()
    return str(
        environment.get_template("page.html.j2").render(
            version=__version__,
            script=script,
            script_hash=_csp_hash(script),
            exact=summary.is_exact(found.firmware),
            firmware=found.firmware,
            verdicts=hardware.verdicts(found.firmware),
            way=learning.way(found),
            by_class=learning.by_class(links),
            numbers=hardware.numbers(found.firmware),
            memory=memory_map.memory(found.firmware),
            flash=hardware.flash(found.firmware),
            removed=hardware.removed(found.firmware),
            layers=hardware.layers(found.firmware),
            dreams=learning.dreams(links),
            federated=federation.federated(links),
            steps=steps,
            anchors={step["name"]: step["id"] for step in steps},
            notes=notes,
        )
    )


def _csp_hash(script: str) -> str:
    """What the page's policy lets run: this script, and nothing that a record brings along."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@lru_cache(maxsize=1)
def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resources.folder("firmware_templates") / "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        number=text.number, percent=text.percent, size=text.size, counted=text.counted
    )
    return environment
