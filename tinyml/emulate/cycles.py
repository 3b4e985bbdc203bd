"""An estimate of Cortex-M4 cycles from how often each instruction executed.

The model is Arm's table of instruction timings (Cortex-M4 Technical Reference Manual r0p1, section 3.3.1)
at zero wait states: one cycle an instruction, but
- a load takes 2, or 1 right after another load or store, with which it overlaps;
- loads and stores of N registers take 1 + N, a store 1;
- a taken branch takes 2 more to refill the pipeline, and so does a load of the program counter;
- IT is folded into its neighbour; SDIV and UDIV take 6 (2 to 12), VDIV and VSQRT 14.
It was never compared with hardware, where flash wait states come on top: a guide for choosing between
kernels, not a promise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tinyml.emulate.disassembly import Instruction

_REFILL = 2
_DIVIDE = {"sdiv": 6, "udiv": 6, "vdiv": 14, "vsqrt": 14}
_CONDITIONS = "eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
_BRANCH = re.compile(rf"^(b({_CONDITIONS})?|bl|bx|blx|cbz|cbnz|tbb|tbh)$")
_ALWAYS = ("b", "bl", "bx", "blx", "tbb", "tbh")
_NUMBERS = {"sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14, "pc": 15}


def estimate(instructions: list[Instruction], counts: Mapping[int, int]) -> int:
    """Cycles of a run.

    Args:
        instructions: the program, by address.
        counts: how often each address executed.
    """
    cycles = 0
    follows_access = False
    for position, instruction in enumerate(instructions):
        count = counts.get(instruction.address, 0)
        if not count:
            follows_access = False
            continue
        cycles += count * _cost(instruction, follows_access)
        if _BRANCH.match(instruction.operation):
            cycles += _REFILL * _taken(instructions, position, counts)
        follows_access = instruction.operation.startswith(("ldr", "str")) and not (
            instruction.operation.startswith(("ldrd", "strd"))
        )
    return cycles


def _cost(instruction: Instruction, follows_access: bool) -> int:
    """Cycles of one execution, a taken branch's refill apart."""
    operation = instruction.operation
    if operation.startswith(("ldm", "pop", "vldm", "vpop")):
        return 1 + _registers(instruction) + (_REFILL if "pc" in instruction.operands else 0)
    if operation.startswith(("stm", "push", "vstm", "vpush")):
        return 1 + _registers(instruction)
    if operation.startswith(("ldrd", "strd")):
        return 3
    if operation.startswith(("ldr", "vldr")):
        refill = _REFILL if instruction.operands.startswith("pc") else 0
        return (1 if follows_access else 2) + refill
    if re.match(r"^it[te]*$", operation):
        return 0
    return _DIVIDE.get(operation, 1)


def _taken(instructions: list[Instruction], position: int, counts: Mapping[int, int]) -> int:
    """How often a branch was taken: as often as it executed, less how often what follows it was reached."""
    count = counts[instructions[position].address]
    if instructions[position].operation in _ALWAYS or position + 1 == len(instructions):
        return count
    return max(0, count - counts.get(instructions[position + 1].address, 0))


def _registers(instruction: Instruction) -> int:
    """How many registers a list names."""
    listed = instruction.operands[instruction.operands.find("{") + 1 : -1]
    total = 0
    for part in listed.replace("}", "").split(","):
        first, _, last = part.strip().partition("-")
        total += _number(last) - _number(first) + 1 if last else 1
    return total


def _number(register: str) -> int:
    return _NUMBERS[register] if register in _NUMBERS else int(re.sub(r"\D", "", register))
