"""The way is found by hashes, whatever the files are called by now."""

from __future__ import annotations

import shutil

from tinyml import run
from tinyml.report import records
from tinyml.report.links import Links


def links(*paths) -> Links:
    return Links(records.collect(paths).steps)


def step(found: Links, name: str):
    return next(step for step in found.steps if step.name == name)


def way_to(found: Links, name: str) -> list[str]:
    return [s.name for s in found.way_to(step(found, name))]


def rename(path, name: str) -> None:
    record = run.record_path(path)
    path.rename(path.with_name(name))
    if record.exists():
        record.rename(run.record_path(path.with_name(name)))


WHOLE = ["teacher.keras", "student.keras", "federated-dreams", "model.tflite", "firmware"]


def test_from_the_teacher_to_the_firmware(whole):
    assert way_to(links(whole.root), "firmware") == WHOLE
    assert way_to(links(whole.root), "validation.json") == [*WHOLE, "validation.json"]


def test_renamed_outputs_are_found(whole):
    rename(whole.root / "teacher.keras", "a.keras")
    rename(whole.root / "student.keras", "teacher.keras")  # a name that means another file
    rename(whole.root / "federated-dreams", "f")
    rename(whole.root / "model.tflite", "q.bin")
    rename(whole.root / "firmware", "student.keras")
    expected = ["a.keras", "teacher.keras", "f", "q.bin", "student.keras", "validation.json"]
    assert way_to(links(whole.root), "validation.json") == expected


def test_an_input_in_a_directory_is_named_by_its_file(whole):
    found = links(whole.root)
    model = step(found, "model.tflite")
    names = {item.role: found.source(model, item).name for item in model.inputs}
    assert names == {"model": "federated-dreams/model.keras", "calibration": "dreams"}


def test_a_project_does_not_make_the_model_that_it_holds(way):
    model = way.root / "given.tflite"
    shutil.copyfile(way.firmware(way.int8(way.teacher(), way.teacher("b"))) / "model.tflite", model)
    other = way.firmware(model, "other")
    assert way_to(links(way.root / "firmware", other), "other") == ["other"]


def test_a_project_is_known_after_it_was_built(whole):
    (whole.root / "firmware/build").mkdir()
    (whole.root / "firmware/build/firmware.elf").write_text("built by make")
    assert way_to(links(whole.root), "validation.json") == [*WHOLE, "validation.json"]


def test_a_project_that_was_changed_is_another(whole):
    with (whole.root / "firmware/model.c").open("a") as stream:
        stream.write("/* changed */")
    assert way_to(links(whole.root), "validation.json") == ["validation.json"]


def test_of_equal_outputs_the_one_with_the_recorded_name_is_meant(way):
    same = {"metrics": {"accuracy_test": 0.9}, "content": b"same bytes"}
    way.file("train", "a.keras", **same)
    second = way.file("train", "b.keras", **same)
    way.student("student.keras", 0.9, second, way.root / "a.keras")
    assert way_to(links(way.root), "student.keras") == ["b.keras", "student.keras"]


def test_inputs_that_nobody_made_end_the_way(whole):
    assert way_to(links(whole.root / "student.keras"), "student.keras") == ["student.keras"]
