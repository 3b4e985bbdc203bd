"""Exported projects, what was measured of them, and their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinyml.codegen.project import REPORT
from tinyml.report import plain
from tinyml.report.links import Links
from tinyml.report.plain import Number
from tinyml.report.records import Step


@dataclass(frozen=True)
class Firmware:
    """An exported project and what was measured of it; any of the two may be missing."""

    name: str
    export: Step | None
    validations: tuple[Step, ...]
    benches: tuple[Step, ...]
    project: dict[str, Any]

    @property
    def validation(self) -> Step | None:
        """The validation to show first: of the firmware itself rather than of its C on the host."""
        by_worth = sorted(
            self.validations, key=lambda s: plain.find(s.metrics, "emulator") == "host"
        )
        return next(iter(by_worth), None)

    @property
    def measured(self) -> Any:
        """Metrics with flash, RAM, stack and instructions, from a validation or a bench; or None."""
        steps = [*([self.validation] if self.validation else []), *self.validations, *self.benches]
        found = [s.metrics for s in steps if plain.find(s.metrics, "instructions")]
        return next(iter(found), None)

    @property
    def nodes(self) -> list[Any]:
        """The project's nodes."""
        return plain.listed(self.project, "nodes")

    def instructions(self) -> list[int | None]:
        """Instructions of each node, from a bench of this project; None where it has none of its own."""
        for step in self.benches:
            layers = plain.listed(step.metrics, "layers")
            if layers and len(layers) == len(self.nodes):
                return [_own_instructions(i, layer) for i, layer in enumerate(layers)]
        return [None] * len(self.nodes)

    def compared_layers(self) -> list[Any]:
        """What a validation says of every layer; empty without one."""
        found = [plain.listed(s.metrics, "layers", "layers") for s in self.validations]
        return next((layers for layers in found if layers), [])


def _own_instructions(number: int, layer: Any) -> int | None:
    """Those of a node; a region is counted as one, at its first node."""
    first = plain.count(layer, "region", "first")
    return plain.count(layer, "instructions") if first in (None, number) else None


def find(links: Links) -> list[Firmware]:
    """Exported projects with their validations; then validations of projects that are not there."""
    exports = [step for step in links.steps if step.command == "export"]
    found = [_measured_firmware(links, export) for export in exports]
    for step in links.steps:
        if step.command in ("validate", "bench") and links.parent(step) is None:
            found.append(_absent(step))
    return found


def _absent(step: Step) -> Firmware:
    """The project that a validation or a bench was of, when it is not among the steps."""
    name = next((i.path.rpartition("/")[2] for i in step.inputs if i.role == "project"), "?")
    validations, benches = ((step,), ()) if step.command == "validate" else ((), (step,))
    return Firmware(plain.printable(name), None, validations, benches, {})


def _measured_firmware(links: Links, export: Step) -> Firmware:
    of_it = [s for s in links.steps if links.parent(s) is export]
    return Firmware(
        export.name,
        export,
        tuple(s for s in of_it if s.command == "validate"),
        tuple(s for s in of_it if s.command == "bench"),
        _project_report(export),
    )


def _project_report(export: Step) -> dict[str, Any]:
    """report.json of a project; empty when it cannot be read."""
    report = plain.read(export.path / REPORT)
    return report if isinstance(report, dict) else {}


def numbers(firmware: Firmware) -> dict[str, Number | None]:
    """The firmware's numbers, each None where nothing says it."""
    measured, project = firmware.measured, firmware.project
    macs = plain.count(project, "macs")
    instructions = plain.number(measured, "instructions", "mean")
    weights = plain.count(measured, "flash_bytes", "weights")
    return {
        "flash_bytes": plain.count(measured, "flash_bytes", "total"),
        "weight_bytes": plain.count(project, "flash_bytes", "weights")
        if weights is None
        else weights,
        "code_bytes": plain.count(measured, "flash_bytes", "code"),
        "ram_bytes": plain.count(measured, "ram_bytes"),
        "arena_bytes": plain.count(project, "ram_bytes", "arena"),
        "arena_lower_bound": plain.count(project, "arena_lower_bound"),
        "stack_bytes": plain.count(measured, "stack_bytes"),
        "instructions": instructions,
        "macs": macs,
        "macs_per_instruction": macs / instructions if macs and instructions else None,
    }


def _first_different_layer(firmware: Firmware) -> str | None:
    """The first layer with a wrong byte, in words."""
    for row in firmware.compared_layers():
        if plain.count(row, "bytes_different"):
            operator, name = plain.text(row, "operator") or "?", plain.text(row, "output") or ""
            return f"node {plain.count(row, 'node')} {operator} {name.partition(';')[0]}"
    return None


def comparison(firmware: Firmware) -> dict[str, Any]:
    """What the shown validation says about exactness; empty without one."""
    if firmware.validation is None:
        return {}
    metrics = firmware.validation.metrics
    return {
        "exact": plain.find(metrics, "exact") is True,
        "judge": plain.text(metrics, "judge"),
        "emulator": plain.text(metrics, "emulator"),
        "samples": plain.count(metrics, "samples"),
        "accuracy": plain.share(metrics, "accuracy"),
        "bytes_compared": plain.count(metrics, "bytes_compared"),
        "bytes_different": plain.count(metrics, "bytes_different"),
        "first_different_layer": _first_different_layer(firmware),
        "first_different_sample": plain.count(metrics, "first_different_sample"),
    }
