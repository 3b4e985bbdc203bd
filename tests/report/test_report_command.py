"""`tinyml report` as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from tinyml import run
from tinyml.cli.report import command


def report(*arguments):
    return CliRunner().invoke(command, [str(a) for a in arguments])


def test_it_prints_the_table_and_writes_the_page_with_a_record(whole):
    output = whole.root / "report.html"
    result = report(whole.root, "-o", output)
    assert result.exit_code == 0, result.output
    assert "student on smooth noise (a floor)" in result.output
    assert output.read_text().startswith("<!DOCTYPE html>")
    record = run.read_record(output)
    assert record["metrics"]["steps"] == 11
    assert record["inputs"]["teacher.keras"]["sha256"] == run.sha256(whole.root / "teacher.keras")


def test_a_second_page_over_the_first_has_the_same_bytes(whole):
    output = whole.root / "report.html"
    report(whole.root, "-o", output)
    first = output.read_bytes()
    assert report(whole.root, "-o", output, "--force").exit_code == 0
    assert output.read_bytes() == first


def test_json_has_the_same_numbers(whole):
    result = report(whole.root, "-o", whole.root / "report.html", "--json")
    value = json.loads(result.stdout)
    assert value["exact"] is True
    assert [row["label"] for row in value["rows"]][-1] == "firmware"


def test_brackets_in_a_name_are_shown_as_they_are(way):
    teacher = way.teacher("a.keras")
    for name in ("[bold].keras", "[_red].keras"):
        way.student(name, 0.9, teacher, way.dreams(f"{name}-dreams", "plain", teacher))
    result = report(way.root, "-o", way.root / "report.html")
    assert result.exit_code == 0, result.output
    assert "student on dreams, [bold].keras" in result.output


def tinyml(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [
        sys.executable,
        "-c",
        "from tinyml.cli import main; main()",
        "report",
        *map(str, arguments),
    ]
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment)


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    return line


def test_errors_are_one_line(way, tmp_path):
    page = tmp_path / "report.html"
    assert "no such file or directory" in error_line(tinyml(tmp_path / "none", "-o", page))
    assert "neither a step's output" in error_line(tinyml(way.root, "-o", page))
    teacher = way.teacher()
    run.record_path(teacher).write_text("{")
    assert "no readable run record" in error_line(tinyml(teacher, "-o", page))
    page.write_text("mine")
    assert "--force" in error_line(tinyml(teacher, "-o", page))
    assert page.read_text() == "mine"


def test_a_record_left_out_is_noted_on_stderr(way, tmp_path):
    way.teacher()
    way.file("dance", "waltz", {})
    done = tinyml(way.root, "-o", tmp_path / "report.html")
    assert done.returncode == 0
    assert done.stderr.strip() == "left out: waltz: unknown command 'dance'"
    assert "left out: waltz" in (tmp_path / "report.html").read_text()


def test_it_needs_no_matplotlib(way, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert report(way.teacher(), "-o", tmp_path / "report.html").exit_code == 0
