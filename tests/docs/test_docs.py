"""What is generated is up to date, and what is linked is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def test_generated_pages_are_fresh() -> None:
    command = [sys.executable, str(ROOT / "docs/build.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_commands_in_the_docs_exist() -> None:
    from tinyml.cli import COMMANDS

    for page in PAGES:
        for name in re.findall(r"tinyml ([a-z]+)", page.read_text(encoding="utf-8")):
            assert name in COMMANDS or page.name == "CHANGELOG.md", f"{page.name}: tinyml {name}"


def test_the_house_page_lists_the_passes_in_order() -> None:
    from tinyml import passes

    page = (ROOT / "docs/how-the-house-is-built.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)) == passes.NAMES
