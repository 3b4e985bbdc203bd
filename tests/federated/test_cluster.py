"""Clients spread over workers: the same result, also when a worker dies, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from click.testing import CliRunner

from tinyml import console
from tinyml.cli import federate, worker
from tinyml.errors import InputError, TinymlError
from tinyml.federated import cluster
from tinyml.models import files

RUN = ("--data", "digits", "--clients", 5, "--rounds", 3, "--batch", 64, "--lr", 0.02)


@pytest.fixture(autouse=True)
def _no_process_is_left():
    before = set(psutil.Process().children(recursive=True))
    yield
    console.configure(verbose=False, as_json=False)
    left = [child for child in psutil.Process().children(recursive=True) if child not in before]
    assert not psutil.wait_procs(left, timeout=10)[1]


def arguments(start, output, *more):
    return [str(a) for a in ("--model", start, *RUN, *more, "-o", output)]


def weights_after(start, output, *more):
    done = CliRunner().invoke(federate.command, arguments(start, output, *more))
    assert done.exit_code == 0, done.exception
    return files.load(output / "model.keras").get_weights()


@pytest.fixture(scope="module")
def alone(start, tmp_path_factory):
    """The weights after a run on one worker."""
    return weights_after(start, tmp_path_factory.mktemp("alone") / "RUN")


def assert_same(found, expected):
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pi", "'pi' is not HOST:PORT"),
        ("pi:", "'pi:' is not HOST:PORT"),
        (":7000", "':7000' is not HOST:PORT"),
        ("pi:70000", "'pi:70000' is not HOST:PORT"),
        ("pi:7000,pi:7000", "names a worker twice"),
    ],
)
def test_refuses_what_is_no_address(text, message):
    with pytest.raises(InputError, match=message):
        cluster.parse(text)


def test_addresses_in_their_order():
    assert cluster.parse("pi:7000, 10.0.0.2:80") == ("pi:7000", "10.0.0.2:80")
    assert cluster.parse("") == ()


def test_an_open_port_must_be_allowed():
    refused = CliRunner().invoke(worker.command, ["--port", "7000"])
    assert isinstance(refused.exception, InputError)
    assert "every network interface, without encryption and without a password" in str(
        refused.exception
    )


def test_a_taken_port_is_refused():
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = CliRunner().invoke(worker.command, ["--port", str(port), "--allow-open-port"])
    assert isinstance(refused.exception, InputError)
    assert f"--port: {port}: Address already in use" in str(refused.exception)


@pytest.mark.slow
@pytest.mark.parametrize("more", [("--local-workers", 2), ("--local-workers", 2, "--robust")])
def test_two_workers_give_what_one_gives(start, alone, tmp_path, more):
    expected = weights_after(start, tmp_path / "ONE", *more[2:]) if more[2:] else alone
    assert_same(weights_after(start, tmp_path / "TWO", *more), expected)


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--strategy", "scaffold")])
def test_parts_of_a_round_give_the_whole(start, alone, tmp_path, monkeypatch, more):
    expected = weights_after(start, tmp_path / "WHOLE", *more) if more else alone
    monkeypatch.setattr(cluster, "CLIENTS_AT_ONCE", 2)
    assert_same(weights_after(start, tmp_path / "PARTS", *more), expected)


def tinyml(command, *given):
    """A `tinyml` in a process of its own."""
    code = "from tinyml.cli import main; main()"
    line = [sys.executable, "-c", code, command, *(str(a) for a in given)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, seconds=120):
    give_up = time.monotonic() + seconds
    while not condition() and time.monotonic() < give_up:
        time.sleep(0.05)
    assert condition()


def workers_of(process):
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if child.name().startswith("worker_binary")]


@pytest.mark.slow
def test_a_worker_that_dies_costs_the_round_only(start, tmp_path):
    rounds = ("--rounds", 40)
    expected = weights_after(start, tmp_path / "ONE", *rounds)
    given = arguments(start, tmp_path / "RUN", *rounds, "--local-workers", 2)
    running = tinyml("federate", *given)

    def in_rounds():
        assert running.poll() is None, running.stderr.read()
        found = [path.read_text() for path in tmp_path.glob(".RUN*/**/history.jsonl")]
        return any(text.count("\n") > 1 for text in found)

    wait_for(in_rounds)
    started = workers_of(running)
    assert len(started) == 2
    started[0].send_signal(signal.SIGKILL)
    _, errors = running.communicate(timeout=240)
    assert running.returncode == 0, errors
    assert "lost worker localhost:" in errors
    assert "the round runs again on 1 left" in errors
    assert "Traceback" not in errors
    history = (tmp_path / "RUN" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["round"] for line in history] == list(range(41))
    for ours, theirs in zip(files.load(tmp_path / "RUN/model.keras").get_weights(), expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)  # 40 rounds of rounding
    assert not psutil.wait_procs(started, timeout=10)[1]


@pytest.fixture
def remote(tmp_path):
    """A `tinyml worker` and its address; its temporary files lie under tmp_path/worker."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    place = tmp_path / "worker"
    place.mkdir()
    code = "from tinyml.cli import main; main()"
    line = [sys.executable, "-c", code, "worker", "--port", str(port), "--allow-open-port"]
    process = subprocess.Popen(
        line,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(place)},
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == f"listening on port {port}; Ctrl-C ends it\n"
        yield process, f"localhost:{port}", place
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_a_worker_elsewhere_is_sent_the_data_and_forgets_it(start, alone, tmp_path, remote):
    process, target, place = remote
    found = weights_after(start, tmp_path / "RUN", "--workers", target)
    assert_same(found, alone)
    sent = [path.name for path in place.rglob("clients-*/*")]
    assert sorted(sent) == sorted(f"{client}.{part}" for client in [*range(5), -1] for part in "xy")
    children = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGHUP)  # as when an SSH session ends
    _, errors = process.communicate(timeout=30)
    assert "warning: TFF's worker listens on every network interface" in errors
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert not list(place.iterdir())


@pytest.mark.slow
def test_a_killed_worker_command_takes_its_worker_along(remote):
    process, _, _ = remote
    children = psutil.Process(process.pid).children()
    assert len(children) == 1
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert not psutil.wait_procs(children, timeout=10)[1]


@pytest.mark.slow
def test_no_worker_left_ends_the_run(start, tmp_path, remote):
    process, target, _ = remote
    given = arguments(start, tmp_path / "RUN", "--rounds", 10000, "--workers", target)
    running = tinyml("federate", *given)
    wait_for(lambda: list(tmp_path.glob(".RUN*/**/history.jsonl")))
    process.send_signal(signal.SIGKILL)
    _, errors = running.communicate(timeout=240)
    assert running.returncode == TinymlError.exit_code
    assert errors.strip().endswith(f"lost worker {target}; none is left")


@pytest.mark.slow
def test_a_worker_that_is_not_there_is_told(start, tmp_path, monkeypatch):
    monkeypatch.setattr("tinyml.federated.worker._ANSWER_SECONDS", 1.0)
    given = arguments(start, tmp_path / "RUN", "--workers", "localhost:1")
    refused = CliRunner().invoke(federate.command, given)
    assert isinstance(refused.exception, InputError)
    assert "localhost:1 does not answer" in str(refused.exception)
