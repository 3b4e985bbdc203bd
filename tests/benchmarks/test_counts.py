"""Instruction counts are exact, so they are pinned: a rise above 1 % over the committed record fails."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared/models"


def load():
    spec = importlib.util.spec_from_file_location("benchmarks_run", ROOT / "benchmarks/run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


RUN = load()
PINNED = [
    row
    for row in json.loads(RUN.RESULTS.read_text("utf-8"))
    if row["kernels"] == "tinyml" and row["optimize"] == "balanced"
]


@pytest.mark.parametrize("row", PINNED, ids=lambda row: f"{row['model']} {row['target']}")
def test_counts_do_not_rise(row):
    path = RUN.MODELS[row["model"]]
    model = path if path.is_absolute() else SHARED / path
    if not model.exists():
        pytest.skip(f"{model} is not here")
    found = RUN.count(model, RUN.Build(row["target"], row["kernels"], row["optimize"]))
    assert found is not None
    assert found["exact"]
    for figure in ("instructions", "code_bytes", "weight_bytes", "arena_bytes"):
        assert found[figure] <= 1.01 * row[figure], figure
