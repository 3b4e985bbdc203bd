"""`--fit`: students chosen by what the exporter says of them."""

from __future__ import annotations

import json

import click
import numpy as np
import pytest

from tinyml import data, dreams
from tinyml.cli import fitting
from tinyml.dreams import Dreams
from tinyml.errors import InputError
from tinyml.fit.goal import Goal
from tinyml.fit.ladder import largest
from tinyml.fit.needs import Needs, measure
from tinyml.fit.search import Candidate, Fit, _undominated
from tinyml.models import registry


@pytest.fixture
def few(monkeypatch):
    """A short search: two ladders of one family."""
    ladders = {"resnet": [("resnet-4-4", "resnet-4-8", "resnet-4-60"), ("resnet-6-4",)]}
    monkeypatch.setattr(registry, "ladders", lambda: ladders)


@pytest.fixture
def dreams_path(tmp_path, digits):
    """The digits' images as dreams: what is tried here is the choice, not the dreams."""
    path = tmp_path / "dreams"
    path.mkdir()
    x = digits.train.x[:100]
    shard = Dreams(x, np.zeros(100, np.int64), np.zeros((100, 10), np.float32))
    dreams.write_shard(path, 0, shard)
    return path


@pytest.mark.parametrize("count", range(12))
@pytest.mark.parametrize("total", [1, 2, 11])
def test_the_largest_is_found_in_few_tries(count, total):
    names = [str(number) for number in range(total)]
    tried = []

    def fits(name):
        tried.append(name)
        return int(name) < count

    found = largest(names, fits)
    assert found == (names[min(count, total) - 1] if count else None)
    assert len(tried) == len(set(tried)) <= total.bit_length()


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("cortex-m4:64K:256K", Goal("cortex-m4", 65536, 262144)),
        ("cortex-m4:64KB:1MB", Goal("cortex-m4", 65536, 1048576)),
        ("cortex-m4:65536:262144:20M", Goal("cortex-m4", 65536, 262144, 20_000_000)),
        ("cortex-m0plus:4k:32k:500k", Goal("cortex-m0plus", 4096, 32768, 500_000)),
    ],
)
def test_goals_are_read(text, goal):
    assert fitting._GoalType().convert(text, None, None) == goal


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cortex-m4", "is not TARGET:RAM:FLASH"),
        ("cortex-m4:64K", "is not TARGET:RAM:FLASH"),
        (":64K:64K", "is not TARGET:RAM:FLASH"),
        ("cortex-m4:64Q:64K", "'64Q' is not a number of bytes"),
        ("cortex-m4:64K:0", "'0' is not a number of bytes"),
        ("cortex-m4:64K:64K:fast", "'fast' is not a number of instructions"),
        ("cortex-m4:64K:64K:1M:2", "is not TARGET:RAM:FLASH"),
    ],
)
def test_bad_goals(text, reason):
    with pytest.raises(click.BadParameter, match=reason):
        fitting._GoalType().convert(text, None, None)


def test_one_of_student_and_fit(tinyml, teacher_path, dreams_path, tmp_path):
    given = ("distill", "student", "--teacher", teacher_path, "--dreams", dreams_path)
    with pytest.raises(InputError, match="needs one of --student and --fit; name a student"):
        tinyml(*given, "-o", tmp_path / "s.keras")
    both = ("--student", "resnet-4-4", "--fit", "cortex-m4:64K:64K")
    with pytest.raises(InputError, match="--student and --fit, not both"):
        tinyml(*given, *both, "-o", tmp_path / "s.keras")


def test_unknown_target():
    with pytest.raises(InputError, match=r"cortex-z: unknown target; known targets are cortex-m0"):
        Fit(Goal("cortex-z", 1, 1), "random", 1, 0)


def test_what_another_of_the_family_surpasses_is_not_tried():
    def candidate(name, macs, parameters):
        return Candidate(name, Needs(parameters, macs, 0, 0, None))

    wide, deep = candidate("wide", 9, 5), candidate("deep", 5, 9)
    small, equal = candidate("small", 5, 5), candidate("equal", 9, 5)
    assert _undominated([small, wide, deep, equal]) == [wide, deep]


def test_excess_names_all_that_is_too_much():
    taken = Needs(1, 1, ram=2000, flash=300, instructions=50)
    assert taken.excess(Goal("cortex-m4", 2000, 300, 50)) == ""
    assert taken.excess(Goal("cortex-m4", 1000, 300, 10)) == (
        "RAM 2,000 of 1,000 bytes, an inference 50 of 10 instructions"
    )


@pytest.mark.slow
def test_nothing_fits(teacher, few):
    with pytest.raises(
        InputError, match=r"--fit cortex-m4:64:9000: .* resnet-\d-4, takes [\d,]+ bytes of RAM"
    ):
        Fit(Goal("cortex-m4", 64, 9000), "random", 1, 0).search(teacher)


@pytest.mark.slow
def test_only_copies_of_the_teacher_can_take_its_channels(teacher, few):
    fit = Fit(Goal("cortex-m4", 1 << 20, 1 << 20), "teacher-channels", 1, 0)
    fit.search(teacher)  # a resnet-6-8
    assert [candidate.name for candidate in fit._finalists] == ["resnet-6-4"]
    assert "not built like the teacher" in fit._seen["resnet-4-8"].refused


@pytest.mark.slow
def test_instructions_are_counted_when_they_are_limited(teacher):
    model = registry.build("resnet-4-4", teacher.shape, teacher.classes)
    samples = np.random.default_rng(0).random((4, *teacher.shape), np.float32)
    free = measure(model, samples, Goal("cortex-m4", 1 << 16, 1 << 18))
    bound = measure(model, samples, Goal("cortex-m4", 1 << 16, 1 << 18, 1000))
    assert free.instructions is None
    assert bound.macs / 4 < bound.instructions < 20 * bound.macs
    assert "instructions" in bound.excess(Goal("cortex-m4", 1 << 16, 1 << 18, 1000))


@pytest.mark.slow
def test_chosen_student_is_the_named_one_and_exports_within_its_budget(
    tinyml, teacher_path, dreams_path, tmp_path, few, monkeypatch, capsys
):
    def refuse(source):
        raise AssertionError(f"loaded {source}")

    monkeypatch.setattr(data, "load", refuse)
    given = ("distill", "student", "--teacher", teacher_path, "--dreams", dreams_path)
    given = (*given, "--steps", 20, "--disagreement", 0)
    fit = ("--fit", "cortex-m4:8K:24K", "--trial-steps", 10)
    tinyml(*given, *fit, "-o", tmp_path / "s.keras")
    record = json.loads((tmp_path / "s.keras.run.json").read_text())
    found = record["metrics"]["fit"]
    assert record["settings"]["fit"] == {
        **{"target": "cortex-m4", "ram": 8192, "flash": 24576, "instructions": None}
    }
    assert found["chosen"] in capsys.readouterr().out
    by_name = {candidate["name"]: candidate for candidate in found["candidates"]}
    assert by_name[found["chosen"]]["refused"] == ""
    assert "flash" in by_name["resnet-4-60"]["refused"]
    tried = {name: c["agreement"] for name, c in by_name.items() if c["agreement"] is not None}
    assert set(tried) == {"resnet-4-8", "resnet-6-4"}
    assert tried[found["chosen"]] == max(tried.values())

    tinyml(*given, "--student", found["chosen"], "-o", tmp_path / "named.keras")
    assert (tmp_path / "s.keras").read_bytes() == (tmp_path / "named.keras").read_bytes()

    export = ("export", tmp_path / "s.keras", "--target", "cortex-m4", "--ram", "8K")
    calibration = ("--calibration", f"dreams:{dreams_path}")
    tinyml(*export, "--flash", "24K", *calibration, "-o", tmp_path / "project")


@pytest.mark.slow
def test_ladders_name_networks_that_grow():
    for ladders in registry.ladders().values():
        for ladder in ladders:
            made = [registry.build(name, (32, 32, 3), 10).count_params() for name in ladder[:3]]
            assert made == sorted(set(made))


def test_instructions_need_an_emulator_that_counts_them():
    with pytest.raises(InputError, match=r"no emulator counts the instructions of bluepill;"):
        Fit(Goal("bluepill", 1 << 16, 1 << 18, 1000), "random", 1, 0)


@pytest.mark.slow
def test_what_overflows_the_board_does_not_fit(teacher):
    """A budget larger than the board's own flash."""
    model = registry.build("resnet-8-20", teacher.shape, teacher.classes)
    samples = np.random.default_rng(0).random((4, *teacher.shape), np.float32)
    fit = Fit(Goal("bluepill", 1 << 16, 1 << 22), "random", 1, 0)
    taken, reason = fit._measured(model, samples)
    assert taken is None
    assert "FLASH overflows" in reason
