"""`tinyml federate` from the command line, and what is left when it is killed."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from click.testing import CliRunner

from tinyml import console, dreams, run
from tinyml.cli.federate import command
from tinyml.errors import CheckFailed, InputError
from tinyml.models import files

pytestmark = pytest.mark.slow  # TensorFlow trains in every test

FEW = ("--data", "digits", "--clients", 3, "--rounds", 2, "--batch-size", 64)


@pytest.fixture(autouse=True)
def _fresh_console():
    yield
    console.configure(verbose=False, as_json=False)


def invoke(*arguments):
    return CliRunner().invoke(command, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def dreamt(tmp_path_factory, digits):
    directory = tmp_path_factory.mktemp("dreams")
    x, y = digits.train.x[:200], digits.train.y[:200]
    dreams.write_shard(directory, 0, dreams.Dreams(x, y, np.eye(10, dtype=np.float32)[y]))
    return directory


@pytest.fixture(scope="module")
def finished(tmp_path_factory, start, dreamt):
    """A run with a shared set of dreams, and what it printed."""
    output = tmp_path_factory.mktemp("run") / "RUN"
    share = ("--share", 0.1, "--share-source", f"dreams:{dreamt}", "--warm-up", 1)
    result = invoke("--model", start, *FEW, *share, "--evaluate-every", 2, "-o", output, "--json")
    console.configure(verbose=False, as_json=False)
    assert result.exit_code == 0, result.exception
    return output, json.loads(result.stdout), share


def test_writes_everything(finished):
    output, shown, _ = finished
    assert sorted(p.name for p in output.iterdir()) == [
        "accuracy.png",
        "history.jsonl",
        "labels.png",
        "model.keras",
        "partition.json",
        "run.json",
    ]
    record = run.read_record(output)
    assert {**record["metrics"], "output": str(output)} == shown
    assert set(record["inputs"]) == {"model", "dreams"}
    assert record["settings"]["partition"] == "iid"
    assert (shown["rounds"], shown["clients"], shown["shared_samples"]) == (2, 3, 126)
    assert 0 < shown["emd_mean"] < 0.3
    assert [p.name for p in output.parent.iterdir()] == ["RUN"]
    for picture in output.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_leaves_no_worker(finished):
    alive = [child.name() for child in psutil.Process().children(recursive=True)]
    assert not [name for name in alive if name.startswith("worker_binary")]


def test_history_has_a_line_a_round(finished):
    output, shown, _ = finished
    lines = [json.loads(line) for line in (output / "history.jsonl").read_text().splitlines()]
    assert [line["round"] for line in lines] == [0, 1, 2]
    for part in ("test", "train"):
        for kind in ("accuracy", "loss"):
            known = [line[f"{part}_{kind}"] is not None for line in lines]
            assert known == [True, False, True]
    assert lines[-1]["test_accuracy"] == shown["accuracy_after"]
    model = files.load(output / "model.keras")
    assert {line["bytes_up"] for line in lines[1:]} == {4 * model.count_params()}
    assert lines[0]["bytes_down"] == shown["shared_samples_per_client"] * (64 * 4 + 8)
    assert all(line["client_loss"] > 0 for line in lines[1:])
    assert all(0 < line["client_accuracy"] <= 1 for line in lines[1:])
    assert [line["clients"] for line in lines] == [[], [0, 1, 2], [0, 1, 2]]
    assert [line["learning_rate"] for line in lines] == [None, 0.01, 0.01]


def test_the_model_is_folded_and_has_moved(finished, start, digits):
    output, shown, _ = finished
    model = files.load(output / "model.keras")
    assert "BatchNormalization" not in {type(layer).__name__ for layer in model.layers}
    answers = model.predict(digits.test.x, verbose=0)
    assert np.mean(answers.argmax(1) == digits.test.y) == pytest.approx(shown["accuracy_after"])
    assert not np.allclose(answers, files.load(start).predict(digits.test.x, verbose=0), atol=1e-3)


def test_same_seed_same_bytes(finished, start, tmp_path):
    output, _, share = finished
    arguments = ("--model", start, *FEW, *share)
    assert invoke(*arguments, "-o", tmp_path / "again").exit_code == 0
    assert invoke(*arguments, "-o", tmp_path / "other", "--seed", 1).exit_code == 0
    first = (output / "model.keras").read_bytes()
    assert (tmp_path / "again" / "model.keras").read_bytes() == first
    assert (tmp_path / "other" / "model.keras").read_bytes() != first


def test_a_broken_round_writes_no_model(start, tmp_path):
    result = invoke("--model", start, *FEW, "--learning-rate", 1e30, "-o", tmp_path / "RUN")
    assert isinstance(result.exception, CheckFailed)
    assert "round 1: training was no longer finite on 1257 of 1257 samples" in str(result.exception)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (("--partition", "sorted"), "no partition 'sorted'; give one of dirichlet"),
        (("--strategy", "fedfoo"), "no strategy 'fedfoo'; give one of fedadam, fedavg"),
        (("--divergence", "--dropout", 0.1), "equal work"),
        (("--share-source", "mine"), "give real or dreams:DIR"),
        (("--share", 0.1, "--share-source", "dreams:none"), "no such file"),
        (("--data", "none.npz"), "no such file"),
        (("--data", "nothing"), "not a data set"),
        (("--clients", 2000), "2000 clients for 1257 samples"),
    ],
)
def test_refuses_bad_input_and_leaves_nothing(start, tmp_path, changed, message):
    result = invoke("--model", start, *FEW, *changed, "-o", tmp_path / "RUN")
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_refuses_data_that_the_model_was_not_made_for(start, tmp_path):
    path = tmp_path / "few.npz"
    x, y = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    result = invoke("--model", start, *FEW, "--data", path, "-o", tmp_path / "RUN")
    assert "few: has 2 classes" in str(result.exception)
    np.savez(path, x_train=x[:, :5], y_train=y, x_test=x[:, :5], y_test=y)
    result = invoke("--model", start, *FEW, "--data", path, "-o", tmp_path / "RUN")
    assert "samples have shape (5, 8, 1)" in str(result.exception)


def tinyml(*arguments):
    code = "from tinyml.cli import main; main()"
    return [sys.executable, "-c", code, "federate", *(str(a) for a in arguments)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_leaves_no_worker(start, tmp_path, number):
    arguments = ("--model", start, *FEW, "--rounds", 10000, "-o", tmp_path / "RUN")
    running = subprocess.Popen(tinyml(*arguments), stderr=subprocess.PIPE, text=True)
    give_up = time.monotonic() + 90
    while not _in_rounds(tmp_path) and time.monotonic() < give_up:
        assert running.poll() is None
        time.sleep(0.1)
    children = psutil.Process(running.pid).children(recursive=True)
    assert any(child.name().startswith("worker_binary") for child in children)
    running.send_signal(number)
    _, errors = running.communicate(timeout=30)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert [p.name for p in tmp_path.iterdir()] == [".RUN.partial"]
    if number != signal.SIGKILL:
        assert running.returncode == 130
        assert errors.startswith("tinyml: interrupted; run the same command again to go on")
        assert errors.count("\n") == 1


def _in_rounds(directory, lines=2):
    """True when the run under way has written so many rounds, round 0 included."""
    return any(path.read_text().count("\n") >= lines for path in directory.rglob("history.jsonl"))


def killed_after(directory, lines, arguments):
    """Start a run; kill -9 it when its history has so many lines."""
    running = subprocess.Popen(tinyml(*arguments))
    give_up = time.monotonic() + 300
    while not _in_rounds(directory, lines) and time.monotonic() < give_up:
        assert running.poll() is None
        time.sleep(0.01)
    running.kill()
    running.wait()


def told(output):
    """The history without seconds, which no run can repeat."""
    lines = [json.loads(line) for line in (output / "history.jsonl").read_text().splitlines()]
    assert all(line.pop("seconds") >= 0 for line in lines)
    return lines


@pytest.mark.parametrize(
    "settings",
    [
        ("--strategy", "scaffold", "--divergence", "--share", 0.05, "--warm-up", 1),
        ("--strategy", "fedadam", "--sample-clients", 0.67, "--dropout", 0.4, "--lr-decay", 0.9),
    ],
)
def test_killed_at_any_time_it_ends_with_the_same_bytes(start, tmp_path, settings):
    arguments = ("--model", start, *FEW, "--rounds", 6, "--lr", 0.05, *settings)
    whole, killed = tmp_path / "whole", tmp_path / "place" / "killed"
    assert invoke(*arguments, "-o", whole).exit_code == 0
    killed.parent.mkdir()
    for lines in (1, 3, 5):
        killed_after(killed.parent, lines, (*arguments, "-o", killed))
        left = killed.parent / ".killed.partial" / "killed" / "history.jsonl"
        with left.open("a") as stream:
            stream.write('{"round": 6, "clie')  # killed while it wrote
    changed = invoke(*arguments, "--epochs", 2, "-o", killed)
    assert "unfinished run of other settings (epochs was 1, is 2)" in str(changed.exception)
    assert invoke(*arguments, "-o", killed).exit_code == 0
    assert (killed / "model.keras").read_bytes() == (whole / "model.keras").read_bytes()
    assert told(killed) == told(whole)
    assert run.read_record(killed)["resumed"] is True
    assert sorted(p.name for p in killed.parent.iterdir()) == ["killed"]


def test_divergence_from_centralised_sgd(start, tmp_path):
    """The mean of one step on all of each client's samples is a step on all samples, however skewed."""
    skewed = ("--data", "digits", "--clients", 10, "--partition", "pathological:1", "--batch", 2000)
    found = {}
    for epochs in (1, 4):
        output = tmp_path / f"epochs{epochs}"
        settings = (*skewed, "--epochs", epochs, "--lr", 0.05, "--rounds", 2, "--divergence")
        assert invoke("--model", start, *settings, "-o", output).exit_code == 0
        assert (output / "divergence.png").exists()
        found[epochs] = [line["divergence"] for line in told(output)]
    layers = [layer.name for layer in files.load(output / "model.keras").layers if layer.weights]
    for one, four in zip(found[1][1:], found[4][1:]):
        assert set(one) == set(four) == set(layers)
        assert max(one.values()) < 1e-5
        assert min(four.values()) > 1e-4
    assert found[1][0] is None


def test_all_clients_may_be_lost(start, tmp_path):
    lost = ("--clients", 2, "--dropout", 0.9, "--seed", 3, "--rounds", 3)
    assert invoke("--model", start, *FEW, *lost, "-o", tmp_path / "RUN").exit_code == 0
    lines = told(tmp_path / "RUN")
    assert [line["clients"] for line in lines] == [[], [], [], []]
    assert [line["dropped"] for line in lines[1:]] == [[0, 1]] * 3
    assert [line["client_loss"] for line in lines] == [None] * 4
    assert len({line["test_loss"] for line in lines}) == 1


def test_a_pipe_ends_with_the_run(start, tmp_path):
    line = shlex.join(tinyml("--model", start, *FEW, "--rounds", 1, "-o", tmp_path / "RUN"))
    done = subprocess.run(
        f"{line} | tail -1", shell=True, capture_output=True, text=True, timeout=90, check=True
    )
    assert done.stdout.startswith("accuracy on 360 test samples: before ")
    assert done.stderr == ""
