"""Which records a report finds, and what it says of those that it cannot use."""

from __future__ import annotations

import json
import shutil

import pytest

from tinyml import run
from tinyml.errors import InputError
from tinyml.report import records


def names(collection) -> list[str]:
    return [step.name for step in collection.steps]


def test_a_directory_gives_its_children_in_the_order_of_the_way(whole):
    assert names(records.collect([whole.root])) == [
        "teacher.keras",
        "metadata.npz",
        "dreams",
        "noise",
        "student-on-noise.keras",
        "student.keras",
        "federated-alone",
        "federated-dreams",
        "model.tflite",
        "firmware",
        "validation.json",
    ]


def test_a_step_given_twice_is_one(whole):
    one = whole.root / "teacher.keras"
    assert names(records.collect([one, one])) == ["teacher.keras"]
    assert len(records.collect([whole.root, one]).steps) == 11


def test_outputs_with_one_name_get_their_directories(way):
    way.teacher()
    shutil.copytree(way.root, way.root.parent / "again")
    given = [way.root, way.root.parent / "again"]
    assert names(records.collect(given)) == ["again/teacher.keras", "out/teacher.keras"]


def test_steps_within_a_step_are_found(way):
    teacher = way.teacher()
    both = way.folder("distill run", "distilled", {}, {}, teacher=teacher)
    inner = type(way)(both)
    inner.student("student.keras", 0.9, teacher, inner.dreams("dreams", "noise", teacher))
    assert names(records.collect([way.root])) == [
        "teacher.keras",
        "dreams",
        "student.keras",
        "distilled",
    ]


def test_an_older_page_beside_the_steps_is_not_told_of(way):
    way.teacher()
    way.file("report", "report.html", {})
    found = records.collect([way.root])
    assert names(found) == ["teacher.keras"]
    assert found.notes == []


def test_what_a_running_step_has_half_written_is_left_alone(way):
    way.teacher()
    (way.root / ".dreams.tmp-1").mkdir()
    (way.root / ".dreams.tmp-1" / run.RECORD).write_text("{")
    assert records.collect([way.root]).notes == []


def test_a_broken_record_among_others_is_left_out_with_a_note(way):
    way.teacher()
    way.teacher("other.keras")
    (way.root / "other.keras.run.json").write_text("{")
    found = records.collect([way.root])
    assert names(found) == ["teacher.keras"]
    assert found.notes == ["left out: other.keras: its run record cannot be read"]


def test_an_unknown_command_is_left_out_with_a_note(way):
    way.file("dance", "waltz", {})
    found = records.collect([way.root])
    assert found.steps == []
    assert found.notes == ["left out: waltz: unknown command 'dance'"]


@pytest.mark.parametrize("command", [None, ["train"], {"a": 1}, 3])
def test_a_command_that_is_no_text_is_unknown(way, command):
    path = run.record_path(way.teacher())
    path.write_text(json.dumps({**json.loads(path.read_text()), "command": command}))
    assert "unknown command" in records.collect([way.root]).notes[0]


def test_a_broken_record_that_was_asked_for_is_an_error(way):
    teacher = way.teacher()
    run.record_path(teacher).write_text("[]")
    with pytest.raises(InputError, match="not a run record"):
        records.collect([teacher])


def test_a_path_without_a_record_is_an_error(tmp_path):
    (tmp_path / "lone.keras").write_text("")
    for path in (tmp_path, tmp_path / "lone.keras"):
        with pytest.raises(InputError, match="neither a step's output nor a directory of some"):
            records.collect([path])


def test_a_path_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such file or directory"):
        records.collect([tmp_path / "nowhere"])
