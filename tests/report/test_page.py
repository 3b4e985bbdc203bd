"""The page: complete without the network, the same for the same records, and safe to open."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from tinyml import run
from tinyml.errors import InputError
from tinyml.report import firmware, hardware, page, records
from tinyml.report.links import Links
from tinyml.report.summary import summarise

VOID = {"meta", "link", "br", "img", "input", "hr"}
DRAWN = {"line", "polyline", "path", "polygon"}  # of SVG, closed by a slash
SECTIONS = ["way", "firmware", "memory", "layers", "removed", "dreams", "federated", "steps"]


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
    assert Outline(html).sections == ["firmware", "memory", "layers", "removed", "steps"]
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
    assert len(outline.all("polyline")) == 2 + 4  # accuracy of both, divergence of two layers each
    details = [mark["data-detail"] for mark in outline.all("path") if "data-detail" in mark]
    accuracy, emd, divergence = details[:6], details[6:8], details[8:]
    assert accuracy[0] == "federated alone, round 0: 92.00%"
    assert emd[1] == "federated with shared dreams, federated-dreams: EMD 1.20, accuracy 98.00%"
    assert divergence == [
        f"{layer}, round {n}: {value}"
        for layer, values in (("conv", (0.01, 0.02)), ("dense", (0.02, 0.04)))
        for n, value in enumerate(values, 1)
    ] * 2  # fmt: skip


def test_one_run_has_no_accuracy_against_emd(way):
    way.federated("alone", 0.9, way.teacher())
    assert "Accuracy against skew" not in render(way.root)


def test_work_and_noise_of_every_node(way):
    built = way.firmware(way.int8(way.teacher(), way.teacher("b")))
    way.bench(built)
    way.validation(built, layers=way.layers(built))
    html = render(way.root)
    nodes = json.loads((built / "report.json").read_text())["nodes"]
    outline = Outline(html)
    columns = [g["data-detail"] for g in outline.all("g") if g.get("class") == "column"]
    assert len(columns) == len(nodes)
    assert f"{nodes[0]['macs']:,} MACs, 100 instructions, " in columns[0]
    noise = [p["data-detail"] for p in outline.all("path") if p.get("class") == "dot"]
    assert len(noise) == sum(node["calls"] > 0 for node in nodes)
    assert noise[0].endswith(": 40.0 dB")


def test_a_bench_of_another_model_tells_nothing_of_the_layers(way):
    built = way.firmware(way.int8(way.teacher(), way.teacher("b")))
    way.bench(built, layers=[{"instructions": 1}])
    assert "MACs an instr." not in render(way.root)


def test_a_region_has_its_instructions_at_its_first_node(way):
    built = way.firmware(way.int8(way.teacher(), way.teacher("b")))
    report = json.loads((built / "report.json").read_text())
    region = {"number": 0, "first": 0, "last": 1, "rows": 2}
    layers = [{"instructions": 700 - n, "region": region} for n in range(2)]
    report["nodes"] = [{**node, "region": region} for node in report["nodes"][:2]]
    (built / "report.json").write_text(json.dumps(report))
    way.bench(built, layers=layers)
    (first,) = firmware.find(Links(records.collect([way.root]).steps))[:1]
    assert first.instructions() == [700, None]


def test_flash_by_symbol_adds_up(way):
    built = way.firmware(way.int8(way.teacher(), way.teacher("b")), measured=True)
    report = json.loads((built / "report.json").read_text())
    (shown,) = hardware.flash(firmware.find(Links(records.collect([built]).steps)))
    listed = sum(row["bytes"] for row in shown["rows"])
    assert listed + shown["others_bytes"] + shown["rest"] == report["flash_bytes"]["total"]
    assert shown["rows"][0]["bytes"] == max(s["bytes"] for s in report["symbols"])
    assert f"The other {len(report['symbols']) - 15} symbols" in render(built)


def test_what_was_pruned(way):
    built = way.firmware(way.int8(way.teacher(), way.teacher("b")))
    assert "None of the 8 passes found anything to remove" in render(built)
    report = json.loads((built / "report.json").read_text())
    report["passes"][-2].update(channels=12, macs=report["macs"])
    (built / "report.json").write_text(json.dumps(report))
    text = text_of(render(built))
    assert f"remove-constant-channels 0 12 {report['macs']:,} 50.00%" in text


def test_classes_have_their_names(whole):
    text = text_of(render(whole.root))
    assert "Client class cat class dog" in text
    assert "cat 30 100.00%" in text  # of the dreams


def test_two_data_sets_have_numbers_for_names(whole):
    whole.file("train", "other.keras", {"classes": ["ant", "bee"]})
    assert "Client class 0 class 1" in text_of(render(whole.root))


def test_every_network_links_to_its_command(whole):
    outline = Outline(render(whole.root))
    ids = {attributes.get("id") for _, attributes in outline.found}
    inside = [a["href"][1:] for a in outline.all("a")]
    assert set(inside) <= ids
    assert sum(name.startswith("step-") for name in inside) >= 7


HUGE = 10**400
BROKEN = ["[" * 5000, json.dumps({"macs": HUGE, "nodes": [{"macs": HUGE, "weight_bytes": 1e300}]})]
BROKEN += ['{"round": 0, "test_accuracy": NaN, "divergence": {"a": Infinity, "b": -1}}']
BROKEN += [json.dumps({"round": HUGE, "test_accuracy": 0.5, "divergence": {"a": HUGE}})]
BROKEN += [
    '{"symbols": [{"name": "\\ud800", "kind": "code", "bytes": 9}], "passes": [{"macs": -5}, 1]}'
]
BROKEN += ["", "{", "[]", "null", '"text"', '{"nodes": 3, "arena": {}, "macs": "many"}']
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


@pytest.mark.parametrize("value", [HUGE, -HUGE, float("nan"), float("inf"), 1e308, "\ud800<b>"])
def test_any_number_in_any_metric_gives_a_page(whole, value):
    built = whole.root / "firmware"
    whole.bench(built)
    whole.validation(built, "second.json", layers=whole.layers(built))
    for output in [p for p in whole.root.iterdir() if not p.name.endswith(".run.json")]:
        path = run.record_path(output)
        record = json.loads(path.read_text())
        record["metrics"] = replaced(record["metrics"], value)
        path.write_text(json.dumps({**record, "wall_seconds": value, "seed": value}))
    assert "layers" in Outline(render(whole.root)).sections


def replaced(tree, value):
    """The tree with this value for every number."""
    if isinstance(tree, dict):
        return {key: replaced(item, value) for key, item in tree.items()}
    if isinstance(tree, list):
        return [replaced(item, value) for item in tree]
    return value if isinstance(tree, (int, float)) else tree


def test_a_record_that_is_nested_too_deep_is_no_record(way):
    teacher = way.teacher()
    run.record_path(teacher).write_text('{"metrics": ' + "[" * 100_000)
    with pytest.raises(InputError, match="no readable run record"):
        render(teacher)


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
    assert len(render(whole.root).encode()) < 250_000
