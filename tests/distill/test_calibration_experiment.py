"""experiments/distill/calibration.py: the fragile network is the same function; the record is whole."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tinyml.distill.settings import PixelSettings
from tinyml.distill.teacher import Teacher

HERE = Path(__file__).resolve().parents[2] / "experiments/distill"


@pytest.fixture
def calibration(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    import calibration

    return calibration


@pytest.mark.parametrize("path", ["teacher_path", "plain_teacher_path"])
def test_the_fragile_network_is_the_same_function(calibration, digits, path, request):
    given = Teacher.load(request.getfixturevalue(path))
    networks = calibration._networks(request.getfixturevalue(path))
    wanted, *answers = (network.answers(digits.test.x) for network in (given, *networks.values()))
    for logits in answers:  # a softmax leaves a constant open
        difference = (logits - wanted) - (logits - wanted).mean(axis=1, keepdims=True)
        assert np.abs(difference).max() < 1e-3
    assert networks["fragile"].model.get_layer("split").output_shape == (None, 20)
    assert networks["fragile"].layer == networks["ordinary"].layer


@pytest.mark.slow
def test_a_record_compares_every_range_with_that_from_real_samples(
    calibration, teacher_path, tmp_path, monkeypatch
):
    monkeypatch.setattr(calibration, "RECORDS", tmp_path)
    monkeypatch.setattr(calibration, "PIXELS", PixelSettings(steps=3))
    monkeypatch.setattr(calibration, "DREAMED", ("deepinversion",))
    monkeypatch.setattr(calibration, "DRAWN", ("uniform",))
    monkeypatch.setattr(calibration, "SAMPLES", 20)
    monkeypatch.setattr(sys, "argv", ["", "digits", str(teacher_path), "few", "1", "validation"])
    calibration.main()
    record = json.loads((tmp_path / "calibration-few.json").read_text())
    rows = {(row["network"], row["calibration"]): row for row in record["rows"]}
    assert len(rows) == len(record["rows"]) == 6
    for (network, source), row in rows.items():
        tensors = list(row["octaves"])
        assert (tensors[0], tensors[-1]) == ("input", "logits")
        assert ("split" in tensors) == (network == "fragile")
        assert (row["range_error_mean"] == 0) == (source == "real")
    assert rows["fragile", "uniform"]["octaves"]["split"] < 0
    assert rows["fragile", "real"]["accuracy"] > record["accuracy_float"] - 0.03
