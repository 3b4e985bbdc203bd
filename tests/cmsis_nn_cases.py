"""What the tests of CMSIS-NN share: where it is, and models of many cases side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from tflm_check import check

from tinyml import cmsis_nn, targets
from tinyml.kernels.base import Options

LIBRARY = cmsis_nn.find()
CORES = [
    "cortex-m4",
    "cortex-m55",
]  # DSP, Helium; plain C is what the check compiles for this machine
NEEDED = pytest.mark.skipif(
    LIBRARY is None,
    reason=f"CMSIS-NN IS NOT TESTED: it was not found, name its folder in {cmsis_nn.ENVIRONMENT}",
)
# What older ones still have wrong gets a kernel of ours, and is exact all the same.
CORRECTED = LIBRARY is not None and LIBRARY.revision(
    "ConvolutionFunctions/arm_transpose_conv_s8.c"
) >= (2, 0, 1)

Case = Callable[[mb.ModelBuilder, np.random.Generator], "tuple[int | Sequence[int], int]"]
ZERO_POINTS = [-128, 0, 127, 3]
ACTIVATIONS = ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]


def run(tmp_path: Path, cases: Sequence[Case], core: str, samples: int = 4) -> list[str]:
    """Checks all cases in one model; returns the names of the choices, in order."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[list[int], list[int]]:
        inputs: list[int] = []
        outputs = []
        for case in cases:
            sources, output = case(m, rng)
            inputs += [sources] if isinstance(sources, int) else sources
            outputs.append(output)
        return inputs, outputs

    options = Options(targets.find(core).processor, "cmsis-nn", cmsis_nn=LIBRARY)
    directory = check(tmp_path, build, 1, samples, qemu=True, options=options)
    nodes = json.loads((directory / "report.json").read_text("utf-8"))["nodes"]
    return [node["choice"]["name"] for node in nodes if node["choice"]]
