"""The one table: a row for each network on and beside the way, and the numbers of each firmware."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tinyml.report import firmware as projects
from tinyml.report import plain
from tinyml.report.firmware import Firmware
from tinyml.report.links import Links
from tinyml.report.records import STAGES, Step

# Methods whose students are a floor: what is learnt without any knowledge of the data.
FLOORS = {"noise": "smooth noise", "uniform": "uniform noise"}


@dataclass(frozen=True)
class Row:
    """One network.

    Attributes:
        label: what it is, for people.
        name: the output's name.
        accuracy: on the test split, 0 to 1.
        samples: how many test samples the accuracy is over, where the record says.
        bytes: of the .tflite, or of the firmware in flash.
        floor: True for the baseline that any method has to beat.
        on_way: True when the network is an ancestor of the firmware (or of the last network).
    """

    kind: str
    label: str
    name: str
    accuracy: float | None
    samples: int | None
    parameters: int | None
    bytes: int | None
    floor: bool
    on_way: bool


@dataclass(frozen=True)
class Summary:
    """All that the table says; `way` are the names of the steps on the way, first to last."""

    rows: list[Row]
    firmware: list[Firmware]
    way: list[Step]


def summarise(links: Links) -> Summary:
    """Put the records together."""
    firmware = projects.find(links)
    way = _way(links, firmware)
    rows = [row for row in (_row(step, links, way) for step in links.steps) if row is not None]
    rows.sort(key=lambda row: (STAGES.index(row.kind), row.floor))
    rows += [_firmware_row(item, way) for item in firmware]
    return Summary(_told_apart(rows), firmware, way)


def _way(links: Links, firmware: Sequence[Firmware]) -> list[Step]:
    """To the first firmware, a validated one by preference; to the last network without any."""
    exports = [f for f in firmware if f.export]
    chosen = next((f for f in exports if f.validations), next(iter(exports), None))
    if chosen is not None and chosen.export is not None:
        return links.way_to(chosen.export)
    ways = [links.way_to(step) for step in links.steps if step.command in _MEASURES]
    return max(ways, key=len, default=[])


# Command -> where its record has accuracy on the test split, test samples, parameters, bytes
_MEASURES = {
    "train": ("accuracy_test", "test_samples", "parameters", ""),
    "distill student": ("accuracy_test", "test_samples", "parameters", ""),
    "federate": ("accuracy_after", "test_samples", "parameters", ""),
    "quantize": ("accuracy_quantized", "test_samples", "parameters", "bytes"),
}


def _row(step: Step, links: Links, way: Sequence[Step]) -> Row | None:
    if step.command not in _MEASURES:
        return None
    accuracy, samples, parameters, nbytes = _MEASURES[step.command]
    return Row(
        step.command,
        label(step, links),
        step.name,
        plain.share(step.metrics, accuracy),
        plain.count(step.metrics, samples),
        plain.count(step.metrics, parameters),
        plain.count(step.metrics, nbytes),
        is_floor(step, links),
        step in way,
    )


def _firmware_row(firmware: Firmware, way: Sequence[Step]) -> Row:
    metrics = firmware.validation.metrics if firmware.validation else {}
    return Row(
        "firmware",
        "firmware",
        firmware.name,
        plain.share(metrics, "accuracy"),
        plain.count(metrics, "samples"),
        None,
        plain.count(firmware.measured, "flash_bytes", "total"),
        False,
        firmware.export in way,
    )


def is_floor(step: Step, links: Links) -> bool:
    """True for a student that was trained on noise only."""
    methods = _methods(step, links)
    return bool(methods) and methods <= set(FLOORS)


def _methods(step: Step, links: Links) -> set[str]:
    """How the dreams of a student were made; empty for other steps."""
    dreams = links.sources(step, "dreams") if step.command == "distill student" else []
    found = [plain.find(source.settings, "methods") for source in dreams]
    return {str(name) for names in found if isinstance(names, list) for name in names}


def label(step: Step, links: Links) -> str:
    """What the network that a step made is."""
    if step.command == "train":
        taught = any(
            links.parent(s) is step and s.command == "distill student" for s in links.steps
        )
        return "teacher" if taught else "trained model"
    if step.command == "distill student":
        if is_floor(step, links):
            noises = sorted(FLOORS[name] for name in _methods(step, links))
            return f"student on {' and '.join(noises)} (a floor)"
        return "student on dreams"
    if step.command == "federate":
        return _federated_label(step)
    return "int8"


def _federated_label(step: Step) -> str:
    if not plain.number(step.metrics, "shared_samples"):
        return "federated alone"
    source = str(plain.find(step.settings, "share_source"))
    return f"federated with shared {'dreams' if source.startswith('dreams') else 'real samples'}"


def _told_apart(rows: list[Row]) -> list[Row]:
    """Rows whose labels are alike get their outputs' names."""
    labels = [row.label for row in rows]
    return [
        Row(**{**asdict(row), "label": f"{row.label}, {row.name}"})
        if labels.count(row.label) > 1
        else row
        for row in rows
    ]


def is_exact(firmware: Iterable[Firmware]) -> bool | None:
    """True when every validation was exact, False when one was not, None without any."""
    steps = [step for item in firmware for step in item.validations]
    return all(plain.find(s.metrics, "exact") is True for s in steps) if steps else None


def as_json(summary: Summary) -> dict[str, Any]:
    """The table for machines."""
    return {
        "exact": is_exact(summary.firmware),
        "rows": [asdict(row) for row in summary.rows],
        "way": [step.name for step in summary.way],
        "firmware": [
            {
                "name": item.name,
                **projects.numbers(item),
                "validation": projects.comparison(item) or None,
            }
            for item in summary.firmware
        ],
    }
