"""TFF's C++ worker as a child process that never outlives us.

TFF's own helper starts the worker with our stdout and leaves it running when we are killed. Here
it gets no stdout of ours, and on Linux the kernel kills it when the process that started it ends
in any way, `kill -9` included. The worker listens on all network interfaces without credentials,
as TFF built it; it lives only as long as the run.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tinyml import console
from tinyml.errors import InputError, TinymlError
from tinyml.process import guarded

_START_SECONDS = 60.0
_POLL_SECONDS = 0.02
_MESSAGE_BYTES = 2_000_000_000


def find_worker() -> Path | None:
    """TFF's worker binary, found without importing TFF; None when TFF or the binary is missing."""
    spec = importlib.util.find_spec("tensorflow_federated")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / "data" / "worker_binary"
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def require() -> Path:
    """As `find_worker`.

    Raises:
        InputError: there is none.
    """
    binary = find_worker()
    if binary is None:
        raise InputError(
            "tensorflow-federated",
            "not installed, or without its worker",
            "pip install 'tinyml-toolchain[federated]' (Python 3.9 to 3.11)",
        )
    return binary


@dataclass(frozen=True)
class Worker:
    """A worker that runs: its process, its port on this machine, and what it prints."""

    process: subprocess.Popen[bytes]
    port: int
    log: BinaryIO

    def check(self) -> None:
        """Raise when the worker has ended.

        Raises:
            TinymlError: it has; tells the last line it printed.
        """
        if self.process.poll() is None:
            return
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
        console.detail("\n".join(lines))
        raise TinymlError(f"TFF's worker ended (exit {self.process.returncode}): {lines[-1]}")


@contextmanager
def running() -> Iterator[Worker]:
    """Start a worker, and kill it at the end of the body, however that ends.

    The kernel ties the worker to the *thread* that starts it: use this from the main thread.

    Raises:
        InputError: there is no worker binary.
    """
    binary = require()
    port = _free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            guarded(_command(binary, port)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is ours to handle: we end the worker ourselves
        )
        try:
            yield Worker(process, port, log)
        finally:
            process.kill()
            process.wait()


def _command(binary: Path, port: int) -> list[str]:
    """One client a core at a time: all at once would hold all their data in memory at once."""
    at_once = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [str(binary), f"--port={port}", f"--max_concurrent_computation_calls={at_once}"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


@contextmanager
def context(worker: Worker) -> Iterator[None]:
    """Run the TFF computations of the body on `worker`.

    Raises:
        TinymlError: the worker ended, or did not answer within a minute.
    """
    import grpc
    import tensorflow_federated as tff

    limits = [(f"grpc.max_{kind}_message_length", _MESSAGE_BYTES) for kind in ("send", "receive")]
    with grpc.insecure_channel(f"localhost:{worker.port}", options=limits) as channel:
        stub = tff.framework.RemoteExecutorGrpcStub(channel)
        _wait_until_ready(worker, stub)

        def executor(cardinalities: dict[Any, int]) -> Any:
            worker.check()  # TFF tries again after a broken connection; not with a dead worker
            made = tff.framework.RemoteExecutor(stub)
            made.set_cardinalities({tff.CLIENTS: 0, **cardinalities})
            return made

        installed = tff.framework.SyncExecutionContext(
            executor_fn=tff.framework.ResourceManagingExecutorFactory(executor),
            compiler_fn=tff.backends.native.desugar_and_transform_to_native,
            transform_args=tff.tensorflow.transform_args,
            transform_result=tff.tensorflow.transform_result,
        )
        with tff.framework.get_context_stack().install(installed):
            yield


def _wait_until_ready(worker: Worker, stub: Any) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while not stub.is_ready:
        worker.check()
        if time.monotonic() > give_up:
            raise TinymlError(f"TFF's worker did not answer within {_START_SECONDS:g} seconds")
        time.sleep(_POLL_SECONDS)
