"""Finds the steps that a user points at, and reads their records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinyml import run
from tinyml.errors import InputError
from tinyml.report import plain

# Commands whose records a report can tell of, in the order of the way from teacher to firmware.
STAGES = (
    "data",
    "train",
    "distill metadata",
    "distill dream",
    "distill student",
    "distill run",
    "federate",
    "quantize",
    "export",
    "validate",
    "bench",
)
_SUFFIX = "." + run.RECORD


@dataclass(frozen=True)
class Input:
    """What a step read: the path as it was written then, and the hash that identifies it."""

    role: str
    path: str
    sha256: str


@dataclass(frozen=True, eq=False)
class Step:
    """A finished step.

    Attributes:
        path: its output, where it lies now.
        name: what the report calls the output; no two steps share one.
        record: the run record, untrusted.
        sha256: of the output as it is now.
    """

    path: Path
    name: str
    record: dict[str, Any] = field(repr=False)
    sha256: str

    @property
    def command(self) -> str:
        """The command that ran, e.g. "distill dream"."""
        return str(self.record["command"])

    @property
    def metrics(self) -> Any:
        """What was measured."""
        return self.record["metrics"]

    @property
    def settings(self) -> dict[str, Any]:
        """The command's settings; empty when the record has none."""
        found = self.record.get("settings")
        return found if isinstance(found, dict) else {}

    @property
    def inputs(self) -> list[Input]:
        """What the step read, by role."""
        found = self.record.get("inputs")
        pairs = sorted(found.items()) if isinstance(found, dict) else []
        return [
            Input(role, str(plain.find(value, "path")), str(plain.find(value, "sha256")))
            for role, value in pairs
        ]


@dataclass(frozen=True)
class Collection:
    """Steps in the order of the way, and a line for each record that is left out."""

    steps: list[Step]
    notes: list[str]


def collect(given: Iterable[Path]) -> Collection:
    """Read the records of steps.

    Args:
        given: outputs of steps, or directories whose direct children are.

    Raises:
        InputError: a path does not exist, is no step's output and holds none, or its record is broken.
    """
    found: dict[Path, dict[str, Any]] = {}
    notes: list[str] = []
    for path in given:
        before = len(found) + len(notes)
        _add(path, found, notes)
        if len(found) + len(notes) == before and path.resolve() not in found:
            raise InputError(
                path, "neither a step's output nor a directory of some", "give what a step wrote"
            )
    known = {path: record for path, record in found.items() if _is_known(path, record, notes)}
    steps = [
        Step(path, name, known[path], run.sha256(path)) for path, name in _names(known).items()
    ]
    return Collection(sorted(steps, key=_order), notes)


def _order(step: Step) -> tuple[int, str]:
    return STAGES.index(step.command), step.name


def _add(path: Path, found: dict[Path, dict[str, Any]], notes: list[str]) -> None:
    """The step at `path`, and those among its direct children."""
    if not path.exists():
        raise InputError(path, "no such file or directory", "check the path")
    if run.record_path(path).exists():
        found[path.resolve()] = run.read_record(path)
    for child in _outputs_in(path):
        try:
            found[child.resolve()] = run.read_record(child)
        except InputError:
            notes.append(f"left out: {plain.printable(child.name)}: its run record cannot be read")
            continue
        if child.is_dir():  # what `distill run` wrote holds whole steps again
            _add(child, found, notes)


def _outputs_in(directory: Path) -> Iterator[Path]:
    """Children with a record of their own; temporary ones of a running step begin with a dot."""
    children = sorted(directory.iterdir()) if directory.is_dir() else []
    for child in children:
        if child.name.startswith(".") or child.name.endswith(_SUFFIX) or child.name == run.RECORD:
            continue
        if run.record_path(child).exists():
            yield child


def _is_known(path: Path, record: dict[str, Any], notes: list[str]) -> bool:
    command = record.get("command")
    if command in STAGES:
        return True
    if command != "report":  # an older page beside the steps is nothing to tell of
        name = plain.printable(path.name)
        notes.append(f"left out: {name}: unknown command {plain.printable(repr(command))}")
    return False


def _names(paths: Iterable[Path]) -> dict[Path, str]:
    """A short name for each path: its own, with as many parents as it takes to tell them apart."""
    names: dict[Path, str] = {}
    remaining, parts = sorted(paths), 1
    while remaining:
        shown = {path: plain.printable("/".join(path.parts[-parts:])) for path in remaining}
        taken = list(shown.values())
        clear = [p for p in remaining if taken.count(shown[p]) == 1 or parts > len(p.parts)]
        names.update({path: shown[path] for path in clear})
        remaining = [path for path in remaining if path not in names]
        parts += 1
    return names
