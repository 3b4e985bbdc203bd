"""The exported C as a Python object."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import model_builder as mb
import numpy as np
import pytest

import tinyml
from tinyml import targets
from tinyml.codegen import program, project
from tinyml.emulate.ports import Port
from tinyml.errors import InputError
from tinyml.quantize.tflm import Tflm

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    compiled = program.compile_model(MODEL)
    project.write(directory, compiled, targets.find("cortex-m4"), MODEL, "0" * 64, "small")
    return directory


def batch(count: int) -> np.ndarray:
    return np.random.default_rng(5).integers(-128, 128, (count, 8, 8, 1)).astype(np.int8)


def test_floats_and_integers(exported: Path) -> None:
    model = tinyml.HostModel(exported)
    inputs = batch(20)
    expected = Tflm(MODEL).predict(inputs)
    np.testing.assert_array_equal(model.predict(inputs), expected)
    real = (inputs.astype(np.float32) + 128) * np.float32(0.05)
    probabilities = model.predict(real)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, (expected.astype(np.float32) + 128) / 256)


def test_wrong_batches(exported: Path) -> None:
    model = tinyml.HostModel(exported)
    for wrong in (np.zeros((2, 8, 8), np.int8), np.zeros((2, 8, 8, 1), np.int32)):
        with pytest.raises(InputError, match=r"takes int8 or float of shape \(N, 8, 8, 1\)"):
            model.predict(wrong)


def test_not_a_project(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not an exported project"):
        tinyml.HostModel(tmp_path)


def test_models_do_not_share_an_arena(exported: Path) -> None:
    """Two models in two threads at once, and one model from two threads, stay right."""
    models = [tinyml.HostModel(exported), tinyml.HostModel(exported)]
    inputs = [batch(300), batch(300)[::-1]]
    expected = [Tflm(MODEL).predict(x) for x in inputs]
    wrong: list[int] = []

    def work(which: int, model: tinyml.HostModel) -> None:
        if not np.array_equal(model.predict(inputs[which]), expected[which]):
            wrong.append(which)

    threads = [threading.Thread(target=work, args=(i, m)) for i in (0, 1) for m in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_floats_for_an_int16_model(tmp_path: Path) -> None:
    m = mb.ModelBuilder()
    source = m.tensor((1, 9), "int16", scale=0.001)
    output = m.tensor((1, 9), "int16", scale=1 / 32768)
    m.node("TANH", [source], output)
    path = m.save(tmp_path / "tanh.tflite", [source], [output])
    directory = tmp_path / "project"
    directory.mkdir()
    compiled = program.compile_model(path)
    project.write(directory, compiled, targets.find("cortex-m4"), path, "0" * 64, "tanh")
    real = np.linspace(-3, 3, 9, dtype=np.float32)[np.newaxis]
    found = tinyml.HostModel(directory).predict(real)
    np.testing.assert_allclose(found, np.tanh(real), atol=2e-3)


def test_other_threads_run_during_an_inference(tmp_path: Path) -> None:
    """A thread that notes the time goes on while a single, long inference runs: the GIL is free."""
    m = mb.ModelBuilder()
    shape = (1, 64, 64, 48)
    source = m.tensor(shape, scale=0.05, zero_point=3)
    output, _ = mb.convolution(m, np.random.default_rng(1), source, shape, 64)
    path = m.save(tmp_path / "heavy.tflite", [source], [output])
    directory = tmp_path / "project"
    directory.mkdir()
    compiled = program.compile_model(path)
    project.write(directory, compiled, targets.find("cortex-m4"), path, "0" * 64, "heavy")
    model, batch = tinyml.HostModel(directory), np.zeros((1, *shape[1:]), np.int8)
    times, done = [], threading.Event()

    def note() -> None:
        while not done.is_set():
            times.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=note)
    thread.start()
    begin = time.perf_counter()
    model.predict(batch)
    end = time.perf_counter()
    done.set()
    thread.join()
    pauses = np.diff([begin, *(t for t in times if begin < t < end), end])
    assert pauses.max() < (end - begin) / 2


def test_a_thousand_samples_take_seconds(exported: Path) -> None:
    model, inputs = tinyml.HostModel(exported), batch(1000)
    begin = time.perf_counter()
    model.predict(inputs)
    assert time.perf_counter() - begin < 5


def test_classes_of_an_output() -> None:
    def port(dtype: str, scale: float | None, zero_point: int | None) -> Port:
        return Port("out", "out", (1, 1), dtype, scale, zero_point)

    argmax = port("int32", None, None)
    assert argmax.classes(np.array([[3], [0]], np.int32)).tolist() == [3, 0]
    logistic = port("int8", 1 / 256, -128)
    assert logistic.classes(np.array([[-1], [1]], np.int8)).tolist() == [0, 1]
    logit = port("int8", 0.1, 5)
    assert logit.classes(np.array([[4], [6]], np.int8)).tolist() == [0, 1]
