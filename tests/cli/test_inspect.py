"""`tinyml inspect`, as a stranger to the model reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import model_builder as mb
import pytest

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"


def inspect(model: Path, *options: str) -> str:
    command = [sys.executable, "-m", "tinyml", "inspect", str(model), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def result(model: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(inspect(model, "--json"))
    return found


@pytest.fixture
def unsupported(tmp_path: Path) -> Path:
    """A COS twice, one before a SOFTMAX that is wrong, too."""
    m = mb.ModelBuilder()
    a, b, c = (m.tensor((1, 4), scale=0.1, name=name) for name in ("a", "b", "c"))
    last = m.tensor((1, 4), scale=0.5, name="last")
    m.node("COS", [a], b, kind="CosOptions")
    m.node("COS", [b], c, kind="CosOptions")
    m.node("SOFTMAX", [c], last, kind="SoftmaxOptions", beta=1.0)
    return m.save(tmp_path / "unsupported.tflite", [a], [last])


def test_ends_operators_and_memory() -> None:
    text = inspect(MODEL)
    assert "small, " in text
    assert "image" in text
    assert "int8, 0.05 (q + 128)" in text
    assert "1x8x8x8 + 1x8x8x8" in text  # of ADD
    assert "Exported for a Cortex-M4: all 7 nodes" in text
    assert "Would not export" not in text
    found = result(MODEL)
    made = found["exported"]
    for end in (
        f"{made['weight_bytes']:,} bytes in flash",
        f"{made['arena_bytes']:,} bytes in RAM",
    ):
        assert end in text
    assert found["problems"] == []


def test_the_memory_is_that_of_the_exported_program(tmp_path: Path) -> None:
    output = tmp_path / "project"
    command = ["export", str(MODEL), "--target", "cortex-m4", "-o", str(output)]
    subprocess.run([sys.executable, "-m", "tinyml", *command], check=True, capture_output=True)
    report = json.loads((output / "report.json").read_text())
    made = result(MODEL)["exported"]
    assert made["arena_bytes"] == report["ram_bytes"]["arena"]
    assert made["weight_bytes"] == report["flash_bytes"]["weights"]
    assert made["macs"] == report["macs"]


def test_pictures_of_the_arena_are_within_it() -> None:
    rows = [line.split()[-1] for line in inspect(MODEL).splitlines() if "█" in line]
    assert len(rows) == len(result(MODEL)["exported"]["buffers"])
    assert {len(row) for row in rows} == {40}


def test_every_problem_is_told_once(unsupported: Path) -> None:
    text = inspect(unsupported)
    assert "Would not export, because of 3 of 3 nodes" in text
    assert "nodes 0, 1 COS: not supported" in text
    assert text.count("supported operators are") == 1
    assert "node 2 SOFTMAX: " in text
    assert "found in node 2: scale 0.5, zero point 0" in text
    problems = result(unsupported)["problems"]
    assert [(p["node"], p["operator"]) for p in problems] == [
        (0, "COS"),
        (1, "COS"),
        (2, "SOFTMAX"),
    ]
    assert result(unsupported)["exported"] is None
