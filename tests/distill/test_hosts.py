"""Dreams that several hosts make together; the hosts are processes here."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tinyml import run
from tinyml.distill import hosts
from tinyml.errors import InputError, TinymlError

TOGETHER = 2
LOST = "TF_CONFIG: lost another host; start the same command on every host to go on"


def free_addresses(count=TOGETHER):
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("localhost", 0))) for _ in range(count)]
        return tuple(f"localhost:{one.getsockname()[1]}" for one in taken)


def config(addresses, index, kind="worker"):
    task = {"type": kind, "index": index}
    return json.dumps({"cluster": {"worker": list(addresses)}, "task": task})


def arguments(teacher_path, output):
    quick = ("--method", "fast,deepinversion", "--count", 120, "--dream-batch-size", 10)
    steps = ("--dream-steps", 60, "--fast-episodes", 3)
    return ("distill", "dream", "--teacher", teacher_path, *quick, *steps, "-o", output)


@pytest.fixture
def start(teacher_path):
    """Starts the command on each host; the first is the chief. None outlives the test."""
    started = []

    def begin(output):
        started.extend(_started(teacher_path, output))
        return started[-TOGETHER:]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def _started(teacher_path, output):
    addresses = free_addresses()
    command = [sys.executable, "-m", "tinyml", *map(str, arguments(teacher_path, output))]
    return [
        subprocess.Popen(
            command,
            env={**os.environ, "TF_CONFIG": config(addresses, index)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(TOGETHER)
    ]


def lose(processes, index, output):
    """Kill a host once it has helped to make some dreams; the dreams that the chief then has."""
    partial = output.parent / f".{output.name}.partial" / output.name
    before = len(list(partial.glob("shard-*.npz")))
    while len(list(partial.glob("shard-*.npz"))) == before:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.005)
    processes[index].kill()
    assert processes[index].wait() == -signal.SIGKILL
    other = processes[1 - index]
    said = other.communicate(timeout=60)[1]
    assert other.returncode == 2
    assert said.splitlines()[-1] == f"tinyml: {LOST}"
    return {path.name: path.stat().st_mtime_ns for path in partial.glob("shard-*.npz")}


@pytest.mark.slow
def test_hosts_make_the_same_dreams_also_when_one_was_lost(tinyml, teacher_path, tmp_path, start):
    tinyml(*arguments(teacher_path, tmp_path / "whole"))
    output = tmp_path / "dreams"
    kept = lose(start(output), 1, output)
    assert 0 < len(kept) < 12  # so that there is something to go on with, and something to do
    processes = start(output)
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert said[1][0].startswith("the dreams are on localhost:")
    for path in (tmp_path / "whole").iterdir():
        if path.name != run.RECORD:
            assert (output / path.name).read_bytes() == path.read_bytes()
    assert {name: (output / name).stat().st_mtime_ns for name in kept} == kept
    record = run.read_record(output)
    assert (record["resumed"], record["metrics"]["hosts"]) == (True, TOGETHER)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dreams", "whole"]


@pytest.mark.slow
def test_a_lost_chief_ends_the_others(tmp_path, start):
    assert lose(start(tmp_path / "dreams"), 0, tmp_path / "dreams")


def meet(addresses, asked, done=()):
    """What each host has of the meeting: the batches that are done, or the error."""

    def one(index):
        try:
            return hosts.Hosts(addresses, index).meet(asked[index], done if index == 0 else ())
        except TinymlError as error:
            return str(error)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(one, range(len(asked))))


def test_all_learn_what_the_chief_has(capsys):
    addresses = free_addresses(3)
    assert meet(addresses, [{"count": 5}] * 3, done=[0, 4]) == [[0, 4]] * 3
    assert capsys.readouterr().err.count("whoever reaches that port can run code here") == 3


def test_hosts_that_are_asked_different_things():
    told = meet(free_addresses(), [{"count": 5}, {"count": 6}])
    assert all("differ in command, teacher, versions or GPUs" in line for line in told)


def test_missing_hosts_are_named(monkeypatch):
    monkeypatch.setattr(hosts, "_MEET_SECONDS", 0.5)
    first, second, third = free_addresses(3)
    with pytest.raises(TinymlError, match=rf"{second}, {third} did not come within 0 seconds"):
        hosts.Hosts((first, second, third), 0).meet({})
    with pytest.raises(TinymlError, match=f"the chief, {first}, did not answer within 0 seconds"):
        hosts.Hosts((first, second, third), 2).meet({})


def test_missing_hosts_leave_what_is_made(tinyml, tmp_path, monkeypatch):
    """A chief that goes on alone must not lose the dreams of earlier runs."""
    monkeypatch.setattr(hosts, "_MEET_SECONDS", 0.2)
    monkeypatch.setenv("TF_CONFIG", config(free_addresses(), 0))
    (tmp_path / "t.keras").write_bytes(b"a teacher that nobody reads yet")
    command = ("distill", "dream", "--teacher", tmp_path / "t.keras", "-o", tmp_path / "dreams")
    made = tmp_path / ".dreams.partial" / "dreams" / "shard-00000.npz"
    for _ in range(2):
        with pytest.raises(TinymlError, match="did not come within 0 seconds"):
            tinyml(*command)
        assert made.parent.is_dir()
        made.touch()
    assert made.exists()


def test_a_host_may_be_started_anew(monkeypatch):
    addresses = free_addresses(3)
    with ThreadPoolExecutor() as pool:
        chief = pool.submit(hosts.Hosts(addresses, 0).meet, {}, [3])
        digest = hosts._digest({"hosts": 3})
        line = json.dumps({"index": 1, "digest": digest}).encode() + b"\n"
        dead = call(addresses[0])
        dead.sendall(line)
        second = pool.submit(hosts.Hosts(addresses, 1).meet, {})
        assert dead.recv(1) == b""  # its place is taken
        dead.close()
        assert hosts.Hosts(addresses, 2).meet({}) == second.result() == chief.result() == [3]


def test_strangers_do_not_count(monkeypatch):
    monkeypatch.setattr(hosts, "_ANSWER_SECONDS", 0.2)
    addresses = free_addresses()
    with ThreadPoolExecutor() as pool:
        chief = pool.submit(hosts.Hosts(addresses, 0).meet, {}, [3])
        for word in (b"GET / HTTP/1.1\r\n", b'{"index": 7}\n', b'{"index": true}\n', b"[]\n", b""):
            knock(addresses[0], word)
        assert not chief.done()
        assert hosts.Hosts(addresses, 1).meet({}) == [3]
        assert chief.result() == [3]


def call(address):
    """Connect to a chief that may not listen yet."""
    host, port = address.split(":")
    while True:
        try:
            return socket.create_connection((host, int(port)), 5)
        except ConnectionRefusedError:
            time.sleep(0.01)


def knock(address, word):
    """Say something to a chief, and wait until it hangs up."""
    with call(address) as connection:
        connection.sendall(word)
        connection.recv(1)


@pytest.mark.parametrize("text", [None, "", "{}", config(["localhost:7000"], 0)])
def test_one_host_alone(monkeypatch, text):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    assert hosts.from_environment() is None


def test_hosts_of_the_environment(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config(["a:1", "[::1]:2"], 1))
    found = hosts.from_environment()
    assert (found.addresses, found.index, found.chief) == (("a:1", "[::1]:2"), 1, False)


TWO = ["a:1", "b:2"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON of a cluster"),
        ("[]", "not JSON of a cluster"),
        ('{"cluster": {"worker": ["a:1", "b:2"]}}', "not JSON of a cluster"),
        (config(["a:1", "b"], 0), "not JSON of a cluster"),
        (config(["a:1", 2], 0), "not JSON of a cluster"),
        (config(TWO, 2), "task index 2 is none of 0 to 1"),
        (config(TWO, "0"), "task index 0 is none of 0 to 1"),
        (config(TWO, 0, "evaluator"), "other tasks than 'worker'"),
        (
            '{"cluster": {"worker": ["a:1"], "ps": ["b:2"]}, "task": {"type": "ps", "index": 0}}',
            "other tasks",
        ),
        (config(["a:1", "a:1"], 0), "names a host twice"),
        (config(["a:1", "b:70000"], 0), "a port that is none"),
    ],
)
def test_malformed(tinyml, tmp_path, monkeypatch, text, told):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match=f"^TF_CONFIG: .*{told}"):
        tinyml("distill", "dream", "--teacher", "t.keras", "-o", tmp_path / "dreams")


def test_run_works_on_one_host(tinyml, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config(TWO, 0))
    with pytest.raises(InputError, match="names several hosts, and 'distill run' works on one"):
        tinyml("distill", "--teacher", "t.keras", "--student", "s", "-o", tmp_path / "all")
