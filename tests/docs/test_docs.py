"""What is generated is up to date, and what is linked is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")])
SCRIPTS = sorted(ROOT.glob("examples/*/*.sh"))
FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^ *(?:[a-z]+\$ )?(tinyml .*)")  # lab$ tinyml ..., on a machine called lab
CHECKED = (click.Choice, click.types.IntParamType, click.types.FloatParamType)


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


@pytest.mark.parametrize("path", [*PAGES, *SCRIPTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_are_ones_that_the_command_line_takes(path: Path) -> None:
    for line in commands(path):
        try:
            parse(shlex.split(line, comments=True)[1:])
        except click.ClickException as error:
            pytest.fail(f"{path.name}: {line}: {error.format_message()}")


def test_a_wrong_command_is_found() -> None:
    for line in ("export m.tflite --taget host", "export --optimize fast", "fly", "distill dram"):
        with pytest.raises(click.ClickException):
            parse(line.split())


def commands(path: Path) -> Iterator[str]:
    """The lines of a script, or of a page's code blocks, that call tinyml."""
    text = path.read_text(encoding="utf-8")
    text = text if path.suffix == ".sh" else "\n".join(FENCE.findall(text))
    for line in text.replace("\\\n", " ").splitlines():
        found = COMMAND.match(line)
        if found:
            yield found[1]


def parse(words: list[str]) -> None:
    """Raises click.ClickException on unknown commands and options, choices and numbers; opens no file."""
    from tinyml.cli import cli

    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, parent=context, info_name=name)
    given, _, _ = command.make_parser(context).parse_args(list(words))
    for option in command.get_params(context):
        value = given.get(option.name)
        if isinstance(option.type, CHECKED) and isinstance(value, str) and "$" not in value:
            option.type.convert(value, option, context)


def test_the_house_page_lists_the_passes_in_order() -> None:
    from tinyml import passes

    page = (ROOT / "docs/how-the-house-is-built.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)) == passes.NAMES
