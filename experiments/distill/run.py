"""Runs an experiment's commands and keeps its records: python run.py CONFIG.toml WORK [--only PART ...].

An experiment is a set of units, each one command of the public CLI, run in WORK (see prepare.py).
A unit whose record stands in records/CONFIG.jsonl with the same arguments, and whose inputs' units
stand there too, is not run again; so the script may be killed and started again at any time, and a
changed setting makes anew just what depends on it. Several may run at a time, each with an --only of
its own. `accuracy_test` is measured once, by the command that made the model, after its training;
nothing here reads it.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
# Weights of hints that a source's name may end in, instead of the experiment's.
HINTS = {"-answers": 0, "-weak-hints": 1}
KEPT = ("metrics", "seed", "wall_seconds", "cpu_seconds", "peak_memory_bytes", "versions")


@dataclass(frozen=True)
class Unit:
    """One command; `output` is relative to the work directory and names the unit."""

    output: str
    arguments: tuple[str, ...]
    facts: dict[str, Any]  # what the tables group by
    needs: tuple[Unit, ...] = ()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument(
        "--only", action="append", metavar="PART", help="only units with PART in their output"
    )
    parser.add_argument("--list", action="store_true", help="show what would run")
    given = parser.parse_args()
    config = tomllib.loads(given.config.read_text(encoding="utf-8"))
    records = Records(HERE / "records" / f"{given.config.stem}.jsonl")
    for unit in units(config, given.config.stem):
        chosen = not given.only or any(part in unit.output for part in given.only)
        if chosen and not records.hold(unit):
            print(unit.output, flush=True)
            if not given.list:
                make(unit, given.work, records)


def units(config: dict[str, Any], name: str) -> Iterator[Unit]:
    """All units of an experiment in a sensible order: every source of a seed, then the next seed."""
    for seed in config["seeds"]:
        yield from _of_seed(config, name, seed)


def _of_seed(config: dict[str, Any], name: str, seed: int) -> Iterator[Unit]:
    place = f"{name}/{seed}"
    teacher = _teacher(config, name, seed)
    yield teacher
    path, data = teacher.output, config["data"]
    common = {"teacher": config["teacher_name"], "student": config["student"], "seed": seed}
    metadata = Unit(
        f"{place}/metadata.npz",
        ("distill", "metadata", "--teacher", path, "--data", data, *_flags(config["metadata"])),
        {"kind": "metadata", **common},
        (teacher,),
    )
    if any(source.get("metadata") for source in config["dreams"].values()):
        yield metadata
    dreams = {
        source: _dreams(place, source, settings, teacher, metadata, common)
        for source, settings in config["dreams"].items()
    }
    for init, sources in config["sources"].items():
        for source in sources:
            yield from _student(config, place, source, init, teacher, dreams, common)


def _teacher(config: dict[str, Any], name: str, seed: int) -> Unit:
    """Trained for each seed, or one for all of them where that would take too long, or a file."""
    facts = {"kind": "teacher", "teacher": config["teacher_name"]}
    if "file" in config["teacher"]:
        return Unit(config["teacher"]["file"], (), facts)
    trained = config["teacher"].get("seed", seed)
    return Unit(
        f"{name}/{trained}/teacher.keras",
        ("train", "--data", config["data"], *_flags(config["teacher"]), *_seed(trained)),
        {**facts, "seed": trained},
    )


def _dreams(
    place: str,
    source: str,
    settings: dict[str, Any],
    teacher: Unit,
    metadata: Unit,
    common: dict[str, Any],
) -> Unit:
    options = {key: value for key, value in settings.items() if key != "metadata"}
    uses = bool(settings.get("metadata"))
    return Unit(
        f"{place}/dreams-{source}",
        (
            *("distill", "dream", "--teacher", teacher.output),
            *(("--metadata", metadata.output) if uses else ()),
            *_flags(options),
            *_seed(common["seed"]),
        ),
        {"kind": "dreams", "source": source, **common},
        (teacher, metadata) if uses else (teacher,),
    )


def _student(
    config: dict[str, Any],
    place: str,
    source: str,
    init: str,
    teacher: Unit,
    dreams: dict[str, Unit],
    common: dict[str, Any],
) -> Iterator[Unit]:
    """The dreams that a student needs and have not been given yet, and the student."""
    facts = {"kind": "student", "source": source, "init": init, **common}
    output = f"{place}/student-{source}-{init}.keras"
    if source == "real-labels":
        if init == "random":  # `train` knows no other
            training = {**config["student_training"]}
            labels = {key: training[key] for key in ("steps", "batch_size") if key in training}
            flip = {key: training[key] for key in ("flip",) if key in training}
            arguments = ("train", "--data", config["data"], "--model", config["student_shape"])
            settings = _flags({**config["labels_training"], **labels, **flip})
            yield Unit(output, (*arguments, *settings, *_seed(common["seed"])), facts)
        return
    training = {**config["student_training"]}
    learnt_from, hint = _hint_of(source)
    needed, images = _images(config, learnt_from, dreams)
    if source == "untrained":
        training["steps"] = 0
    if hint is not None:
        training["hint"] = hint
    yield from needed
    yield Unit(
        output,
        (
            *("distill", "student", "--teacher", teacher.output, "--init", init),
            *("--student", config.get("student_file", config["student_shape"])),
            *(word for image in images for word in ("--dreams", image)),
            *("--data", config["data"]),
            *_flags(training),
            *_seed(common["seed"]),
        ),
        facts,
        (teacher, *needed),
    )


def _hint_of(source: str) -> tuple[str, int | None]:
    """The source of images, and the weight of hints where it is not the experiment's."""
    for ending, hint in HINTS.items():
        if source.endswith(ending):
            return source.removesuffix(ending), hint
    return source, None


def _images(
    config: dict[str, Any], source: str, dreams: dict[str, Unit]
) -> tuple[list[Unit], list[str]]:
    """What a student of `source` learns from: units to make first, and names for --dreams."""
    if source in ("real", "untrained"):
        return [], [f"data:{config['data']}"]
    if source == "other-data":
        return [], [f"data:{config['other_data']}"]
    parts = config.get("pooled", {}).get(source, [source])
    return [dreams[part] for part in parts], [dreams[part].output for part in parts]


def _flags(settings: dict[str, Any]) -> tuple[str, ...]:
    words: list[str] = []
    for key, value in settings.items():
        option = "--" + key.replace("_", "-")
        if key == "seed":
            continue
        words += [option] if value is True else [] if value is False else [option, str(value)]
    return tuple(words)


def _seed(seed: int) -> tuple[str, str]:
    return "--seed", str(seed)


class Records:
    """The finished units of one experiment, a JSON line each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        found = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        return {line["output"]: line for line in map(json.loads, found.splitlines())}

    def hold(self, unit: Unit) -> bool:
        """True when the unit and all that it needs were made with these very arguments."""
        if not unit.arguments:
            return True
        found = self._known.get(unit.output)
        made = found is not None and found["arguments"] == list(unit.arguments)
        return made and all(self.hold(need) for need in unit.needs)

    def add(self, unit: Unit, record: dict[str, Any]) -> None:
        """Add or replace a unit's line; the file is replaced whole, with what others added."""
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            self._known = self._read()
            self._replace(unit, record)
        finally:
            os.close(folder)

    def _replace(self, unit: Unit, record: dict[str, Any]) -> None:
        line = {"output": unit.output, "arguments": list(unit.arguments), **unit.facts}
        self._known[unit.output] = {**line, **{key: record[key] for key in KEPT if key in record}}
        text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in self._known.values())
        scratch = self._path.with_suffix(".tmp")
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(self._path)


def make(unit: Unit, work: Path, records: Records) -> None:
    """Run a unit, after what it needs where that is no longer there."""
    if not unit.arguments:
        return
    for need in unit.needs:
        if not records.hold(need) or not (work / need.output).exists():
            make(need, work, records)
    path = work / unit.output
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tinyml", *unit.arguments, "-o", unit.output, "--force"]
    subprocess.run(
        command,
        cwd=work,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "NO_COLOR": "1"},
    )
    beside = path / "run.json" if path.is_dir() else path.with_name(path.name + ".run.json")
    records.add(unit, json.loads(beside.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
