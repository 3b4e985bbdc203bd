"""Counts by QEMU's plugin, and the cycles estimated from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyml import targets
from tinyml.codegen import program, project
from tinyml.codegen.project import read_report
from tinyml.emulate import cycles, ports, profile, validation
from tinyml.emulate.disassembly import Instruction
from tinyml.kernels.base import Options

MODEL = Path(__file__).resolve().parents[1] / "models/small.tflite"


@pytest.mark.parametrize("core", sorted(targets.cores()))
def test_the_plugin_and_the_boards_timer_agree(tmp_path, core):
    target = targets.find(core)
    compiled = program.compile_model(MODEL, options=Options(target.processor))
    project.write(tmp_path, compiled, target, MODEL, "0" * 64, "small")
    inputs = ports.of_project(tmp_path).random_inputs(1, 3)
    counted = profile.measure(tmp_path, [batch[0] for batch in inputs], 60.0)
    timed = validation.execute(tmp_path, inputs, "qemu", 60.0).instructions
    assert timed is not None
    # The timer also sees the call itself and its own start and stop; on mps3-an547 it counts in steps of 50.
    step = 50 if target.board == "mps3-an547" else 0
    assert -step <= timed["mean"] - counted.instructions < 1000
    assert sum(counted.functions.values()) == counted.instructions
    assert sum(counted.nodes) == counted.instructions
    assert len(counted.nodes) == len(read_report(tmp_path)["nodes"])
    assert counted.cycles > counted.instructions


def run(*steps: tuple[str, str, int]) -> int:
    """Estimated cycles of instructions given as (operation, operands, count)."""
    code = [Instruction(4 * n, op, operands, "f") for n, (op, operands, _) in enumerate(steps)]
    return cycles.estimate(code, {4 * n: step[2] for n, step in enumerate(steps)})


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("smlad", "r0, r1, r2, r0", 10)], 10),
        ([("ldr", "r0, [r1]", 10)], 20),
        ([("ldr", "r0, [r1]", 10), ("ldr", "r2, [r1, #4]", 10)], 30),  # the second overlaps
        ([("ldr", "pc, [sp, #4]", 10)], 40),
        ([("ldrd", "r0, r1, [r2]", 10), ("ldr", "r0, [r1]", 10)], 50),
        ([("ldmia", "r1!, {r2, r4-r7}", 1)], 6),
        ([("push", "{r4, r5, lr}", 1)], 4),
        ([("pop", "{r4, pc}", 1)], 5),
        ([("bne", "0 <f>", 10), ("nop", "", 1)], 10 + 9 * 2 + 1),  # nine times taken
        ([("bl", "100 <g>", 3), ("nop", "", 3)], 3 * 3 + 3),
        ([("itt", "eq", 5)], 0),
        ([("sdiv", "r0, r1, r2", 2)], 12),
    ],
)
def test_cycles_follow_the_documented_model(steps, expected):
    assert run(*steps) == expected
