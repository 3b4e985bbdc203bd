"""Where the templates and kernels lie: inside the wheel, or at the top of a checkout."""

from __future__ import annotations

from pathlib import Path


def folder(name: str) -> Path:
    """The folder `firmware_templates` or `cmsis_glue`, of the installed package or of the checkout."""
    package = Path(__file__).parent
    for candidate in (package / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"{name} is neither in the installed package nor in the checkout")
