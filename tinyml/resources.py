"""Where the templates and kernels lie: inside the wheel, or at the top of a checkout."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any


def folder(name: str) -> Path:
    """The folder `firmware_templates` or `cmsis_glue`, of the installed package or of the checkout."""
    package = Path(__file__).parent
    for candidate in (package / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"{name} is neither in the installed package nor in the checkout")


@lru_cache(maxsize=1)
def templates() -> Any:
    """The Jinja environment of `firmware_templates`, which accepts no undefined value."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder("firmware_templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["register"] = "0x{:08x}u".format
    environment.filters["hex"] = "0x{:08X}".format
    return environment


def render(files: Mapping[str, str], context: Mapping[str, Any], into: Path) -> None:
    """Write templates as files.

    Args:
        files: path in `firmware_templates` -> path in `into`, whose folder exists.
        context: the templates' values.
        into: a directory.
    """
    for template, name in files.items():
        text = templates().get_template(template).render(context)
        (into / name).write_text(text, encoding="utf-8")
