"""TFF's worker never outlives the process that started it, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tinyml import process
from tinyml.errors import InputError, TinymlError
from tinyml.federated import worker

HOLDER = """
import sys, time
from tinyml.federated import worker
with worker.running() as child:
    print(child.process.pid, flush=True)
    assert "tensorflow" not in sys.modules
    {body}
"""
SLEEP = "time.sleep(60)"


def start(body):
    """A process that runs a worker and then `body`, and the worker's process id."""
    code = HOLDER.format(body=body)
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert holder.stdout
    pid = int(holder.stdout.readline())
    return holder, pid


def wait_for(condition, seconds=15):
    give_up = time.monotonic() + seconds
    while not condition() and time.monotonic() < give_up:
        time.sleep(0.02)
    return condition()


def is_worker(pid):
    try:
        return psutil.Process(pid).name().startswith("worker_binary")
    except psutil.Error:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_dies_with_a_killed_parent(number):
    holder, pid = start(SLEEP)
    assert wait_for(lambda: is_worker(pid))
    holder.send_signal(number)
    holder.communicate(timeout=15)
    assert wait_for(lambda: not psutil.pid_exists(pid))


@pytest.mark.parametrize(
    "body", ["pass", "raise ValueError", "sys.exit(3)", "import os; os._exit(4)"]
)
def test_dies_with_a_parent_that_ends(body):
    holder, pid = start(body)
    holder.communicate(timeout=15)  # returns only when nobody else holds the pipe
    assert wait_for(lambda: not psutil.pid_exists(pid))


def test_the_guard_starts_nothing_when_the_parent_is_gone():
    command = [sys.executable, "-I", "-S", "-c", process._GUARD, str(os.getpid() + 1), "/bin/true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "parent is gone\n")


def test_a_dead_worker_is_told():
    with worker.running() as child:
        child.process.kill()
        child.process.wait()
        with pytest.raises(TinymlError, match=r"worker ended \(exit -9\)"):
            child.check()


def test_find_worker_does_not_import_tff():
    code = (
        "import sys; from tinyml.federated.worker import find_worker; print(find_worker());"
        "sys.exit('tensorflow_federated' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("worker_binary")


def test_says_how_to_get_tff(monkeypatch):
    monkeypatch.setattr(worker, "find_worker", lambda: None)
    with pytest.raises(InputError, match=r"pip install 'tinyml-toolchain\[federated\]'"):
        worker.require()
