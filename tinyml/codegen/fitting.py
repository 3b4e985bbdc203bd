"""Whether a program fits its board; the fastest plan does not always, and another may."""

from __future__ import annotations

from dataclasses import replace

from tinyml import targets
from tinyml.codegen import values
from tinyml.codegen.program import Program, compile_graph
from tinyml.kernels import cost
from tinyml.targets import Target

_VARIABLES = 128  # bytes of RAM at most that the firmware needs besides arena, state and stack


def room(target: Target) -> int:
    """Bytes of RAM that a board has for arena and state."""
    return target.ram.bytes - target.stack_bytes - _VARIABLES


def fitted(program: Program, target: Target) -> Program:
    """The program, or when it is too large for the board, one with the board's memories as its budgets.

    What the user gave as a budget stays. The result may be still too large: `budget` says so.
    """
    options = program.options
    needed = program.plan.arena_bytes + program.states.nbytes
    if needed <= room(target) and _flash(program) <= target.flash.bytes:
        return program
    flash = target.flash.bytes if options.flash is None else options.flash
    ram = room(target) if options.ram is None else options.ram
    smaller = compile_graph(program.graph, replace(options, flash=flash, ram=ram))
    return replace(smaller, passes=program.passes)


def usual_board(name: str, program: Program) -> Target:
    """The board that `--target NAME` stands for: of a core, its small one where a program surely fits."""
    small = targets.small(name)
    if small is None:
        return targets.find(name)
    needed = program.plan.arena_bytes + program.states.nbytes
    # Code is known for a Cortex-M4; without its instructions it is larger.
    fits = needed <= room(small) and 2 * _flash(program) <= small.flash.bytes
    return small if fits else targets.find(name)


def _flash(program: Program) -> int:
    """About what the firmware takes, before a compiler says it."""
    kernels = {call.kernel for calls in program.calls.values() for call in calls}
    code = sum(cost.code_bytes(kernel) for kernel in kernels)
    return values.weight_bytes(program) + code + cost.FIRMWARE_BYTES
