"""`tinyml bench`: a second build beside the first, results for machines, errors."""

from __future__ import annotations

import json
from pathlib import Path

from test_bad_input import MODEL, refused, tinyml


def test_a_second_build_is_shown_beside_the_first(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    done = tinyml("bench", MODEL, "--json", out, "--vs", "--optimize", "size")
    assert done.returncode == 0, done.stderr
    assert "optimize balanced over kernels auto, optimize size: instructions" in done.stdout
    found = json.loads(out.read_text())
    assert (found["optimize"], found["versus"]["optimize"]) == ("balanced", "size")
    assert found["exact"]
    assert found["cycles_estimate"] > found["layers"][0]["instructions"] > 0


def test_a_project_is_compared_with_its_own_model(tmp_path: Path) -> None:
    project = tmp_path / "project"
    done = tinyml("export", MODEL, "--target", "cortex-m3", "-o", project)
    assert done.returncode == 0, done.stderr
    found = json.loads(tinyml("bench", project, "--json", "--vs", "--optimize", "size").stdout)
    assert found["target"] == found["versus"]["target"] == "mps2-an385"


def test_budgets_choose_the_kernels(tmp_path: Path) -> None:
    found = json.loads(
        tinyml("bench", MODEL, "--json", "--ram", "1K", "--vs", "--ram", "2K").stdout
    )
    small, large = found["arena_bytes"], found["versus"]["arena_bytes"]
    assert small <= 1024 < large <= 2048
    assert found["instructions"]["mean"] > found["versus"]["instructions"]["mean"]


def test_budgets_that_are_too_small_are_an_error(tmp_path: Path) -> None:
    for option, size in (("--ram", "16"), ("--flash", "1K")):
        done = tinyml("bench", MODEL, option, size)
        assert done.returncode == 1
        assert done.stderr.startswith(f"tinyml: {option}")
    project = tmp_path / "project"
    assert tinyml("export", MODEL, "--target", "cortex-m3", "-o", project).returncode == 0
    refused(tinyml("bench", project, "--ram", "9K"), "--ram 9216", "its own")


def test_a_wrong_second_build_is_refused() -> None:
    refused(tinyml("bench", MODEL, "--vs", "--optimize", "tiny"), "--optimize", "'tiny'")
