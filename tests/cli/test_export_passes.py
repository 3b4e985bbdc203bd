"""`tinyml export --disable-pass` and `--dump-after`."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from click.testing import CliRunner, Result

from tinyml import passes
from tinyml.cli import cli, options
from tinyml.codegen import project


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A border, a convolution and a rectifier: with all passes one node."""
    m, rng = mb.ModelBuilder(), np.random.default_rng(1)
    source = m.tensor((1, 6, 6, 2), scale=0.05, zero_point=-7)
    widths = m.tensor((4, 2), "int32", data=np.array([0, 0, 1, 1, 1, 1, 0, 0]))
    padded = m.node("PAD", [source, widths], m.tensor((1, 8, 8, 2), "int8", 0.05, -7))
    seen, shape = mb.convolution(m, rng, padded, (1, 8, 8, 2), 4, padding="VALID")
    last = m.node("RELU", [seen], m.tensor(shape, "int8", 0.1, 3))
    return m.save(tmp_path / "model.tflite", [source], [last])


def export(model: Path, *arguments: str) -> Result:
    output = model.parent / "project"
    command = ["export", str(model), "--target", "cortex-m4", "-o", str(output), "--force"]
    return CliRunner().invoke(cli, [*command, *arguments])


def nodes(model: Path) -> list[str]:
    return [node["operator"] for node in project.read_report(model.parent / "project")["nodes"]]


def test_the_names_that_help_shows() -> None:
    assert options.PASSES == passes.NAMES
    lines = CliRunner().invoke(cli, ["export", "--help"]).output.split()
    shown = "".join(lines)  # a name may be broken at a hyphen
    assert all(name in shown for name in passes.NAMES)


def test_left_out(model: Path) -> None:
    assert export(model).exit_code == 0
    assert nodes(model) == ["CONV_2D"]
    assert export(model, "--disable-pass", "fold-pad").exit_code == 0
    assert nodes(model) == ["PAD", "CONV_2D"]
    both = ["--disable-pass", "fold-pad", "--disable-pass", "fold-activations"]
    assert export(model, *both).exit_code == 0
    assert nodes(model) == ["PAD", "CONV_2D", "RELU"]


def test_shown(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The graph as it is then, and only then."""
    done = export(model, "--dump-after", "fold-pad")
    assert done.exit_code == 0
    text = done.stderr
    assert "after fold-pad: graph model" in text
    assert "  0 CONV_2D: " in text
    assert "padding=((1, 1), (1, 1)), activation='NONE'" in text
    assert "  1 RELU: " in text
    assert text.count("graph model") == 1


@pytest.mark.parametrize("option", ["--disable-pass", "--dump-after"])
def test_no_such_pass(model: Path, option: str) -> None:
    done = export(model, option, "fold-everything")
    assert done.exit_code == 2
    assert option in done.stderr
    assert "fold-everything" in done.stderr
    assert "remove-constant-channels" in done.stderr
