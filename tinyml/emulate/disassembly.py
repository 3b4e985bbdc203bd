"""A firmware's instructions, read with the toolchain's objdump."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinyml.emulate.build import need
from tinyml.errors import CheckFailed

_FUNCTION = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(\S*)\s*([^@;]*)")
_CALLED = re.compile(r"^[0-9a-f]+ <([^>+]+)>")


@dataclass(frozen=True)
class Instruction:
    """One instruction; `operation` without its width suffix, e.g. "ldr" for "ldr.w".

    It is "" for what objdump does not know, such as some of Armv8.1-M.
    """

    address: int
    operation: str
    operands: str
    function: str

    @property
    def called(self) -> str | None:
        """The function that a branch goes to the start of."""
        found = _CALLED.match(self.operands)
        return found[1] if found and self.operation in ("b", "bl") else None


def read(elf: Path) -> list[Instruction]:
    """Every instruction of a firmware, by address.

    Raises:
        InputError: no objdump.
        CheckFailed: it cannot read the file.
    """
    command = [need("arm-none-eabi-objdump"), "-d", "--no-show-raw-insn", str(elf)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise CheckFailed(f"{elf}: objdump failed: {done.stderr.strip()[:200]}")
    return list(_parsed(done.stdout.splitlines()))


def _parsed(lines: list[str]) -> Iterator[Instruction]:
    function = ""
    for line in lines:
        head = _FUNCTION.match(line)
        if head:
            function = head[2]
            continue
        found = _INSTRUCTION.match(line)
        if found and not found[2].startswith("."):
            yield Instruction(int(found[1], 16), found[2].split(".")[0], found[3].strip(), function)


def calls_in(instructions: list[Instruction], function: str) -> list[Instruction]:
    """The branches of a function to the starts of others, in order."""
    return [
        instruction
        for instruction in instructions
        if instruction.function == function and instruction.called not in (None, function)
    ]
