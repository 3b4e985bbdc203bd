"""Layer by layer: the deployed C beside TFLM's bytes and float values."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import model_builder as mb
import numpy as np
import pytest
from click.testing import CliRunner
from tflm_check import check

from tinyml import console, targets
from tinyml.cli import cli
from tinyml.codegen import program, project
from tinyml.emulate import layers, ports
from tinyml.emulate.trace import TracedModel
from tinyml.errors import CheckFailed, InputError
from tinyml.graph import reference, tflite_reader
from tinyml.kernels.base import GENERAL, Options
from tinyml.quantize import intermediates
from tinyml.quantize.dequantized import dequantized
from tinyml.quantize.tflm import Tflm

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"
TARGET = targets.find("cortex-m4")


@pytest.fixture(autouse=True)
def _fresh_console():
    yield
    console.configure(verbose=False, as_json=False)


def export(path: Path, directory: Path, target=TARGET, **options) -> Path:
    directory.mkdir()
    compiled = program.compile_model(path, **options)
    project.write(directory, compiled, target, path, "0" * 64, "small")
    return directory


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    return export(MODEL, tmp_path / "project")


def compared(directory: Path, samples: int = 10) -> dict:
    inputs = ports.of_project(directory).random_inputs(samples, seed=3)
    path = directory / "model.tflite"
    judges = intermediates.exact(path), intermediates.without_rounding(path)
    return layers.compare(directory, inputs, *judges)


def validate(*arguments):
    done = CliRunner().invoke(cli, ["validate", *(str(a) for a in arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_every_layer_is_traced_and_equal(exported: Path) -> None:
    found = compared(exported)
    rows = found["layers"]
    operators = [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "ADD",
        "AVERAGE_POOL_2D",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]
    assert [row["operator"] for row in rows] == operators
    assert [row["bytes_compared"] for row in rows] == [5120, 5120, 5120, 80, 100, 100]
    assert found["first_mismatch"] is None
    assert not any(row["bytes_different"] for row in rows)
    assert min(row["sqnr_db"] for row in rows) == rows[found["worst"]]["sqnr_db"]
    assert [row["sqnr_note"] for row in rows] == [""] * 6


def test_traced_values_are_those_of_the_reference(exported: Path) -> None:
    graph, model = tflite_reader.read(MODEL), TracedModel(exported)
    for sample in model.ports.random_inputs(5, seed=4)[0]:
        right = reference.run(graph, [sample[np.newaxis]])
        for layer, value in zip(model.layers, model.trace([sample])):
            np.testing.assert_array_equal(value, right[layer.tensor], err_msg=layer.name)
    assert len({layer.tensor for layer in model.layers}) == 6


def test_the_firmware_is_the_same_without_the_hook(exported: Path, tmp_path: Path) -> None:
    """Not compiled in, the trace leaves no byte behind."""
    source = exported / "model.c"
    text = source.read_text()
    bare = re.sub(
        r"#ifdef SMALL_TRACE\n.*?#endif\n\n|    TRACE\(\d+\);\n", "", text, flags=re.DOTALL
    )
    assert text.count("TRACE(") == 2 + 6
    assert "TRACE" not in bare
    made = []
    for content in (text, bare):
        source.write_text(content)
        command = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-O2", "-I.", "-Ikernels"]
        subprocess.run([*command, "-c", "model.c", "-o", "m.o"], cwd=exported, check=True)
        made.append((exported / "m.o").read_bytes())
    assert made[0] == made[1]


def with_wrong_weight(directory: Path, node: str) -> None:
    """Change the first weight of a node in the exported C, of which general kernels keep the order."""
    source = directory / "weights.c"
    array = re.compile(rf"(const int8_t \w*_{node}_weights\[\d+\] = \{{\s*)(-?\d+)")
    text, count = array.subn(lambda m: m[1] + str(int(m[2]) ^ 64), source.read_text())
    assert count == 1
    source.write_text(text)


def test_a_planted_error_is_found_where_it_is(tmp_path: Path) -> None:
    exported = export(MODEL, tmp_path / "project", options=Options(library=GENERAL))
    with_wrong_weight(exported, "01_depthwise_conv_2d")
    with pytest.raises(CheckFailed) as caught:
        validate(exported, "--layers", "--emulator", "host", "--samples", 8)
    assert re.search(
        r"first layer that differs is node 1 DEPTHWISE_CONV_2D 't6': [\d,]+ of 4,096 bytes, "
        "first in sample 0",
        str(caught.value),
    ), caught.value
    with pytest.raises(
        CheckFailed, match=r"output bytes differ from TFLM.*first layer.*is node 1 "
    ):
        validate(exported, "--emulator", "host")
    rows = compared(exported)["layers"]
    assert rows[0]["bytes_different"] == 0
    assert all(row["bytes_different"] for row in rows[1:3])


def test_an_error_that_no_output_shows_is_found(tmp_path: Path) -> None:
    """The convolution's wrong values all end below the RELU6's floor, so the outputs are right."""

    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 4, 4, 2), scale=0.05, zero_point=0)
        seen, shape = mb.convolution(m, rng, source, (1, 4, 4, 2), 3, zero_point=3)
        output = m.tensor(shape, scale=6 / 255, zero_point=-128)
        m.node("RELU", [seen], output)
        negative = m.tensor(shape, scale=6 / 255, zero_point=-128)
        smallest = m.tensor((1,), scale=6 / 255, zero_point=-128, data=np.array([-128]))
        m.node("MINIMUM", [output, smallest], negative)
        return source, negative

    check(tmp_path, build, seed=1, constant=True)
    model, general = tmp_path / "model.tflite", Options(library=GENERAL)
    directory = export(model, tmp_path / "wrong", options=general)
    with_wrong_weight(directory, "00_conv_2d")
    with pytest.raises(CheckFailed, match=r"wrong: the first layer that differs is node 0 CONV_2D"):
        validate(directory, "--layers", "--emulator", "host")


def test_table_and_json(exported: Path, tmp_path: Path) -> None:
    output = tmp_path / "verdict.json"
    done = validate(exported, "--layers", "--emulator", "host", "-o", output)
    assert "equal to TFLM" in done.stdout
    assert re.search(r"worst: \d+\.\d dB after node \d ", done.stdout)
    assert "the inputs are random" in done.stdout
    stored = json.loads(output.read_text())["layers"]
    assert stored["samples"] == 16
    assert [row["node"] for row in stored["layers"]] == [0, 1, 2, 3, 5, 6]
    without = validate(exported, "--emulator", "host", "--json")
    assert json.loads(without.stdout)["layers"] is None


def test_channels_that_export_removed_are_left_out(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 6, 6, 3), scale=0.05, zero_point=-1)
        options = {"activation": "RELU", "zero_point": -128, "padding": "VALID"}
        seen, shape = mb.convolution(m, rng, source, (1, 6, 6, 3), 12, dead=4, **options)
        return source, mb.convolution(m, rng, seen, shape, 4, input_scale=0.1, padding="VALID")[0]

    directory = check(tmp_path, build, seed=5)
    found = compared(directory)["layers"]
    assert found[0]["shape"] == (1, 4, 4, 8)
    assert found[0]["bytes_compared"] == 10 * 4 * 4 * 8
    assert [row["bytes_different"] for row in found] == [0, 0]
    assert found[0]["sqnr_db"] is not None
    whole = export(tmp_path / "model.tflite", tmp_path / "w", disabled=["remove-constant-channels"])
    assert compared(whole)["layers"][0]["bytes_compared"] == 10 * 4 * 4 * 12


def test_state_goes_on_from_sample_to_sample(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 8), "int8", 0.05, -3)
        state = m.variable((1, 40), "int8", 0.2, 7)
        inputs = [
            source,
            m.tensor((4, 8), scale=0.01, data=rng.integers(-127, 128, (4, 8))),
            m.tensor((4, 10), "int8", 0.01, data=rng.integers(-127, 128, (4, 10))),
            m.tensor((4,), "int32", 0.002, data=rng.integers(-500, 500, 4)),
            state,
        ]
        output = m.tensor((1, 4), "int8", 0.8, 2)
        kind = {"kind": "SVDFOptions", "rank": 1, "fusedActivationFunction": 0}
        return source, m.node("SVDF", inputs, output, **kind)

    found = compared(check(tmp_path, build, seed=2))
    assert found["first_mismatch"] is None
    assert found["layers"][0]["sqnr_db"] > 10


def test_what_has_no_float_counterpart_says_so(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 9), scale=0.05, zero_point=4)
        logits = mb.dense(m, rng, source, 9, 6, input_scale=0.05)
        output = m.tensor((1,), "int32")
        axis = m.tensor((1,), "int32", data=np.array([1]))
        m.node("ARG_MAX", [logits, axis], output, kind="ArgMaxOptions", outputType=2)
        return source, output

    rows = compared(check(tmp_path, build, seed=1))["layers"]
    assert rows[0]["sqnr_db"] > 10
    assert (rows[1]["sqnr_db"], rows[1]["sqnr_note"]) == (None, "not real numbers")
    assert [row["bytes_different"] for row in rows] == [0, 0]


def test_an_operator_on_raw_integers_leaves_no_float_model(tmp_path: Path) -> None:
    def build(m: mb.ModelBuilder, rng: np.random.Generator) -> tuple[int, int]:
        source = m.tensor((1, 9), scale=0.05, zero_point=4)
        output = m.tensor((1, 9), "int32")
        options = {"inDataType": 9, "outDataType": 2}
        return source, m.node("CAST", [source], output, kind="CastOptions", **options)

    found = compared(check(tmp_path, build, seed=1))
    assert found["worst"] is None
    assert found["first_mismatch"] is None


@pytest.mark.parametrize("depthwise", [False, True])
def test_dequantized_is_the_arithmetic_without_rounding(tmp_path: Path, depthwise: bool) -> None:
    """A 1x1 convolution with a scale a channel, then QUANTIZE to another scale, by hand."""
    m, rng = mb.ModelBuilder(), np.random.default_rng(7)
    source = m.tensor((1, 2, 2, 3), scale=0.5, zero_point=5)
    weights_shape = (1, 1, 1, 3) if depthwise else (3, 1, 1, 3)
    scales, raw = [0.25, 0.5, 2.0], rng.integers(-127, 128, weights_shape)
    axis = 3 if depthwise else 0
    weights = m.tensor(weights_shape, scale=scales, data=raw, axis=axis)
    biases = rng.integers(-100, 100, 3)
    bias = m.tensor((3,), "int32", [s * 0.5 for s in scales], data=biases)
    sums = m.tensor((1, 2, 2, 3), scale=40.0, zero_point=-9)
    kind = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    options = {"kind": kind, "strideH": 1, "strideW": 1, "fusedActivationFunction": 0}
    options |= {"depthMultiplier": 1} if depthwise else {}
    operator = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    m.node(operator, [source, weights, bias], sums, **options, padding=1)
    output = m.tensor((1, 2, 2, 3), scale=50.0, zero_point=3)
    m.node("QUANTIZE", [sums], output, kind="QuantizeOptions")
    path = m.save(tmp_path / "m.tflite", [source], [output])
    model = Tflm(path, dequantized(path.read_bytes()), keep=True)
    x = rng.normal(size=(1, 2, 2, 3)).astype(np.float32)
    found = model.invoke([x])[0]
    if depthwise:
        expected = x * (raw[0, 0, 0] * scales)
    else:
        expected = x @ (raw[:, 0, 0] * np.array(scales)[:, np.newaxis]).T
    np.testing.assert_allclose(found, expected + biases * 0.5 * np.array(scales), rtol=1e-5)
    np.testing.assert_array_equal(model.tensor(sums), found)


def test_float_models_that_do_not_fit(exported: Path, tmp_path: Path) -> None:
    wider = mb.ModelBuilder()
    source = wider.tensor((1, 9), "float32")
    wider.node("RELU", [source], other := wider.tensor((1, 9), "float32"))
    wide = wider.save(tmp_path / "wide.tflite", [source], [other])
    same = mb.ModelBuilder()
    source = same.tensor((1, 8, 8, 1), "float32", name="image")
    same.node("RELU", [source], other := same.tensor((1, 8, 8, 1), "float32", name="nothing"))
    nameless = same.save(tmp_path / "nameless.tflite", [source], [other])
    for given, message in [
        (wide, r"takes float32 \(1, 9\), the quantized model int8 \(1, 8, 8, 1\)"),
        (MODEL, "takes int8"),
        (nameless, "shares no tensor's name"),
        (tmp_path / "none.tflite", "No such file"),
        (tmp_path / "none.keras", "no such"),
    ]:
        with pytest.raises(InputError, match=message):
            validate(exported, "--layers", "--float", given, "--emulator", "host")
    with pytest.raises(InputError, match="--float: is for comparing layers"):
        validate(exported, "--float", wide, "--emulator", "host")


def test_a_float_tflite_is_matched_by_names(exported: Path, tmp_path: Path) -> None:
    twin = tmp_path / "float.tflite"
    twin.write_bytes(dequantized(MODEL.read_bytes()))
    done = validate(exported, "--layers", "--float", twin, "--emulator", "host", "--json")
    rows = json.loads(done.stdout)["layers"]["layers"]
    own = json.loads(validate(exported, "--layers", "--emulator", "host", "--json").stdout)
    assert rows == own["layers"]["layers"]
    assert all(row["sqnr_db"] is not None for row in rows)


def test_without_tflm_the_reference_judges(exported: Path, monkeypatch) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tflite_micro" else find(name)
    )
    done = validate(exported, "--layers", "--emulator", "host", "--json")
    found = json.loads(done.stdout)["layers"]
    assert found["first_mismatch"] is None
    assert {row["sqnr_note"] for row in found["layers"]} == {"needs tflite-micro"}


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0plus"])
def test_layers_come_from_the_device(tmp_path: Path, core: str) -> None:
    """The firmware computes something else than the host's C does; only its own layers show it."""
    target = targets.find(core)
    general = Options(target.processor, library=GENERAL)
    directory = export(MODEL, tmp_path / "project", target, options=general)
    done = validate(directory, "--layers", "--emulator", "qemu", "--samples", 3, "--json")
    found = json.loads(done.stdout)["layers"]
    assert (found["emulator"], found["first_mismatch"]) == ("qemu", None)
    rows = found["layers"]
    assert [row["bytes_compared"] for row in rows] == [3 * n for n in (512, 512, 512, 8, 10, 10)]
    source = directory / "model.c"
    text = source.read_text()
    place = layers.trace.layers(directory)[1].offset
    wrong = f"#if defined(__arm__)\n    arena.bytes[{place}] ^= 1;\n#endif\n"
    source.write_text(text.replace("    TRACE(1);\n", f"{wrong}    TRACE(1);\n"))
    assert compared(directory, samples=3)["first_mismatch"] is None
    with pytest.raises(CheckFailed, match="first layer that differs is node 1 DEPTHWISE_CONV_2D"):
        validate(directory, "--layers", "--emulator", "qemu", "--samples", 3)
