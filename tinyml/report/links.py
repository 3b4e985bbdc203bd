"""Which step made what another read, found by SHA-256 alone: files may have been moved and renamed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tinyml import run
from tinyml.report.records import Input, Step

# The input that is the same network one step earlier; the others (dreams, metadata) stand beside the way.
_NETWORK = {
    "distill student": "teacher",
    "distill run": "teacher",
    "federate": "model",
    "quantize": "model",
    "export": "model",
    "validate": "project",
    "bench": "project",
}


@dataclass(frozen=True)
class Source:
    """The step that made an input, and the file within its output when it is only a part."""

    step: Step
    file: str | None = None

    @property
    def name(self) -> str:
        """What to write in a command line."""
        return f"{self.step.name}/{self.file}" if self.file else self.step.name


class Links:
    """The sources of all steps' inputs.

    Args:
        steps: finished steps.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        self.steps = list(steps)
        self._sources: dict[str, list[Source]] = {}
        for step in self.steps:
            for digest, file in _hashes(step):
                self._sources.setdefault(digest, []).append(Source(step, file))

    def source(self, step: Step, item: Input) -> Source | None:
        """Who made an input; of several with equal bytes, the one that bears the recorded name."""
        candidates = [s for s in self._sources.get(item.sha256, []) if s.step is not step]
        whole = [s for s in candidates if s.file is None]
        wanted = PurePosixPath(item.path).name
        named = [s for s in whole or candidates if PurePosixPath(s.name).name == wanted]
        return next(iter(named or whole or candidates), None)

    def sources(self, step: Step, role: str) -> list[Step]:
        """The steps that made the inputs of a role, `dreams` and `dreams_2` alike."""
        items = [item for item in step.inputs if item.role.partition("_")[0] == role]
        found = [self.source(step, item) for item in items]
        return [source.step for source in found if source is not None]

    def parent(self, step: Step) -> Step | None:
        """The same network one step earlier."""
        role = _NETWORK.get(step.command)
        return next(iter(self.sources(step, role)), None) if role else None

    def way_to(self, step: Step) -> list[Step]:
        """From the first network that is known to `step`."""
        way = [step]
        parent = self.parent(step)
        while parent is not None and parent not in way:
            way.insert(0, parent)
            parent = self.parent(parent)
        return way


def _hashes(step: Step) -> Iterator[tuple[str, str | None]]:
    """What others may have read of a step: all of its output, or one file in it."""
    yield step.sha256, None
    if not step.path.is_dir():
        return
    if step.command == "export" and (step.path / "build").exists():
        yield _sha256_unbuilt(step.path), None
    copied = {item.sha256 for item in step.inputs}
    for file in sorted(step.path.rglob("*")):
        if file.is_file() and file.name != run.RECORD:
            digest = run.sha256(file)
            if digest not in copied:  # a project holds the .tflite that it was made of
                yield digest, file.relative_to(step.path).as_posix()


def _sha256_unbuilt(project: Path) -> str:
    """The hash a project had before `make` was run in it."""
    with tempfile.TemporaryDirectory(prefix="tinyml-report-") as scratch:
        copy = Path(scratch) / "project"
        shutil.copytree(project, copy, ignore=lambda at, _: ["build"] * (Path(at) == project))
        return run.sha256(copy)
