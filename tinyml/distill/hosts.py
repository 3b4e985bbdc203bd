"""Several hosts that make dreams together, as TensorFlow's TF_CONFIG names them.

`tf.distribute.MultiWorkerMirroredStrategy` runs the same program on every host. Two things it does not
do: it waits for ever for a host that does not come, and it lets hosts with different arguments go on
until something breaks. So the hosts meet first, on the chief's port before TensorFlow listens there.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml import __version__, console
from tinyml.errors import InputError, TinymlError
from tinyml.models.runtime import tensorflow

_VARIABLE = "TF_CONFIG"
_MEET_SECONDS = 120.0  # for all to come; and then for TensorFlow to connect them
_POLL_SECONDS, _ANSWER_SECONDS = 0.2, 5.0  # between two tries, and for one line
_HEARTBEAT_MS = 10_000  # a host that is silent for so long is lost
_LEAVE_MS = 5_000  # that one host waits for the others at the end
_LINE_BYTES = 1 << 24  # the longest message of the meeting: which batches are done


@dataclass(frozen=True)
class Hosts:
    """The hosts of a run.

    Args:
        addresses: HOST:PORT of each; the first is the chief, which writes the dreams.
        index: which of them this one is.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def chief(self) -> bool:
        """True on the host that writes the dreams."""
        return self.index == 0

    def meet(self, asked: Mapping[str, Any], done: Sequence[int] = ()) -> list[int]:
        """Wait until all hosts are there and agree.

        Args:
            asked: what this host was asked to do, in plain values; the same on all.
            done: on the chief, the numbers of the batches that are done.

        Returns:
            The chief's `done`.

        Raises:
            TinymlError: a host has not come, or was asked something else. (No `InputError`, after which
                a step would discard what an earlier run has made.)
        """
        digest = _digest({**asked, "hosts": len(self.addresses)})
        console.note(
            f"{_VARIABLE}: {self.addresses[self.index]} waits for the other hosts; whoever reaches "
            "that port can run code here (docs/dreams.md)"
        )
        deadline = time.monotonic() + _MEET_SECONDS
        return (
            self._gather(digest, list(done), deadline)
            if self.chief
            else self._report(digest, deadline)
        )

    def _gather(self, digest: str, done: list[int], deadline: float) -> list[int]:
        """The chief's part: answer all when all have come."""
        come: dict[int, socket.socket] = {}
        with _listening(self.addresses[0]) as server:
            try:
                while len(come) < len(self.addresses) - 1:
                    self._take(server, digest, deadline, come)
                for connection in come.values():
                    _send(connection, {"done": done})
                    connection.recv(1)  # until the other side has closed: the port is free then
            except OSError:
                raise _lost() from None
            finally:
                for connection in come.values():
                    connection.close()
        return done

    def _take(
        self, server: socket.socket, digest: str, deadline: float, come: dict[int, socket.socket]
    ) -> None:
        """Take the next host that comes, or say who has not."""
        server.settimeout(max(0.0, deadline - time.monotonic()) or 0.001)
        try:
            connection, _ = server.accept()
        except OSError:
            missing = [a for n, a in enumerate(self.addresses) if n and n not in come]
            raise TinymlError(
                f"{_VARIABLE}: {', '.join(missing)} did not come within {_MEET_SECONDS:.0f} seconds; "
                "start the same command on every host"
            ) from None
        connection.settimeout(_ANSWER_SECONDS)
        said = _received(connection)
        number: Any = said.get("index")
        known = type(number) is int and 0 < number < len(self.addresses)
        if not known:
            connection.close()  # not one of ours: a port scanner, say
            return
        if said.get("digest") != digest:
            _send(connection, {"refused": True})
            connection.close()
            raise self._disagree(number)
        if number in come:
            come[number].close()  # it was started anew
        come[number] = connection

    def _report(self, digest: str, deadline: float) -> list[int]:
        """The part of the others: tell the chief, and wait for its answer."""
        while True:
            try:
                with socket.create_connection(_split(self.addresses[0]), _ANSWER_SECONDS) as there:
                    there.settimeout(max(1.0, deadline - time.monotonic()))
                    _send(there, {"index": self.index, "digest": digest})
                    said = _received(there)
            except OSError:
                said = {}
            if said.get("refused"):
                raise self._disagree(0)
            if "done" in said:
                return [int(number) for number in said["done"]]
            if time.monotonic() > deadline:
                raise TinymlError(
                    f"{_VARIABLE}: the chief, {self.addresses[0]}, did not answer within "
                    f"{_MEET_SECONDS:.0f} seconds; start the same command on every host"
                )
            time.sleep(_POLL_SECONDS)

    def _disagree(self, other: int) -> TinymlError:
        return TinymlError(
            f"{_VARIABLE}: this host and {self.addresses[other]} differ in command, teacher, versions "
            "or GPUs; start the same command on hosts that are alike"
        )


def from_environment() -> Hosts | None:
    """The hosts that TF_CONFIG names; None without it, or when it names one host only.

    Raises:
        InputError: it is not what TensorFlow says it is.
    """
    text = os.environ.get(_VARIABLE)
    if not text:
        return None
    try:
        read = json.loads(text)
        cluster, task = read.get("cluster", {}), read.get("task", {})
        workers = cluster.get("worker", [])
        if len(workers) < 2 and set(cluster) <= {"worker"}:
            return None
        kind, index = task["type"], task["index"]
        addresses = tuple(workers)
        ports = [_split(address)[1] for address in addresses]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise _malformed("not JSON of a cluster and a task") from None
    if set(cluster) != {"worker"} or kind != "worker":
        raise _malformed("names other tasks than 'worker'")
    if type(index) is not int or index not in range(len(addresses)):
        raise _malformed(f"task index {index} is none of 0 to {len(addresses) - 1}")
    if len(set(addresses)) < len(addresses) or not all(0 < port < 65536 for port in ports):
        raise _malformed("names a host twice, or a port that is none")
    return Hosts(addresses, index)


def require_one(command: str) -> None:
    """Raises InputError when TF_CONFIG names several hosts and the command is for one."""
    if from_environment():
        raise InputError(
            _VARIABLE,
            f"names several hosts, and '{command}' works on one",
            "make the dreams with 'distill dream' on all, or unset it",
        )


@contextmanager
def lost_hosts_told() -> Iterator[None]:
    """TensorFlow's errors about another host, as one line.

    Raises:
        TinymlError: a host has ended or no longer answers.
    """
    errors = tensorflow().errors
    try:
        yield
    except (
        errors.UnavailableError,
        errors.DeadlineExceededError,
        errors.AbortedError,
        errors.CancelledError,
        errors.InternalError,
    ) as error:
        console.detail(" ".join(str(error.message).split())[:400])
        raise _lost() from None


def _lost() -> TinymlError:
    return TinymlError(
        f"{_VARIABLE}: lost another host; start the same command on every host to go on"
    )


def _malformed(what: str) -> InputError:
    example = (
        '{"cluster": {"worker": ["a:7000", "b:7000"]}, "task": {"type": "worker", "index": 0}}'
    )
    return InputError(_VARIABLE, what, f"set it on the first host to e.g. {example}, or unset it")


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host:
        raise ValueError(address)
    return host.strip("[]"), int(port)  # brackets of an IPv6 address


def _digest(asked: Mapping[str, Any]) -> str:
    tf = tensorflow()
    gpus = len(tf.config.list_physical_devices("GPU"))  # TensorFlow takes all hosts for alike
    said = {**asked, "version": __version__, "tensorflow": tf.__version__, "gpus": gpus}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


@contextmanager
def _listening(address: str) -> Iterator[socket.socket]:
    try:
        server = socket.create_server(("", _split(address)[1]))
    except OSError as error:
        raise TinymlError(f"{_VARIABLE}: cannot listen at {address} ({error})") from None
    with server:
        yield server


def _send(connection: socket.socket, value: dict[str, Any]) -> None:
    connection.sendall(json.dumps(value).encode() + b"\n")


def _received(connection: socket.socket) -> dict[str, Any]:
    """One line of JSON; {} when what comes is none, or nothing does."""
    try:
        with connection.makefile("rb") as stream:
            read = json.loads(stream.readline(_LINE_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """End this process if the body takes longer.

    A host that dies between the meeting and TensorFlow's own leaves the chief in a call that never
    returns and holds Python's lock, so that nothing but the kernel can end it: by SIGALRM.
    """
    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Exchange:
    """What every host contributes, handed to all, by `tf.distribute.MultiWorkerMirroredStrategy`.

    Only this goes through the strategy, between the hosts' CPUs: models built in its scope would
    average their batch norms over all hosts at every look at them.

    Args:
        hosts: who have met a moment ago.
    """

    def __init__(self, hosts: Hosts) -> None:
        tf, count = tensorflow(), len(hosts.addresses)
        _bound_times(count)
        cluster = tf.train.ClusterSpec({"worker": list(hosts.addresses)})
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            cluster,
            task_type="worker",
            task_id=hosts.index,
            num_accelerators={"GPU": 0},
            rpc_layer="grpc",
        )
        with _ended_after(_MEET_SECONDS), lost_hosts_told():
            self._strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
        # TensorFlow puts a handler of its own there, after which SIGTERM would end nothing
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))

    def __call__(self, content: bytes) -> list[bytes]:
        """Every host's `content`, in their order; all must call it alike.

        Raises:
            TinymlError: a host is lost.
        """
        words = np.frombuffer(content + bytes(-len(content) % 4), np.int32)  # no gather has uint8
        with lost_hosts_told():
            lengths = self._gathered(np.array([len(content)], np.int32))
            joined = self._gathered(words)
        parts = np.split(joined, np.cumsum(-(-lengths // 4))[:-1])
        return [part.tobytes()[:length] for part, length in zip(parts, lengths.tolist())]

    def _gathered(self, own: np.ndarray) -> np.ndarray:
        tf, strategy = tensorflow(), self._strategy
        part = strategy.experimental_distribute_values_from_function(lambda _: tf.constant(own))
        return np.asarray(strategy.gather(part, axis=0))


def _bound_times(hosts: int) -> None:
    """Have TensorFlow notice soon that a host is gone; by its modules, as the public API cannot."""
    from tensorflow.python.eager import context
    from tensorflow.tsl.protobuf import coordination_config_pb2

    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader="/job:worker/replica:0/task:0",
        cluster_register_timeout_in_ms=int(_MEET_SECONDS * 1000),
        heartbeat_timeout_in_ms=_HEARTBEAT_MS,
        shutdown_barrier_timeout_in_ms=_LEAVE_MS,
        coordinated_jobs=[coordination_config_pb2.CoordinatedJob(name="worker", num_tasks=hosts)],
    )
