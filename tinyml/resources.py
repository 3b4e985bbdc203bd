"""Where the templates and kernels lie: inside the wheel, or at the top of a checkout."""

from __future__ import annotations

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

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder("firmware_templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
