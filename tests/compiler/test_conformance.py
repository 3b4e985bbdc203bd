"""Other people's models, from a folder that is not part of this repository: exact, or refused by name.

TINYML_CONFORMANCE_MODELS names the folder, searched for .tflite files, e.g. a checkout of tflite-micro.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tflm_check import check_file

from tinyml import ops
from tinyml.codegen import program
from tinyml.errors import InputError
from tinyml.graph import tflite_reader

_VARIABLE = "TINYML_CONFORMANCE_MODELS"
_FOLDER = Path(os.environ.get(_VARIABLE, ""))
_MODELS = sorted(_FOLDER.rglob("*.tflite")) if os.environ.get(_VARIABLE) else []
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE", "CAST")

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not _MODELS, reason=f"{_VARIABLE} names no folder with .tflite files")
@pytest.mark.parametrize("path", _MODELS, ids=lambda path: str(path.relative_to(_FOLDER)))
def test_model(tmp_path: Path, path: Path) -> None:
    refusal = _refusal(path)
    if not refusal:
        check_file(path, tmp_path, seed=1)
        return
    why = _beyond_our_promise(path)
    assert why, f"refused without need: {refusal}"
    pytest.skip(f"refused, {why}")


def _refusal(path: Path) -> str:
    try:
        program.compile_model(path)
    except InputError as error:
        return str(error)
    return ""


def _beyond_our_promise(path: Path) -> str:
    """What excuses a refusal: operators that nobody promised, arithmetic in float32, or TFLM's own; "" for
    nothing.
    """
    try:
        graph = tflite_reader.read(path)
    except InputError:
        return _refusal_of_tflm(path)
    views = graph.views()
    unknown = sorted({v.node.operator for v in views if not ops.known(v.node.operator)})
    if unknown:
        return f"it has {', '.join(unknown)}"
    computing = [v for v in views if v.node.operator not in _CONVERSIONS]
    floats = [v.label for v in computing if any(t.dtype == "float32" for t in v.outputs)]
    return f"{floats[0]} computes in float32" if floats else _refusal_of_tflm(path)


def _refusal_of_tflm(path: Path) -> str:
    """Asked in a process of its own: TFLM ends some that it cannot run."""
    load = "import pathlib, sys; from tinyml.quantize.tflm import Tflm; Tflm(pathlib.Path(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", load, path], capture_output=True, text=True)
    return f"TFLM cannot load it ({done.stderr.strip()[-200:]})" if done.returncode else ""
