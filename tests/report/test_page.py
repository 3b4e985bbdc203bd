"""The page: complete without the network, the same for the same records, and safe to open."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from tinyml import run
from tinyml.errors import InputError
from tinyml.report import page, records
from tinyml.report.links import Links
from tinyml.report.summary import summarise

VOID = {"meta", "link", "br", "img", "input", "hr"}
DRAWN = {"line", "polyline", "path", "polygon"}  # of SVG, closed by a slash
SECTIONS = ["way", "firmware", "memory", "layers", "dreams", "federated", "steps"]


def render(*paths) -> str:
    collection = records.collect(paths)
    links = Links(collection.steps)
    return page.render(summarise(links), links, collection.notes)


class Outline(HTMLParser):
    """All elements with their attributes; an element that is not closed, or twice, is an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in DRAWN
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.found if found == tag]

    @property
    def sections(self) -> list[str | None]:
        return [section["id"] for section in self.all("section")]


def text_of(html: str) -> str:
    """What a reader reads, on one line."""
    body = re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_the_whole_way_has_every_section(whole):
    html = render(whole.root)
    assert Outline(html).sections == SECTIONS
    text = text_of(html)
    assert "Exact on 360 of 360 test samples" in text
    assert "All 3,600 output bytes of the firmware, run on qemu, equal those of TFLM" in text
    assert "student on smooth noise (a floor)" in text
    assert "tinyml quantize federated-dreams/model.keras --calibration dreams:dreams" in text


def test_nothing_is_loaded(whole):
    html = render(whole.root)
    for tag, attributes in Outline(html).found:
        for name, value in attributes.items():
            if name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
                assert value.startswith(("data:", "#")), (tag, name, value)
    assert "://" not in html
    assert "url(" not in html
    assert "@import" not in html


def test_the_policy_lets_run_the_pages_own_script_only(whole):
    import base64
    import hashlib

    html = render(whole.root)
    (script,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
        in html
    )


def test_equal_records_give_equal_bytes(whole):
    paths = sorted(p for p in whole.root.iterdir() if not p.name.endswith(".run.json"))
    assert render(whole.root) == render(whole.root)
    assert render(*paths) == render(*reversed(paths)) == render(whole.root)


def test_where_the_records_lie_does_not_matter(whole):
    before = render(whole.root)
    moved = whole.root.parent / "elsewhere"
    whole.root.rename(moved)
    assert render(moved) == before


def test_names_and_texts_of_records_are_never_markup(way):
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    teacher = way.teacher("<script>alert(1)<_script>'\".keras")
    way.student(hostile.replace("/", "_"), 0.9, teacher, way.dreams("<b>", hostile, teacher))
    built = way.firmware(way.int8(teacher, teacher))
    report = json.loads((built / "report.json").read_text())
    for item in [*report["nodes"], *report["arena"]]:
        item.update(name=hostile, operator=hostile, kernel=hostile)
    report["target"] = hostile
    (built / "report.json").write_text(json.dumps(report))
    way.validation(built, emulator=hostile, judge=hostile)
    way.file(hostile, "unknown", {})
    outline = Outline(render(way.root))
    assert len(outline.all("script")) == 1
    assert len(outline.all("img")) == 1  # the dreams
    assert outline.all("b") == [a for a in outline.all("b") if "class" in a]
    assert not any(name.startswith("on") for _, attributes in outline.found for name in attributes)


def test_an_export_alone(way):
    built = way.firmware(way.int8(way.teacher(), way.teacher("b")))
    html = render(built)
    assert Outline(html).sections == ["firmware", "memory", "layers", "steps"]
    assert "Not validated yet" in html


def test_a_teacher_alone(way):
    html = render(way.teacher())
    assert Outline(html).sections == ["way", "steps"]
    assert "No firmware yet" in html


def test_dreams_alone(way):
    html = render(way.dreams("dreams", "deepinversion", way.teacher()))
    assert Outline(html).sections == ["dreams", "steps"]


def test_a_firmware_that_differs_is_said_first(way):
    way.validation(way.firmware(way.int8(way.teacher(), way.teacher("b"))), different=12)
    html = render(way.root)
    assert "<h1>Not exact</h1>" in html
    assert (
        "12 of 3,600 output bytes of the firmware, run on qemu with 360 test samples, "
        "differ from those of TFLM, first in sample 7." in text_of(html)
    )


def test_random_inputs_are_called_so(way):
    built = way.firmware(way.int8(way.teacher(), way.teacher("b")))
    way.validation(built, accuracy=None, samples=16)
    assert "Exact on 16 of 16 random inputs" in render(way.root)


def test_two_firmwares_are_told_apart(whole):
    second = whole.firmware(whole.root / "model.tflite", "second", prefix="other")
    whole.validation(second, "second.json", different=3)
    html = render(whole.root)
    assert "<h1>Not exact</h1>" in html
    assert re.search(r"firmware: All 3,600 .* second: 3 of 3,600", text_of(html))


def test_the_memory_map_has_every_buffer(whole):
    buffers = json.loads((whole.root / "firmware/report.json").read_text())["arena"]
    blocks = Outline(render(whole.root)).all("polygon")
    assert len(blocks) == len(buffers)
    assert [b["tabindex"] for b in blocks] == ["0"] + ["-1"] * (len(blocks) - 1)
    assert all(b["data-detail"] == b["aria-label"] for b in blocks)
    assert any("from node" in b["data-detail"] for b in blocks)


def test_the_memory_map_shows_what_is_written_over_an_input(way):
    arena = [("a", 800, 1000, 0, 2), ("b", 0, 1600, 1, 3), ("c", 1600, 8, 1, 2)]
    keys = ("name", "offset", "bytes", "first", "last")
    built = way.firmware(way.int8(way.teacher(), way.teacher("b")))
    report = json.loads((built / "report.json").read_text())
    report["arena"] = [dict(zip(keys, values)) for values in arena]
    (built / "report.json").write_text(json.dumps(report))
    html = render(way.root)
    details = [block["data-detail"] for block in Outline(html).all("polygon")]
    assert ["of them 800 over an input" in text for text in details] == [False, True, False]
    assert "in use at node 1: 1,800 bytes" in text_of(html)
    assert "A slanted edge" in html


def test_every_image_has_a_text(whole):
    images = Outline(render(whole.root)).all("img")
    assert len(images) == 2
    assert all(len(image["alt"]) > 20 for image in images)


def test_curves_of_all_federated_runs_are_in_one_chart(whole):
    outline = Outline(render(whole.root))
    assert len(outline.all("polyline")) == 2
    details = [mark["data-detail"] for mark in outline.all("path")]
    assert details[0] == "federated alone, round 0: 92.00%"
    assert len(details) == 6


BROKEN = ["", "{", "[]", "null", '"text"', '{"nodes": 3, "arena": {}, "macs": "many"}']
BROKEN += ['{"nodes": [1, null, {"outputs": [[]]}], "arena": [1, {"offset": -1, "bytes": 2}]}']
BROKEN += ['{"labels": [[1], [2, 3]]}', '{"labels": [["<b>"]]}', '{"labels": [[0, 0]]}', "[" * 50]


@pytest.mark.parametrize("content", BROKEN)
@pytest.mark.parametrize(
    "file",
    [
        "firmware/report.json",
        "federated-alone/history.jsonl",
        "federated-alone/partition.json",
        "dreams/dreams.png",
    ],
)
def test_a_broken_part_leaves_only_itself_out(whole, file, content):
    (whole.root / file).write_text(content)
    assert {"way", "steps"} <= set(Outline(render(whole.root)).sections)


@pytest.mark.parametrize("key", ["metrics", "settings", "inputs", "versions", "seed"])
@pytest.mark.parametrize("value", [None, 3, "text", [1], {"a": {"b": [None]}}])
def test_records_of_any_shape_give_a_page(whole, key, value):
    for output in [p for p in whole.root.iterdir() if not p.name.endswith(".run.json")]:
        path = run.record_path(output)
        path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    Outline(render(whole.root))


@pytest.mark.slow
def test_a_huge_run_stays_below_five_megabytes(whole):
    report = whole.root / "firmware/report.json"
    project = json.loads(report.read_text())
    project["nodes"] = [{**node, "name": "x" * 5000} for node in project["nodes"]] * 2000
    project["arena"] = [{**b, "name": "x" * 5000} for b in project["arena"]] * 2000
    report.write_text(json.dumps(project))
    for name in ("dreams", "noise"):
        with (whole.root / name / "dreams.png").open("ab") as stream:
            stream.write(bytes(1_200_000))
    rounds = [{"round": n, "test_accuracy": 0.5} for n in range(20000)]
    history = "\n".join(map(json.dumps, rounds))
    (whole.root / "federated-alone/history.jsonl").write_text(history)
    labels = json.dumps({"labels": [[1] * 100] * 5000})
    (whole.root / "federated-alone/partition.json").write_text(labels)
    html = render(whole.root)
    assert len(html.encode()) < 5_000_000
    assert len(Outline(html).all("img")) == 1  # the second would be too much


def test_a_page_that_would_be_larger_is_refused(whole, monkeypatch):
    monkeypatch.setattr(page, "_MOST_BYTES", 10_000)
    with pytest.raises(InputError, match="give fewer runs"):
        render(whole.root)


def test_a_usual_page_is_small(whole):
    assert len(render(whole.root).encode()) < 200_000
