"""Holds what kernels are estimated to take against QEMU's counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyml import targets
from tinyml.codegen import program, project
from tinyml.emulate import ports, profile
from tinyml.kernels.base import Options


def check_estimates(model: Path, directory: Path, target: str = "cortex-m4") -> list[str]:
    """Compare the chosen candidates' instructions with one inference's, node by node, within 5 %.

    Args:
        model: a .tflite.
        directory: an empty directory for its project.
        target: a board with a QEMU machine.

    Returns:
        The names of the candidates.
    """
    if not profile.possible():
        pytest.skip("no compiler for QEMU's plugin")
    board = targets.find(target)
    compiled = program.compile_model(model, options=Options(core=board.processor, optimize="speed"))
    directory.mkdir()
    project.write(directory, compiled, board, model, "0" * 64, "model")
    sample = [batch[0] for batch in ports.of_project(directory).random_inputs(1, 5)]
    counted = profile.measure(directory, sample, 60.0)
    for index, candidate in compiled.chosen.items():
        assert candidate.instructions == pytest.approx(counted.nodes[index], rel=0.05), (
            candidate.name
        )
    return [candidate.name for candidate in compiled.chosen.values()]
