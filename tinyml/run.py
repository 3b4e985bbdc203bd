"""One step of the way from teacher to firmware: outputs appear whole or not at all, with a record.

A step writes into a temporary place beside its output; when it ends well, the output is renamed into
place together with `run.json` (in a directory output) or `OUTPUT.run.json` (beside a file). When it
ends in any other way, Ctrl-C included, the temporary place is removed.
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

from tinyml import __version__
from tinyml.errors import InputError

RECORD = "run.json"
_VERSIONED = ("numpy", "tensorflow", "tensorflow_federated", "tensorflow_model_optimization")


@dataclass
class Step:
    """A running step: write to `path`, put what was measured into `metrics`."""

    path: Path
    metrics: dict[str, Any] = field(default_factory=dict)


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
    except (OSError, ValueError) as error:
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

    Raises:
        InputError: as `check_output`, or an input does not exist.
    """
    check_output(output, force, directory)
    for role, path in inputs.items():
        if not path.exists():
            raise InputError(path, f"no such file ({role})", "check the path")
    hashes = {role: {"path": str(p), "sha256": sha256(p)} for role, p in inputs.items()}
    scratch = Path(tempfile.mkdtemp(prefix=f".{output.name}.tmp-", dir=output.resolve().parent))
    started, cpu = time.monotonic(), _cpu_seconds()
    try:
        running = Step(scratch / output.name)
        if directory:
            running.path.mkdir()
        yield running
        record = {
            "command": command,
            "inputs": hashes,
            "settings": dict(settings),
            "seed": seed,
            "metrics": running.metrics,
            "versions": _versions(),
            "wall_seconds": round(time.monotonic() - started, 3),
            "cpu_seconds": round(_cpu_seconds() - cpu, 3),
            "peak_memory_bytes": _peak_memory_bytes(),
        }
        text = json.dumps(record, indent=2, sort_keys=True) + "\n"
        record_path(running.path).write_text(text, encoding="utf-8")
        _publish(running.path, output)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


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
