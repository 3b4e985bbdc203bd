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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tinyml import console
from tinyml.errors import InputError, TinymlError
from tinyml.process import guarded

_START_SECONDS = 60.0
_POLL_SECONDS = 0.02
_ANSWER_SECONDS = 20.0
_KEEPALIVE_MS = 330_000  # a gRPC server takes pings more often than every five minutes for abuse
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
    """A worker that runs.

    Attributes:
        target: HOST:PORT where it listens.
        process: its own, when we started it.
        log: what that prints.
    """

    target: str
    process: subprocess.Popen[bytes] | None = None
    log: BinaryIO | None = None

    def check(self) -> None:
        """Raise when the worker has ended or, on another machine, does not answer.

        Raises:
            TinymlError: so it is; tells the last line that one of ours printed.
        """
        if self.process is None:
            if not self.answers():
                raise TinymlError(f"worker {self.target} does not answer")
        elif self.process.poll() is not None:
            assert self.log
            self.log.seek(0)
            printed = self.log.read().decode(errors="replace").strip().splitlines()
            console.detail("\n".join(printed))
            raise TinymlError(
                f"TFF's worker ended (exit {self.process.returncode}): "
                + (printed[-1] if printed else "it said nothing")
            )

    def answers(self) -> bool:
        """Whether a new connection reaches a gRPC server; a tunnel whose other end is dead does not."""
        import grpc

        if self.process is not None and self.process.poll() is not None:
            return False
        with grpc.insecure_channel(self.target) as channel:
            try:
                grpc.channel_ready_future(channel).result(timeout=_ANSWER_SECONDS)
            except grpc.FutureTimeoutError:
                return False
        return True


@contextmanager
def running(port: int | None = None, directory: Path | None = None) -> Iterator[Worker]:
    """Start a worker, and kill it at the end of the body, however that ends.

    The kernel ties the worker to the *thread* that starts it: use this from the main thread.

    Args:
        port: where it listens, on all interfaces; None for any free one.
        directory: its working directory; None for ours.

    Raises:
        InputError: there is no worker binary.
    """
    binary = require()
    port = port or _free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            guarded(_command(binary, port)),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is ours to handle: we end the worker ourselves
        )
        try:
            yield Worker(f"localhost:{port}", process, log)
        finally:
            process.kill()
            process.wait()


def remote(target: str) -> Worker:
    """A worker on another machine.

    Raises:
        InputError: it does not answer.
    """
    found = Worker(target)
    if not found.answers():
        raise InputError(
            "--workers",
            f"{target} does not answer",
            "start `tinyml worker` there, and see docs/federated-workers.md for the tunnel",
        )
    return found


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
    import tensorflow_federated as tff

    with _channel(worker) as channel:
        installed = tff.framework.SyncExecutionContext(**_execution(worker, channel))
        with tff.framework.get_context_stack().install(installed):
            yield


@contextmanager
def asynchronous(worker: Worker) -> Iterator[Any]:
    """A `tff.framework.AsyncExecutionContext` on `worker`, for several at once.

    Raises:
        TinymlError: as `context`.
    """
    import tensorflow_federated as tff

    with _channel(worker) as channel:
        yield tff.framework.AsyncExecutionContext(**_execution(worker, channel))


def _channel(worker: Worker) -> Any:
    import grpc

    limits = [(f"grpc.max_{kind}_message_length", _MESSAGE_BYTES) for kind in ("send", "receive")]
    alive = [("grpc.keepalive_time_ms", _KEEPALIVE_MS), ("grpc.keepalive_timeout_ms", 20_000)]
    return grpc.insecure_channel(worker.target, options=[*limits, *alive])


def _execution(worker: Worker, channel: Any) -> dict[str, Any]:
    """The arguments of TFF's execution contexts for a worker, once it is ready."""
    import tensorflow_federated as tff

    stub = _stub(channel)
    _wait_until_ready(worker, stub)

    def executor(cardinalities: dict[Any, int]) -> Any:
        worker.check()  # TFF tries again after a broken connection; not with a dead worker
        made = tff.framework.RemoteExecutor(stub)
        made.set_cardinalities({tff.CLIENTS: 0, **cardinalities})
        return made

    return {
        "executor_fn": tff.framework.ResourceManagingExecutorFactory(executor),
        "compiler_fn": tff.backends.native.desugar_and_transform_to_native,
        "transform_args": tff.tensorflow.transform_args,
        "transform_result": tff.tensorflow.transform_result,
    }


def _stub(channel: Any) -> Any:
    """TFF's stub, for which it is no error to give up what a dead worker held."""
    import grpc
    import tensorflow_federated as tff

    class Stub(tff.framework.RemoteExecutorGrpcStub):
        def dispose(self, request: Any) -> None:
            with suppress(grpc.RpcError, ValueError):  # ValueError: the channel is closed
                super().dispose(request)

        def dispose_executor(self, request: Any) -> None:
            with suppress(grpc.RpcError, ValueError):
                super().dispose_executor(request)

    return Stub(channel)


def _wait_until_ready(worker: Worker, stub: Any) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while not stub.is_ready:
        worker.check()
        if time.monotonic() > give_up:
            raise TinymlError(f"TFF's worker did not answer within {_START_SECONDS:g} seconds")
        time.sleep(_POLL_SECONDS)
