"""A flatbuffer is checked before it is believed: bad files end in one clear error."""

from __future__ import annotations

from pathlib import Path

import model_builder as mb
import numpy as np
import pytest

from tinyml.codegen import program
from tinyml.errors import InputError
from tinyml.graph import tflite_reader

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"


def test_committed_model_is_what_the_builder_makes() -> None:
    assert MODEL.read_bytes() == mb.small_network()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such model file"):
        tflite_reader.read(tmp_path / "none.tflite")


def test_not_a_model(tmp_path: Path) -> None:
    path = tmp_path / "text.tflite"
    path.write_text("this is not a model at all")
    with pytest.raises(InputError, match="TFL3"):
        tflite_reader.read(path)


@pytest.mark.parametrize("length", [0, 7, 8, 20, 100, 1000, 2800])
def test_truncated(tmp_path: Path, length: int) -> None:
    content = MODEL.read_bytes()
    assert length < len(content)
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[:length])
    with pytest.raises(InputError):
        program.compile_model(path)


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes flipped, overwritten with wild words, or cut off."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 6))):
        place = int(rng.integers(0, len(data) - 4))
        kind = rng.integers(0, 3)
        if kind == 0:
            data[place] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            wild = rng.choice([0, 0xFF, 0x7F, 0x80])
            data[place : place + 4] = bytes([int(wild)] * 4)
        else:
            data[place : place + 4] = rng.bytes(4)
    if rng.integers(0, 5) == 0:
        del data[int(rng.integers(8, len(data))) :]
    return bytes(data)


@pytest.mark.parametrize("block", range(8))
def test_mutated_files_never_crash(tmp_path: Path, block: int) -> None:
    """400 files in all; a mutant either compiles (a weight changed) or is refused with a reason."""
    content = MODEL.read_bytes()
    path = tmp_path / "mutant.tflite"
    refused = []
    for number in range(50):
        rng = np.random.default_rng([block, number])
        path.write_bytes(mutate(content, rng))
        try:
            program.compile_model(path)
        except InputError as error:
            refused.append(str(error))
    assert len(refused) > 5
    assert not any("\n" in line for line in refused)


def test_float_model_is_told_how_to_quantize(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    a = m.tensor((1, 4), "float32")
    b = m.tensor((1, 4), "float32")
    m.node("SOFTMAX", [a], b, kind="SoftmaxOptions", beta=1.0)
    path = m.save(tmp_path / "float.tflite", [a], [b])
    with pytest.raises(InputError, match=r"node 0 SOFTMAX.*float32.*tinyml quantize"):
        program.compile_model(path)


def test_unsupported_operator_names_node_and_operators(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    a = m.tensor((1, 4), scale=0.1)
    b = m.tensor((1, 4), scale=0.1)
    m.node("COS", [a], b, kind="CosOptions")
    path = m.save(tmp_path / "cos.tflite", [a], [b])
    with pytest.raises(InputError, match=r"node 0 COS .*not supported.*CONV_2D"):
        program.compile_model(path)


def test_a_dilation_taken_out_of_its_convolution_is_told_how_to_stay(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    a, b = m.tensor((1, 4, 4, 1), scale=0.1), m.tensor((4, 2, 2, 1), scale=0.1)
    block = m.tensor((2,), "int32", data=np.array([2, 2]))
    border = m.tensor((2, 2), "int32", data=np.zeros(4))
    m.node("SPACE_TO_BATCH_ND", [a, block, border], b)
    path = m.save(tmp_path / "dilated.tflite", [a], [b])
    with pytest.raises(InputError, match="not supported; convert with a fixed batch size of 1"):
        program.compile_model(path)


def test_custom_operator_is_named_whatever_it_reads(tmp_path: Path) -> None:
    """Ethos-U's reads scratch memory, which no node computes."""
    m = mb.ModelBuilder()
    a, scratch = m.tensor((1, 4), scale=0.1), m.tensor((64,), "uint8")
    b = m.node("CUSTOM", [a, scratch], m.tensor((1, 4), scale=0.1))
    m._model.operatorCodes[0].customCode = "ethos-u"
    path = m.save(tmp_path / "vela.tflite", [a], [b])
    with pytest.raises(InputError, match=r"node 0 CUSTOM ethos-u .*not supported"):
        program.compile_model(path)


def test_wrong_output_shape_is_refused(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    a = m.tensor((1, 4), scale=0.1)
    b = m.tensor((1, 5), scale=1 / 256, zero_point=-128)
    m.node("SOFTMAX", [a], b, kind="SoftmaxOptions", beta=1.0)
    path = m.save(tmp_path / "shape.tflite", [a], [b])
    with pytest.raises(InputError, match=r"output shapes follow from the inputs, 1x4; found 1x5"):
        program.compile_model(path)


def test_every_rule_has_a_remedy() -> None:
    from tinyml import ops
    from tinyml.ops.base import rule_text

    rules = {rule for operator in ops.registry().values() for rule in operator.rules}
    assert len(rules) > 10
    for rule in rules:
        stated, remedy = rule_text(rule)
        assert stated, rule
        assert remedy, rule
