"""Counts one inference instruction by instruction, with a QEMU plugin built here from its source."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyml import resources
from tinyml.codegen.project import read_report, target_of
from tinyml.emulate import build, cycles, disassembly, ports, qemu
from tinyml.emulate.disassembly import Instruction
from tinyml.errors import CheckFailed

_COMPILER = "cc"


@dataclass(frozen=True)
class Profile:
    """One inference.

    Attributes:
        instructions: all of them.
        nodes: of each node of the report, in order; what happens between calls is in the call before.
        functions: by name, the most first.
        cycles: an estimate, see `cycles`.
    """

    instructions: int
    nodes: tuple[int, ...]
    functions: dict[str, int]
    cycles: int


def possible() -> bool:
    """True when a compiler for the plugin and the target's objdump are here."""
    return all(shutil.which(tool) for tool in (_COMPILER, "arm-none-eabi-objdump"))


def measure(project: Path, sample: Sequence[np.ndarray], timeout: float) -> Profile:
    """Build a project and count one inference on QEMU.

    Args:
        project: an exported project.
        sample: for each input of the model, one sample in its own type.
        timeout: seconds.

    Raises:
        InputError: a tool is missing.
        CheckFailed: it does not compile, faults, or was not counted.
    """
    report, known = read_report(project), ports.of_project(project)
    with tempfile.TemporaryDirectory(prefix="tinyml-profile-") as scratch:
        elf = build.build(project, "firmware", Path(scratch))
        code = disassembly.read(elf)
        invoke = f"{report['prefix']}_invoke"
        calls = disassembly.calls_in(code, invoke)
        out = Path(scratch) / "counts"
        arguments = _arguments(code, invoke, calls, out)
        with qemu.session(elf, target_of(project), timeout, (_plugin(), arguments)) as device:
            device.infer(known.packed(sample), known.sizes[1])
        if not out.is_file():
            raise CheckFailed(f"{project}: QEMU's plugin counted nothing")
        return _profile(report, code, calls, out.read_text("utf-8"))


def _arguments(
    code: list[Instruction], invoke: str, calls: list[Instruction], out: Path
) -> dict[str, str]:
    """The plugin's: from the start of `invoke` to the return from it, noting each kernel call."""
    begin = next(i.address for i in code if i.function == invoke)
    callers = [n for n, i in enumerate(code) if i.called == invoke]
    return {
        "base": hex(code[0].address),
        "begin": hex(begin),
        "end": hex(code[callers[0] + 1].address),
        "marks": ":".join(hex(call.address) for call in calls),
        "out": str(out),
    }


def _profile(
    report: dict, code: list[Instruction], calls: list[Instruction], counted: str
) -> Profile:
    rows = [line.split() for line in counted.splitlines()]
    total = int(rows[0][1])
    marks = [int(row[2]) for row in rows if row[0] == "mark"]
    counts = {int(row[1], 16): int(row[2]) for row in rows if row[0] == "at"}
    ends = [0, *marks[1:], total]
    parts = [end - start for start, end in zip(ends, ends[1:])]
    functions: dict[str, int] = {}
    for instruction in code:
        count = counts.get(instruction.address, 0)
        functions[instruction.function] = functions.get(instruction.function, 0) + count
    ranked = sorted(functions.items(), key=lambda item: -item[1])
    return Profile(
        instructions=total,
        nodes=_by_node(report, parts) if len(parts) == len(calls) else (),
        functions={name: count for name, count in ranked if count},
        cycles=cycles.estimate(code, counts),
    )


def _by_node(report: dict, parts: list[int]) -> tuple[int, ...]:
    """The counts of the calls, summed up for each node; () when the compiler merged or split calls."""
    wanted = [node["calls"] for node in report["nodes"]]
    if sum(wanted) != len(parts):
        return ()
    remaining = iter(parts)
    return tuple(sum(next(remaining) for _ in range(count)) for count in wanted)


def _plugin() -> Path:
    """The compiled plugin, from the cache when its source was compiled before."""
    import platformdirs

    source = resources.folder("firmware_templates") / "emulate" / "count.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:32]
    cache = Path(platformdirs.user_cache_dir("tinyml")) / "qemu"
    cached = cache / f"{digest}.so"
    if not cached.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            built = Path(scratch) / cached.name
            command = [build.need(_COMPILER), "-std=gnu99", "-O2", "-shared", "-fPIC"]
            done = subprocess.run(
                [*command, str(source), "-o", str(built)], capture_output=True, text=True
            )
            if done.returncode != 0:
                raise CheckFailed(f"{source}: does not compile: {done.stderr.strip()[:200]}")
            built.replace(cached)
    return cached
