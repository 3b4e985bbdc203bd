"""The experiments' scripts: what is planned, run once, recorded and summed up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "experiments" / "federated"

CONFIG = """
dataset = "squares"
model = "resnet-4-4"
seeds = [0, 1]
clients = 4
rounds = 2
batch = 16
divergence = true

[[runs]]
partition = "emd:1.2"

[[runs]]
partition = "iid"
share = 0.1
divergence = false
"""
FIELDS = {"dataset", "partition", "emd", "strategy", "share", "share_alpha", "source", "epochs"}
FIELDS |= {"batch", "rounds", "seeds", "accuracy_mean", "accuracy_sd", "paper"}


def script(name, *arguments):
    command = [sys.executable, str(HERE / name), *map(str, arguments)]
    place = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=place, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_planned_has_names_of_its_own():
    told = script("run.py", "--list", "--records", "none").splitlines()
    names = told[1:]
    assert told[0] == f"{len(names)} runs, 0 of them recorded"
    assert len(set(names)) == len(names) > 50
    assert sum(name.startswith("mnist-10000-emd1.62-fedavg-") for name in names) == 3  # seeds
    assert names == sorted(names, key=lambda name: name[-1])  # seed by seed


def test_only_the_runs_that_are_asked_for():
    told = script("run.py", "--list", "--records", "none", "--only", "seed1", "--only", "scaffold")
    names = told.splitlines()[1:]
    assert names
    assert all("seed1" in name or "scaffold" in name for name in names)
    assert any("seed2" in name for name in names)


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    from tables import tables

    return tables


def setting(by_seed, **more):
    """A row of the summary."""
    given = {"dataset": "d", "model": "m", "partition": "pathological:1", "strategy": "fedavg"}
    given |= {"emd": 1.8, "share": 0, "share_alpha": None, "source": None, "epochs": 1}
    given |= {"batch": 10, "rounds": 30, "accuracy_sd": None, "paper": None}
    mean = float(np.mean(list(by_seed.values())))
    return given | {"seeds": len(by_seed), "by_seed": by_seed, "accuracy_mean": mean, **more}


def test_what_skew_costs_stands_beside_the_papers_points(tables):
    rows = [
        setting({0: 0.98, 1: 0.9}, partition="iid", emd=0.03, paper=0.987),
        setting({0: 0.905}, paper=0.922),  # against the same seed's
        setting({0: 0.5}, batch=100, paper=0.874),  # IID with this batch was not run
        setting({2: 0.97}, partition="emd:1", emd=1),  # nor with this seed
    ]
    wanted = [
        "### What skew costs: d",
        "",
        "| partition | EMD | B | rounds | IID | accuracy | points lost | paper |",
        "|---|---|---|---|---|---|---|---|",
        "| emd:1 | 1.00 | 10 | 30 | 94.0 % | 97.0 % |  |  |",
        "| pathological:1 | 1.80 | 10 | 30 | 94.0 % | 90.5 % | 7.5 | 6.5 |",
        "",
    ]
    assert tables(rows).splitlines()[: len(wanted)] == wanted


def test_gains_are_those_of_the_same_seeds(tables):
    shared = {"share_alpha": 0.5}
    rows = [
        setting({0: 0.1, 1: 0.3}),
        setting({0: 0.5, 1: 0.5}, share=0.05, source="real", **shared),
        setting({0: 0.4}, share=0.05, source="dreams:a", **shared),  # 0.3 of 0.4 gained
        setting({2: 0.4}, share=0.15, source="dreams:a", **shared),
    ]
    wanted = [
        "| nothing | 2 | 20.0 % |  |",
        "| 5 % dreams:a, alpha 0.5 | 1 | 40.0 % | 75 % |",
        "| 15 % dreams:a, alpha 0.5 | 1 | 40.0 % |  |",
        "| 5 % real, alpha 0.5 | 2 | 50.0 % | 100 % |",
    ]
    text = tables(rows).splitlines()
    at = text.index("### What sharing gains: d, pathological:1, B = 10") + 4
    assert text[at : at + len(wanted)] == wanted


@pytest.fixture
def place(tmp_path):
    """A configuration and data: 8x8 images of which one quarter is bright."""
    random = np.random.default_rng(0)
    y = random.permutation(np.repeat(np.arange(4), 40))
    x = random.integers(0, 60, (160, 8, 8), dtype=np.uint8)
    for image, label in zip(x, y):
        top, left = 4 * (label // 2), 4 * (label % 2)
        image[top : top + 4, left : left + 4] += 150
    (tmp_path / "data").mkdir()
    np.savez(
        tmp_path / "data/squares.npz",
        x_train=x[:120],
        y_train=y[:120],
        x_test=x[120:],
        y_test=y[120:],
    )
    (tmp_path / "few.toml").write_text(CONFIG)
    return tmp_path


@pytest.mark.slow
def test_runs_are_recorded_once_and_summed_up(place):
    records = place / "records"
    folders = ("--data", place / "data", "--work", place / "work", "--records", records)
    assert script("run.py", place / "few.toml", *folders).startswith("4 runs, 0 of them recorded")
    assert len(list(records.iterdir())) == 4
    one = sorted(records.iterdir())[0]
    content = one.read_bytes()
    one.unlink()  # as when killed before it was written
    assert script("run.py", place / "few.toml", *folders).startswith("4 runs, 3 of them recorded")
    assert one.read_bytes() == content
    assert str(place) not in content.decode()
    script("summary.py", "--records", records, "--output", place)
    rows = json.loads((place / "summary.json").read_text())
    assert [set(row) for row in rows] == [FIELDS] * 2
    by_run = {(row["partition"], row["share"]): row for row in rows}
    assert set(by_run) == {("iid", 0.1), ("emd:1.2", 0.0)}
    skewed = by_run["emd:1.2", 0.0]
    runs = [json.loads(path.read_text()) for path in records.glob("squares-emd*")]
    accuracies = [run["metrics"]["accuracy_after"] for run in runs]
    assert skewed["accuracy_mean"] == pytest.approx(np.mean(accuracies), abs=1e-5)
    assert skewed["accuracy_sd"] == pytest.approx(np.std(accuracies, ddof=1), abs=1e-5)
    assert (skewed["seeds"], skewed["rounds"], skewed["paper"]) == (2, 2, None)
    assert skewed["emd"] == pytest.approx(1.2, abs=0.01)
    assert "| emd:1.2 | 1.20 | fedavg |" in (place / "README.md").read_text()
    assert (place / "divergence-emd-squares.png").exists()
    assert (place / "accuracy-emd.png").exists()
