"""Clients that answer wrongly: what breaks a round, what tells it, and what survives it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from tinyml import console
from tinyml.cli.federate import command
from tinyml.errors import CheckFailed, InputError
from tinyml.federated import faults
from tinyml.models import files
from tinyml.models.runtime import tensorflow

RUN = ("--data", "digits", "--rounds", 2, "--batch", 32, "--lr", 0.02, "--json")


@pytest.fixture(autouse=True)
def _fresh_console():
    yield
    console.configure(verbose=False, as_json=False)


def test_parses_a_share_and_a_kind():
    assert faults.parse("0.1:nan") == faults.Faults(0.1, "nan")


@pytest.mark.parametrize("text", ["nan", "0:nan", "2:huge", "0.1:late", "x:nan", "nan:nan", "0.1"])
def test_refuses_what_is_no_fault(text):
    with pytest.raises(InputError, match="is not SHARE:nan"):
        faults.parse(text)


def test_the_seed_draws_the_faulty_clients():
    drawn = [faults.Faults(0.3, "nan").clients(10, seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 3
    assert len(faults.Faults(0.01, "nan").clients(10, 0)) == 1


def signs_of(updates, weights, stale=()):
    """The sums over clients whose updates are these lists of arrays."""
    tf = tensorflow()
    found = [
        faults.signs([tf.constant(u, tf.float32)], [tf.constant(weights)], tf.constant(k in stale))
        for k, u in enumerate(updates)
    ]
    total = {name: sum(f[name].numpy() for f in found) for name in found[0]}
    return faults.Signs(total["norms"], int(total["not_finite"]), int(total["stale"]))


WEIGHTS = np.float32([3.0, 4.0])
HONEST = [[0.1, 0.1], [0.01, 0.3], [0.2, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([], 0),
        ([[100.0, 0.0]], 1),
        ([[0.0, 4.9]], 0),  # large, yet smaller than the model
        ([[8.0, 0.0]], 0),  # larger than the model, yet not 100 times the median
        ([[np.nan, 0.0], [1e3, 1e3], [-1e15, 0.0]], 2),
    ],
)
def test_an_update_is_huge_against_the_model_and_the_median(more, expected):
    assert signs_of(HONEST + more, WEIGHTS).huge == expected


@pytest.mark.parametrize(
    ("updates", "stale", "message"),
    [
        ([*HONEST, [np.inf, 0.0]], (), "round 7: 1 of 5 clients' updates hold values that are not"),
        (HONEST, (1, 2), "round 7: 2 of 4 clients' updates were computed from an older model"),
        ([*HONEST, [200.0, 0.0]], (), "round 7: 1 of 5 clients' updates are more than 100 times"),
    ],
)
def test_a_broken_round_is_told(updates, stale, message):
    with pytest.raises(CheckFailed, match=message):
        signs_of(updates, WEIGHTS, stale).check(7)
    signs_of(HONEST, WEIGHTS).check(7)
    with pytest.raises(CheckFailed, match="leave these clients out"):  # --robust is refused with it
        signs_of(updates, WEIGHTS, stale).check(7, private=True)


def federate(start, output, *more):
    return CliRunner().invoke(
        command, [str(a) for a in ("--model", start, *RUN, *more, "-o", output)]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nan", "round 1: 1 of 10 clients' updates hold values that are not finite"),
        ("huge", "round 1: 1 of 10 clients' updates are more than 100 times the median"),
        ("stale", "round 1: 1 of 10 clients' updates were computed from an older model"),
    ],
)
def test_faults_stop_a_run_or_are_survived(start, tmp_path, kind, message):
    broken = federate(start, tmp_path / "BROKEN", "--faulty", f"0.1:{kind}")
    assert isinstance(broken.exception, CheckFailed)
    assert broken.exception.exit_code == 1
    assert message in str(broken.exception)
    assert not (tmp_path / "BROKEN").exists()

    survived = federate(start, tmp_path / "ROBUST", "--faulty", f"0.1:{kind}", "--robust")
    assert survived.exit_code == 0, survived.exception
    lines = [
        json.loads(line) for line in (tmp_path / "ROBUST/history.jsonl").read_text().splitlines()
    ]
    assert lines[-1]["test_loss"] < lines[0]["test_loss"]
    model = files.load(tmp_path / "ROBUST/model.keras")
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--robust", "--dp-epsilon", 5), "--robust: not with --dp-epsilon"),
        (("--robust", "--strategy", "scaffold"), "--robust: not with --strategy scaffold"),
        (("--faulty", "all"), "'all' is not SHARE:nan"),
    ],
)
def test_what_does_not_go_together(start, tmp_path, more, message):
    refused = federate(start, tmp_path / "RUN", *more)
    assert isinstance(refused.exception, InputError)
    assert message in str(refused.exception)
