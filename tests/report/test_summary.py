"""The one table."""

from __future__ import annotations

import json
import re

import pytest

from tinyml import run
from tinyml.report import firmware, records, text
from tinyml.report.links import Links
from tinyml.report.summary import as_json, is_exact, summarise


def summary(*paths):
    return summarise(Links(records.collect(paths).steps))


def test_a_row_for_each_network(whole):
    rows = [(r.label, r.accuracy, r.parameters, r.on_way) for r in summary(whole.root).rows]
    assert rows == [
        ("teacher", 0.99, 121870, True),
        ("student on dreams", 0.95, 31140, True),
        ("student on smooth noise (a floor)", 0.66, 31140, False),
        ("federated alone", 0.94, 30510, False),
        ("federated with shared dreams", 0.98, 30510, True),
        ("int8", 0.97, None, True),
        ("firmware", 0.97, None, True),
    ]


def test_the_firmwares_numbers(whole):
    found = summary(whole.root)
    project = json.loads((whole.root / "firmware/report.json").read_text())
    assert firmware.numbers(found.firmware[0]) == {
        "flash_bytes": 1564,
        "weight_bytes": 1000,
        "code_bytes": 500,
        "ram_bytes": 700,
        "arena_bytes": project["ram_bytes"]["arena"],
        "arena_lower_bound": project["arena_lower_bound"],
        "stack_bytes": 204,
        "instructions": 10000,
        "macs": project["macs"],
        "macs_per_instruction": project["macs"] / 10000,
    }
    assert is_exact(found.firmware) is True


def test_the_table_says_it_all(whole):
    table = text.table(summary(whole.root))
    for line in (
        r"teacher .*99\.00% +121,870",
        r"student on smooth noise \(a floor\) .*66\.00%",
        r"firmware .*97\.00% +1,564 bytes",
        r"flash \(weights 1,000, code 500\) +1,564 bytes",
        r"RAM +700 bytes",
        r"stack +204 bytes",
        r"instructions an inference +10,000",
        r"output bytes compared with TFLM, 360 samples on qemu +3,600",
        r"output bytes that differ +0",
    ):
        assert re.search(line, table), line


def test_as_json_it_can_be_written_and_read(whole):
    value = json.loads(json.dumps(as_json(summary(whole.root))))
    assert value["exact"] is True
    assert value["way"][-1] == "firmware"
    assert value["rows"][2]["floor"] is True
    assert value["firmware"][0]["validation"]["bytes_compared"] == 3600


def test_a_firmware_that_differs(way):
    built = way.firmware(way.int8(way.teacher(), way.teacher("b")))
    way.validation(built, different=12)
    found = summary(way.root)
    assert is_exact(found.firmware) is False
    assert firmware.comparison(found.firmware[0])["first_different_sample"] == 7


def test_an_export_alone_has_its_memory_and_work(way):
    built = way.firmware(way.int8(way.teacher(), way.teacher("b")))
    found = summary(built)
    numbers = firmware.numbers(found.firmware[0])
    assert numbers["macs"] > 0
    assert numbers["arena_bytes"] > 0
    assert numbers["instructions"] is None
    assert is_exact(found.firmware) is None


def test_a_validation_alone_is_of_a_firmware_that_is_not_there(whole):
    found = summary(whole.root / "validation.json")
    assert [(r.label, r.name, r.accuracy) for r in found.rows] == [("firmware", "firmware", 0.97)]
    assert found.firmware[0].export is None


def test_the_emulated_firmware_comes_before_its_c_on_the_host(whole):
    built = whole.root / "firmware"
    whole.validation(built, "a-host.json", emulator="host", instructions=None, accuracy=0.5)
    assert summary(whole.root).rows[-1].accuracy == 0.97


def test_a_bench_gives_the_numbers_too(way):
    built = way.firmware(way.int8(way.teacher(), way.teacher("b")))
    way.bench(built)
    found = summary(way.root)
    assert firmware.numbers(found.firmware[0])["instructions"] == 5000
    assert is_exact(found.firmware) is None  # a bench tells of a few random inputs only


def test_rows_with_one_label_are_told_apart(way):
    teacher = way.teacher()
    for name in ("a", "b"):
        way.student(f"{name}.keras", 0.9, teacher, way.dreams(name, "plain", teacher))
    labels = [row.label for row in summary(way.root).rows]
    assert labels == ["teacher", "student on dreams, a.keras", "student on dreams, b.keras"]


def test_a_model_that_nobody_learnt_from_is_no_teacher(way):
    assert summary(way.teacher()).rows[0].label == "trained model"


def test_shared_real_samples_are_called_so(way):
    path = run.record_path(way.federated("f", 0.9, way.teacher()))
    record = json.loads(path.read_text())
    record["metrics"]["shared_samples"] = 5
    path.write_text(json.dumps(record))
    assert summary(way.root).rows[-1].label == "federated with shared real samples"


@pytest.mark.parametrize("value", ["0.9", None, True, [], float("nan"), 2, -1])
def test_an_accuracy_that_is_none_is_not_shown(way, value):
    way.file("train", "t.keras", {"accuracy_test": value, "parameters": value})
    row = summary(way.root).rows[0]
    assert row.accuracy is None
    assert row.parameters in (None, 2)
