"""Bad input ends in one line that names file, rule and remedy, with exit code 2, and leaves nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

MODEL = Path(__file__).parent.parent / "models" / "small.tflite"


def tinyml(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tinyml", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=120
    )


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("tinyml: ")
    for text in said:
        assert text in lines[0]


def test_missing_model(tmp_path: Path) -> None:
    done = tinyml("export", tmp_path / "no.tflite", "--target", "cortex-m4", "-o", tmp_path / "out")
    refused(done, "no.tflite", "no such model file", "check the path")
    assert list(tmp_path.iterdir()) == []


def test_truncated_model(tmp_path: Path) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(MODEL.read_bytes()[:1500])
    done = tinyml("export", path, "--target", "cortex-m4", "-o", tmp_path / "out")
    refused(done, "cut.tflite", "malformed")
    assert [item.name for item in tmp_path.iterdir()] == ["cut.tflite"]


@pytest.mark.parametrize("command", ["inspect", "bench", "validate"])
def test_missing_model_everywhere(tmp_path: Path, command: str) -> None:
    refused(tinyml(command, tmp_path / "no.tflite"), "no.tflite", "no such model file")


def test_missing_cmsis_nn_says_where_to_get_it(tmp_path: Path) -> None:
    arguments = ("export", MODEL, "--target", "cortex-m4", "--kernels", "cmsis-nn")
    nowhere = {"CMSIS_NN_PATH": "", "CMSIS_PACK_ROOT": ""}
    done = tinyml(*arguments, "-o", tmp_path / "out", **nowhere)
    refused(done, "CMSIS-NN: not found", "git clone", "ARM-software/CMSIS-NN", "--cmsis-nn")
    done = tinyml(*arguments, "--cmsis-nn", tmp_path, "-o", tmp_path / "out", **nowhere)
    refused(done, "--cmsis-nn", "holds no CMSIS-NN")
    assert list(tmp_path.iterdir()) == []


def test_unknown_target_lists_the_known_ones(tmp_path: Path) -> None:
    done = tinyml("export", MODEL, "--target", "z80", "-o", tmp_path / "out")
    refused(done, "z80", "unknown target", "cortex-m4", "mps2-an386")


def test_prefix_must_be_an_identifier(tmp_path: Path) -> None:
    arguments = ("--target", "cortex-m4", "--prefix", "my-model", "-o", tmp_path / "out")
    refused(tinyml("export", MODEL, *arguments), "my-model", "my_model")


def test_existing_output_is_refused_and_replaced_whole(tmp_path: Path) -> None:
    output = tmp_path / "project"
    arguments = ("export", MODEL, "--target", "cortex-m4", "-o", output)
    assert tinyml(*arguments).returncode == 0
    refused(tinyml(*arguments), "project", "exists already", "--force")
    (output / "stale.c").write_text("int stale;")
    assert tinyml(*arguments, "--force").returncode == 0
    assert not (output / "stale.c").exists()
    assert (output / "run.json").exists()
    assert [item.name for item in tmp_path.iterdir()] == ["project"]


def test_force_does_not_delete_what_tinyml_did_not_write(tmp_path: Path) -> None:
    output = tmp_path / "precious"
    output.mkdir()
    (output / "thesis.txt").write_text("years of work")
    done = tinyml("export", MODEL, "--target", "cortex-m4", "-o", output, "--force")
    refused(done, "precious", "--force will not delete it")
    assert (output / "thesis.txt").read_text() == "years of work"


def test_output_without_a_parent(tmp_path: Path) -> None:
    done = tinyml("export", MODEL, "--target", "cortex-m4", "-o", tmp_path / "a" / "b")
    refused(done, "parent directory does not exist", "mkdir -p")


def test_no_compiler(tmp_path: Path) -> None:
    refused(tinyml("validate", MODEL, PATH=str(tmp_path)), "not found on PATH", "apt-get install")


def test_no_emulator(tmp_path: Path) -> None:
    for name in ("arm-none-eabi-gcc", "make"):
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    refused(tinyml("validate", MODEL, PATH=str(tmp_path)), "qemu-system-arm", "apt-get install")


def digits_like(**changes: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (40, 8, 8)).astype(np.uint8),
        "y_train": np.arange(40) % 10,
        "x_test": rng.integers(0, 256, (20, 8, 8)).astype(np.uint8),
        "y_test": np.arange(20) % 10,
    }
    return {**arrays, **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"x_test": np.zeros((20, 9, 9), np.uint8)}, ("shape", "(20, 9, 9, 1)")),
        ({"x_test": np.zeros((20, 64), np.uint8)}, ("x_test", "shape (20, 64)")),
        ({"y_test": np.arange(20) - 5}, ("y_test", "labels out of range")),
        ({"y_test": np.arange(21) % 10}, ("y_test", "one label a sample")),
        ({"x_test": np.full((20, 8, 8), np.nan, np.float32)}, ("x_test", "not finite")),
    ],
)
def test_data_that_does_not_fit(
    tmp_path: Path, changes: dict[str, np.ndarray], said: tuple[str, ...]
) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, **digits_like(**changes))
    refused(tinyml("validate", MODEL, "--emulator", "host", "--data", path), *said)


@pytest.mark.slow
def test_labels_beyond_the_training_classes(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, **digits_like(y_test=np.arange(20)))
    output = tmp_path / "teacher.keras"
    done = tinyml("train", "--data", path, "--epochs", 1, "-o", output)
    refused(done, "labels out of range", "test label 19", "go to 9")


def test_unknown_data_set(tmp_path: Path) -> None:
    refused(tinyml("validate", MODEL, "--data", "cifar11"), "cifar11", "digits")


def test_more_samples_than_there_are() -> None:
    done = tinyml("validate", MODEL, "--emulator", "host", "--data", "digits", "--samples", 361)
    refused(done, "--samples 361", "360")


def test_validate_says_no_with_exit_code_1(tmp_path: Path) -> None:
    project = tmp_path / "project"
    tinyml("export", MODEL, "--target", "cortex-m4", "-o", project)
    source = project / "model.c"
    source.write_text(
        source.read_text().replace(".activation_max = 127", ".activation_max = 20", 1)
    )
    done = tinyml("validate", project, "--json", "--samples", "20")
    assert done.returncode == 1
    assert json.loads(done.stdout)["exact"] is False
    assert len(done.stderr.splitlines()) == 1
    assert "output bytes differ from TFLM, first in sample" in done.stderr


def test_json_is_all_of_stdout() -> None:
    done = tinyml("validate", MODEL, "--emulator", "host", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["exact"] is True
    assert done.stderr == ""


def interrupt(how: signal.Signals, output: Path, *arguments: object) -> str:
    """A signal while the output is being made, when its temporary place is there; what is said then."""
    output.parent.mkdir()
    command = [sys.executable, "-m", "tinyml", *map(str, arguments), "-o", str(output)]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(output.parent.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.send_signal(how)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    return said


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_step_leaves_nothing(tmp_path: Path, how: signal.Signals) -> None:
    teacher, output = tmp_path / "teacher.keras", tmp_path / "out" / "model.tflite"
    made = ("--data", "digits", "--model", "resnet-4-4", "--steps", "1")
    assert tinyml("train", *made, "-o", teacher).returncode == 0
    interrupt(how, output, "quantize", teacher, "--calibration", "digits")
    assert list(output.parent.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_leaves_what_it_goes_on_with(
    tmp_path: Path, how: signal.Signals
) -> None:
    output = tmp_path / "out" / "teacher.keras"
    said = interrupt(how, output, "train", "--data", "digits")
    assert "run the same command again to go on" in said
    assert [path.name for path in output.parent.iterdir()] == [".teacher.keras.partial"]


@pytest.mark.parametrize(
    ("option", "said"),
    [("--ram", "the arena takes"), ("--flash", "weights take")],
)
def test_a_budget_that_is_too_small(tmp_path: Path, option: str, said: str) -> None:
    out = tmp_path / "out"
    done = tinyml("export", MODEL, "--target", "cortex-m4", option, "100", "-o", out)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert f"{option} 100" in lines[0]
    assert said in lines[0]
    assert "node" in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_a_budget_that_is_no_number(tmp_path: Path) -> None:
    done = tinyml("export", MODEL, "--target", "cortex-m4", "--ram", "lots", "-o", tmp_path / "out")
    refused(done, "--ram", "'lots'", "64K")
