"""One step of the way from teacher to firmware: outputs appear whole or not at all, with a record.

A step writes into a temporary place beside its output; when it ends well, the output is renamed into
place together with `run.json` (in a directory output) or `OUTPUT.run.json` (beside a file). When it
ends in any other way, Ctrl-C included, the temporary place is removed.

A resumable step works in `.OUTPUT.partial/`, which stays when the step is killed or interrupted, so
that the same command run again goes on there. What it finds there is its own: the command, the
inputs' hashes, the settings, the seed and our version are compared first. The times in its record are
the sum over all runs, of an unfinished one up to where it last kept them.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinyml import __version__, interruption
from tinyml.errors import CheckFailed, InputError, Interrupted

RECORD = "run.json"
_IDENTITY, _TIMES = "step.json", "times.json"  # in a resumable step's workspace
_VERSIONED = ("numpy", "tensorflow", "tensorflow_federated", "tensorflow_model_optimization")


class Watch:
    """Wall and processor seconds since it was made, finished children's included."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), _cpu_seconds()

    def add(self, earlier: Mapping[str, float]) -> None:
        """Count what another watch, perhaps of an earlier run, has `read`, too."""
        self._wall -= earlier["wall_seconds"]
        self._cpu -= earlier["cpu_seconds"]

    def read(self) -> dict[str, float]:
        """wall_seconds and cpu_seconds."""
        return {
            "wall_seconds": time.monotonic() - self._wall,
            "cpu_seconds": _cpu_seconds() - self._cpu,
        }


@dataclass
class Step:
    """A running step: write to `path`, put what was measured into `metrics`.

    Attributes:
        path: what becomes the output; of a resumable step it may hold what an earlier run left.
        metrics: what was measured.
        resumed: an earlier run left something to go on with.
        watch: times of this step, over all runs.
    """

    path: Path
    metrics: dict[str, Any] = field(default_factory=dict)
    resumed: bool = False
    watch: Watch = field(default_factory=Watch)

    @property
    def workspace(self) -> Path:
        """Where the step keeps what it does not hand out, e.g. checkpoints; gone when it ends."""
        return self.path.parent

    def keep_times(self) -> None:
        """Have the time until now counted by a later run that goes on from here.

        A good place to stop, too, when an interrupt was swallowed.
        """
        write_whole(self.workspace / _TIMES, json.dumps(self.watch.read()))
        interruption.check()


def write_whole(path: Path, text: str) -> None:
    """Replace a file's text whole or not at all, however we end."""
    written = path.with_name(path.name + ".new")
    written.write_text(text, encoding="utf-8")
    written.replace(path)


def sha256(path: Path) -> str:
    """SHA-256 of a file, or of a directory's files (names and contents, run records left out)."""
    digest = hashlib.sha256()
    if path.is_dir():
        for item in sorted(path.rglob("*")):
            if item.is_file() and item.name != RECORD:
                digest.update(f"{item.relative_to(path)}\0{sha256(item)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def record_path(output: Path) -> Path:
    """Where the record of `output` lies."""
    return output / RECORD if output.is_dir() else output.with_name(output.name + "." + RECORD)


def read_record(output: Path) -> dict[str, Any]:
    """The record of a finished step.

    Raises:
        InputError: there is none, or it is not a record.
    """
    path = record_path(output)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(path, f"no readable run record ({error})", "run the step again") from None
    if not isinstance(record, dict) or "metrics" not in record:
        raise InputError(path, "not a run record (no 'metrics')", "run the step again")
    return record


def check_output(output: Path, force: bool, is_directory: bool) -> None:
    """Refuse an output that exists, unless `force`; and one whose parent does not.

    Raises:
        InputError: the output exists and `force` is not set, is of the wrong kind, or has no parent.
    """
    if not output.resolve().parent.is_dir():
        raise InputError(output, "its parent directory does not exist", f"mkdir -p {output.parent}")
    if not (output.exists() or output.is_symlink()):
        return
    if output.is_dir() != is_directory or output.is_symlink():
        kind = "directory" if is_directory else "file"
        raise InputError(output, f"exists and is not a plain {kind}", "choose another output")
    if not force:
        raise InputError(
            output, "exists already", "choose another output, or replace it with --force"
        )
    if is_directory and not (output / RECORD).exists() and any(output.iterdir()):
        raise InputError(
            output,
            f"is not something tinyml wrote (no {RECORD} in it), so --force will not delete it",
            "remove it by hand or choose another output",
        )


@contextmanager
def step(
    command: str,
    output: Path,
    *,
    inputs: Mapping[str, Path],
    settings: Mapping[str, Any],
    seed: int | None = None,
    force: bool = False,
    directory: bool = False,
    resumable: bool = False,
) -> Iterator[Step]:
    """Run one step; see the module's text.

    Args:
        command: the command's name, e.g. "distill dream".
        output: the final file or directory.
        inputs: the files and directories read, by role; hashed into the record.
        settings: plain values that JSON can hold.
        seed: the seed, when the step draws random numbers.
        force: replace an output that exists, whole.
        directory: the output is a directory (`Step.path` is then an empty one).
        resumable: go on with what the same command left when it was killed or interrupted.

    Raises:
        InputError: as `check_output`, an input does not exist, or another command than this one left
            an unfinished output, which `force` discards.
    """
    check_output(output, force, directory)
    for role, path in inputs.items():
        if not path.exists():
            raise InputError(path, f"no such file ({role})", "check the path")
    watch = Watch()
    hashes = {role: {"path": str(p), "sha256": sha256(p)} for role, p in inputs.items()}
    if resumable:
        identity = {
            "command": command,
            "inputs": {role: known["sha256"] for role, known in hashes.items()},
            "settings": dict(settings),
            "seed": seed,
            "version": __version__,
        }
        workspace = _resumable(output, identity, force)
    else:
        workspace = _temporary(output)
    with workspace as scratch:
        left = any(item.name != _IDENTITY for item in scratch.iterdir())
        running = Step(scratch / output.name, resumed=left, watch=watch)
        if (scratch / _TIMES).exists():
            watch.add(json.loads((scratch / _TIMES).read_text(encoding="utf-8")))
        if directory:
            running.path.mkdir(exist_ok=True)
        yield running
        interruption.check()
        record = {
            "command": command,
            "inputs": hashes,
            "settings": dict(settings),
            "seed": seed,
            "metrics": running.metrics,
            "versions": _versions(),
            **{name: round(seconds, 3) for name, seconds in watch.read().items()},
            "peak_memory_bytes": _peak_memory_bytes(),
            **({"resumed": running.resumed} if resumable else {}),
        }
        text = json.dumps(record, indent=2, sort_keys=True) + "\n"
        record_path(running.path).write_text(text, encoding="utf-8")
        _publish(running.path, output)


@contextmanager
def _temporary(output: Path) -> Iterator[Path]:
    """A directory beside `output` that is removed however the body ends."""
    scratch = Path(tempfile.mkdtemp(prefix=f".{output.name}.tmp-", dir=output.resolve().parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _resumable(output: Path, identity: dict[str, Any], force: bool) -> Iterator[Path]:
    """`.OUTPUT.partial/` beside `output`; it stays when the body is interrupted, or we are killed.

    Bad input and failed checks remove it: they would come again where they came.

    Raises:
        InputError: it is in use, or what lies there has another identity and `force` is not set.
        Interrupted: Ctrl-C or SIGTERM; says how to go on.
    """
    place = output.resolve().parent / f".{output.name}.partial"
    try:
        place.mkdir(exist_ok=True)
        with _locked(place):
            _claim(place, identity, force)
            try:
                yield place
            except (InputError, CheckFailed):
                shutil.rmtree(place, ignore_errors=True)
                raise
            shutil.rmtree(place, ignore_errors=True)
    except KeyboardInterrupt:
        raise Interrupted(f"run the same command again to go on ({place})") from None


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Hold the directory against other processes; the kernel lets go of it when we die.

    Raises:
        InputError: another process holds it.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InputError(place, "another run works there", "wait for it, or stop it") from None
    finally:
        os.close(descriptor)


def _claim(place: Path, identity: dict[str, Any], force: bool) -> None:
    """Make sure that what lies in `place` was left by a step of this identity, or nothing does."""
    path = place / _IDENTITY
    text = json.dumps(identity, indent=2, sort_keys=True) + "\n"
    found = path.read_text(encoding="utf-8") if path.exists() else None
    if found == text:
        return
    if found is not None and not force:
        raise InputError(
            place,
            f"holds an unfinished run of other settings ({_difference(found, text)})",
            "finish that one with its own settings, or discard it with --force",
        )
    if found is not None:
        for item in place.iterdir():
            shutil.rmtree(item) if item.is_dir() else item.unlink()
    write_whole(path, text)


def _difference(found: str, wanted: str) -> str:
    """The first setting that differs between two identities, as text."""
    then, now = (_flat(json.loads(text)) for text in (found, wanted))
    names = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    return f"{names[0]} was {then.get(names[0])}, is {now.get(names[0])}"


def _flat(identity: dict[str, Any]) -> dict[str, Any]:
    """The identity's values by name: an input's is its hash."""
    inputs = {f"the {role}'s hash": digest[:12] for role, digest in identity["inputs"].items()}
    others = {name: identity[name] for name in ("command", "seed", "version")}
    return {**others, **inputs, **identity["settings"]}


def _publish(made: Path, output: Path) -> None:
    """Rename what was made into place; an old directory is moved aside first, then goes with scratch."""
    if made.is_dir():
        if output.exists():
            output.rename(made.parent / "replaced")
        made.rename(output)
        return
    made_record, output_record = record_path(made), record_path(output)
    made.replace(output)
    made_record.replace(output_record)


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _peak_memory_bytes() -> int | None:
    """Peak resident set of this process or of its largest finished child, whichever is larger."""
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(w).ru_maxrss for w in who) * unit


def _versions() -> dict[str, str]:
    """Versions of ourselves, Python and the libraries that this step has loaded."""
    found = {"tinyml": __version__, "python": platform.python_version()}
    for name in _VERSIONED:
        version = getattr(sys.modules.get(name), "__version__", None)
        if version:
            found[name] = str(version)
    return found
