"""The command lines on the page are ones that the tool takes."""

from __future__ import annotations

import shlex

import click
import pytest

from tinyml import run
from tinyml.cli import cli
from tinyml.distill.settings import Dreaming, FastSettings, PixelSettings, Plan
from tinyml.fit.goal import Goal
from tinyml.report import recipe, records
from tinyml.report.links import Links


def lines(*paths) -> dict[str, str]:
    links = Links(records.collect(paths).steps)
    return {
        step.name: " ".join(map(shlex.join, recipe.command_line(step, links)))
        for step in links.steps
    }


def parse(words: list[str]) -> None:
    """As the command line does, without running anything; a usage error is raised."""
    command, context = cli, click.Context(cli)
    while isinstance(command, click.Group):
        name = words.pop(0)
        command = command.get_command(context, name)
    command.make_context(name, words)


def test_every_line_is_one_that_the_tool_takes(whole):
    found = lines(whole.root)
    assert len(found) == 11
    for line in found.values():
        parse(shlex.split(line)[1:])


def test_inputs_bear_the_names_of_this_report(whole):
    found = lines(whole.root)
    assert str(whole.root) not in " ".join(found.values())
    assert found["model.tflite"] == (
        "tinyml quantize federated-dreams/model.keras --calibration dreams:dreams --data digits "
        "--seed 0 -o model.tflite"
    )
    assert found["federated-dreams"] == (
        "tinyml federate --model student.keras --clients 2 --data digits --rounds 2 "
        "--share-source dreams:dreams --seed 0 -o federated-dreams"
    )
    assert found["student.keras"] == (
        "tinyml distill student --teacher teacher.keras --no-augment --data digits "
        "--dreams dreams --init random --student resnet-8-10 --seed 0 -o student.keras"
    )
    assert found["firmware"] == (
        "tinyml export model.tflite --prefix digits --target cortex-m4 -o firmware"
    )


def test_settings_with_other_names_and_lists(whole):
    assert lines(whole.root)["noise"] == (
        "tinyml distill dream --teacher teacher.keras --dream-batch-size 20 --count 40 "
        "--method noise --seed 0 -o noise"
    )


def test_an_input_that_nobody_made_keeps_its_path(whole):
    line = lines(whole.root / "student.keras")["student.keras"]
    assert f"--teacher {whole.root / 'teacher.keras'}" in line


def test_hostile_words_are_quoted(way):
    way.file("train", "a b.keras", {}, settings={"data": "$(reboot); `x`"})
    line = lines(way.root)["a b.keras"]
    assert shlex.split(line) == [
        *("tinyml", "train", "--data", "$(reboot); `x`", "--seed", "0", "-o", "a b.keras")
    ]


def test_a_validation_tells_its_data(whole):
    line = lines(whole.root)["validation.json"]
    assert "--data digits --emulator qemu --seed 0" in line


def test_a_repeated_option_is_repeated(way):
    step = records.collect([way.firmware(way.int8(way.teacher(), way.teacher("b")))]).steps[0]
    step.settings["disable_pass"] = ["one", "two"]
    words = recipe.command_line(step, Links([step]))
    assert ["--disable-pass", "one"] in words
    assert ["--disable-pass", "two"] in words


def test_a_bench_tells_both_builds(way):
    step = records.collect([way.bench(way.firmware(way.int8(way.teacher(), way.teacher("b"))))])
    (only,) = step.steps
    only.settings["builds"].append({"library": "tinyml", "cmsis_nn": None, "optimize": "size"})
    words = [word for words in recipe.command_line(only, Links([only])) for word in words]
    assert words[3:] == [
        *("--seed", "0", "--kernels", "auto", "--optimize", "balanced", "-o", "bench.json"),
        *("--vs", "--kernels", "tinyml", "--optimize", "size"),
    ]
    parse(words[1:])


def test_a_librarys_version_stands_for_its_place(way):
    step = records.collect([way.firmware(way.int8(way.teacher(), way.teacher("b")))]).steps[0]
    step.settings["cmsis_nn"] = "7.0.0"
    assert ["--cmsis-nn", "CMSIS-NN-7.0.0"] in recipe.command_line(step, Links([step]))


def test_every_setting_of_dreams_is_an_option(way):
    teacher = way.teacher()
    made = Dreaming(
        Plan(methods=("fast", "activation")),
        PixelSettings(flip=True, natural=True),
        FastSettings(),
        devices=("CPU:0",),
        probe=(8, 16),
    )
    files = {"metadata": way.metadata(teacher), "against": way.teacher("student.keras")}
    way.folder(
        "distill dream", "dreams", {}, {}, settings=made.recorded(), teacher=teacher, **files
    )
    line = lines(way.root)["dreams"]
    parse(shlex.split(line)[1:])
    for words in (
        "--against student.keras",
        "--dream-flip",
        "--dream-natural",
        "--fast-steps 1",
        "--probe 8,16",
    ):
        assert words in line


def test_a_fit_is_one_option(way):
    goal = Goal("cortex-m4", 65536, 262144)
    settings = {"fit": goal.settings(), "trial_steps": 50, "dreams": ["d"]}
    way.file("distill student", "s.keras", {}, settings=settings, teacher=way.teacher())
    line = lines(way.root)["s.keras"]
    parse(shlex.split(line)[1:])
    assert f"--fit {goal}" in line


@pytest.mark.parametrize("broken", ["seed", "inputs", "settings", "versions"])
def test_a_record_without_a_part_still_has_a_line(way, broken):
    import json

    path = run.record_path(way.teacher())
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, broken: "nonsense"}))
    assert lines(way.root)["teacher.keras"].startswith("tinyml train")
