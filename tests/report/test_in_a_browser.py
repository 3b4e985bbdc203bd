"""The page in a real browser: silent, every chart drawn; pointer and keyboard tell of the data."""

from __future__ import annotations

import json
import re
import warnings

import browser
import pytest
from test_page import render

PHONE = 360  # CSS pixels


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """One browser for all tests of this file."""
    if browser.CHROMIUM is None:
        warnings.filterwarnings("default", "no Chromium")
        warnings.warn(
            "no Chromium here: nobody has looked at the page (apt install chromium)", stacklevel=1
        )
        pytest.skip("no Chromium: the page is not tested in a browser")
    with browser.Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def full(whole):
    """The whole way with everything that a page can show."""
    built = whole.root / "firmware"
    whole.bench(built)
    whole.validation(built, "layers.json", layers=whole.layers(built))
    return whole


@pytest.fixture
def shown(full, chromium, tmp_path):
    """The page of the whole way on a large screen."""
    page = tmp_path / "report.html"
    page.write_text(render(full.root), encoding="utf-8")
    chromium.open(page)
    return chromium


def details(shown, section: str, mark: str) -> list[str]:
    marks = f"document.querySelectorAll('#{section} {mark}[data-detail]')"
    found = shown.value(f"JSON.stringify([...{marks}].map(m => m.dataset.detail))")
    return list(json.loads(found))


def line(shown, section: str) -> str:
    """What the line below a section's first chart says."""
    return str(shown.value(f"document.querySelector('#{section} [data-detail-line]').textContent"))


def test_it_loads_without_a_word_and_asks_for_nothing(shown):
    assert shown.told("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded") == []
    asked = [told["request"]["url"] for told in shown.told("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith("data:")] == asked[:1]
    assert asked[0].endswith("report.html")
    assert shown.value("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


def test_every_mark_of_the_data_is_drawn(shown, full):
    report = json.loads((full.root / "firmware/report.json").read_text())
    assert len(details(shown, "memory", "polygon")) == len(report["arena"])
    assert len(details(shown, "layers", ".column")) == len(report["nodes"])
    compared = [row for row in full.layers(full.root / "firmware")["layers"] if row["sqnr_db"]]
    assert len(details(shown, "layers", ".dot")) == len(compared)
    # three rounds of two runs, one point of each over EMD, two rounds of two layers of each
    assert len(details(shown, "federated", ".dot")) == 2 * 3 + 2 + 2 * 2 * 2
    unseen = shown.value(
        "[...document.querySelectorAll('polygon, .dot, .column')].filter(m => "
        "!m.getBoundingClientRect().width && !m.getBoundingClientRect().height && "
        "getComputedStyle(m).strokeLinecap != 'round').length"
    )
    assert unseen == 0


def test_a_byte_under_the_pointer_says_its_tensor(shown):
    blocks = details(shown, "memory", "polygon")
    own = 0
    for number, block in enumerate(blocks, 1):
        shown.hover(*shown.place(f"#memory polygon:nth-of-type({number})"))
        where, said = line(shown, "memory").split(": ", 1)
        byte = int(where.split(", node")[0].removeprefix("Byte ").replace(",", ""))
        size, offset = map(
            int, re.search(r": (\d+) bytes at (\d+)", said.replace(",", "")).groups()
        )
        assert offset <= byte < offset + size
        assert said in blocks
        own += said == block
    # an output that is written over its input has some of the bytes in common with it
    assert own >= len(blocks) - sum("over an input" in block for block in blocks)


def test_a_free_byte_is_said_to_be_free(shown):
    shown.place("#memory [data-bytes]")
    box = "document.querySelector('#memory [data-bytes]').getBoundingClientRect()"
    right, top = (shown.value(f"{box}.{side}") for side in ("right", "top"))
    shown.hover(right - 2, top + 2)  # after the last node only the output is needed
    assert re.fullmatch(r"Byte [\d,]+, node \d+: free", line(shown, "memory"))


def test_a_click_on_a_node_says_its_work(shown):
    shown.click(*shown.place("#layers .column"))
    assert line(shown, "layers") == details(shown, "layers", ".column")[0]
    assert "100 instructions" in line(shown, "layers")


def test_a_click_opens_a_table(shown):
    assert shown.value("document.querySelector('#memory details').open") is False
    shown.click(*shown.place("#memory summary"))
    assert shown.value("document.querySelector('#memory details').open") is True


def test_the_keyboard_reaches_every_mark(shown):
    texts = details(shown, "memory", "polygon")
    shown.value("document.querySelector('#memory polygon').focus()")
    seen = [line(shown, "memory")]
    for _ in texts[1:]:
        shown.press("ArrowRight")
        seen.append(line(shown, "memory"))
    assert seen == texts
    shown.press("Home")
    assert line(shown, "memory") == texts[0]


def test_tab_goes_from_the_top_through_every_section(shown):
    reached = set()
    for _ in range(200):
        shown.press("Tab")
        found = shown.value("(s => s && s.id)(document.activeElement.closest('section'))")
        if found is not None:
            reached.add(found)
        elif reached:
            break
    sections = json.loads(
        shown.value("JSON.stringify([...document.querySelectorAll('section')].map(s => s.id))")
    )
    unreached = [s for s in sections if s not in reached]
    assert unreached == ["removed"]  # two sentences, with nothing to do


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_needs_no_sideways_scrolling(shown, full, tmp_path, dark):
    shown.open(tmp_path / "report.html", width=PHONE, dark=dark)
    assert shown.value("document.documentElement.scrollWidth") == PHONE
    narrow = shown.value(
        "[...document.querySelectorAll('th')].filter(t => t.offsetHeight > 200).length"
    )
    assert narrow == 0  # a word on a line, letter by letter


@pytest.mark.parametrize("dark", [False, True])
def test_texts_stand_out_from_their_ground(shown, tmp_path, dark):
    """WCAG 2's contrast of at least 4.5 for texts."""
    shown.open(tmp_path / "report.html", dark=dark)
    assert json.loads(shown.value(CONTRAST)) == []


# Every element with a text of its own whose contrast with the nearest opaque ground is too small.
CONTRAST = """
JSON.stringify([...document.querySelectorAll('body *')].filter(e =>
  [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())).map(e => {
    const parts = c => (c.match(/[0-9.]+/g) || []).map(Number);
    const light = c => { const [r, g, b] = parts(c).slice(0, 3).map(v => v / 255).map(
      v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    let ground = e;
    const opaque = x => { const p = parts(getComputedStyle(x).backgroundColor);
      return getComputedStyle(x).backgroundColor.startsWith('rgb') && (p.length < 4 || p[3] == 1); };
    if (e.closest('.heat td, script, style, .sr, .skip')) return [21, ''];
    while (ground.parentElement && !opaque(ground)) ground = ground.parentElement;
    const [a, b] = [light(getComputedStyle(e).color), light(getComputedStyle(ground).backgroundColor)];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.tagName + ': ' + e.textContent.slice(0, 40)];
  }).filter(found => found[0] < 4.5))
"""


def test_a_hostile_record_runs_nothing(way, chromium, tmp_path):
    hostile = "</script><script>console.log('run')</script>\"'><img src=x onerror=console.log(1)>"
    teacher = way.teacher()
    way.student("student.keras", 0.9, teacher, way.dreams("dreams", hostile, teacher))
    built = way.firmware(way.int8(teacher, teacher))
    report = json.loads((built / "report.json").read_text())
    for item in [*report["nodes"], *report["arena"]]:
        item.update(name=hostile, operator=hostile, kernel=hostile, macs=10**400)
    report["symbols"] = [{"name": hostile, "kind": "code", "bytes": 1 << 62}]
    (built / "report.json").write_text(json.dumps(report))
    page = tmp_path / "hostile.html"
    page.write_text(render(way.root), encoding="utf-8")
    chromium.open(page, width=PHONE)
    assert chromium.told("Runtime.exceptionThrown", "Runtime.consoleAPICalled") == []
    assert chromium.told("Log.entryAdded") == []
    assert chromium.value("document.documentElement.scrollWidth") == PHONE
    chromium.hover(*chromium.place("#memory polygon"))
    assert hostile in line(chromium, "memory")
