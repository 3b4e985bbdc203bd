"""What an exported project takes on its target, known before anything runs."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from pathlib import Path

from tinyml.codegen.project import REPORT, read_report
from tinyml.emulate import build, stack, symbols


def can_measure() -> bool:
    """True when the target's compiler is here."""
    return all(shutil.which(tool) for tool in ("arm-none-eabi-gcc", "make"))


def measure(project: Path) -> None:
    """Build the firmware; write its flash, RAM, worst-case stack and symbols into the project's report.

    Raises:
        CheckFailed: it does not compile.
    """
    report = read_report(project)
    with tempfile.TemporaryDirectory(prefix="tinyml-build-") as scratch:
        folder = Path(scratch)
        elf = build.build(project, "firmware", folder, stack.COMPILER_FLAG)
        sizes = build.sizes(elf, report["flash_bytes"]["weights"])
        largest = symbols.in_flash(elf)
        worst = stack.worst_case(folder, f"{report['prefix']}_invoke")
    report["flash_bytes"].update(code=sizes.code, vectors=sizes.vectors, total=sizes.flash)
    report["ram_bytes"]["total"] = sizes.ram
    report["symbols"] = [dataclasses.asdict(symbol) for symbol in largest]
    report["stack_bytes"] = worst.bytes
    report["stack_uncounted"] = list(worst.uncounted)
    (project / REPORT).write_text(json.dumps(report, indent=2) + "\n", "utf-8")
