"""Where the clients train: on one worker of ours, on several, or on workers on other machines.

With several workers, or more clients than a worker should hold the updates of, TFF runs a round in
parts and merges the sums (its `MergeableCompExecutionContext`). A worker that is lost takes its part
of the round with it: the round is run again on those that are left, which repeats it exactly, since
its randomness hangs on client and round alone.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinyml import console
from tinyml.errors import InputError, TinymlError
from tinyml.federated import worker
from tinyml.federated.clients import ClientStore
from tinyml.federated.worker import Worker

CLIENTS_AT_ONCE = 50  # whose updates a worker holds in memory before they are summed


@dataclass(frozen=True)
class Cluster:
    """What was asked for.

    Attributes:
        remote: HOST:PORT of workers that run already.
        local: how many to start here; with neither, one, whose errors are the run's.
        clients: that a round asks.
    """

    remote: tuple[str, ...]
    local: int
    clients: int


def parse(text: str) -> tuple[str, ...]:
    """Addresses from "HOST:PORT,HOST:PORT"; none from "".

    Raises:
        InputError: not addresses, or one twice.
    """
    targets = tuple(part.strip() for part in text.split(",")) if text else ()
    for target in targets:
        host, _, port = target.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise InputError(
                "--workers", f"'{target}' is not HOST:PORT", "give e.g. pi:7000,lab:7000"
            )
    if len(set(targets)) < len(targets):
        raise InputError("--workers", "names a worker twice", "name each once")
    return targets


@contextmanager
def context(cluster: Cluster, store: ClientStore) -> Iterator[ClientStore]:
    """Run the TFF computations of the body on the cluster's workers.

    Yields:
        The store as the workers see it.

    Raises:
        InputError: a worker that does not answer.
        TinymlError: no worker is left.
    """
    with ExitStack() as stack:
        workers, seen = _workers(cluster, store, stack)
        # a part a worker, or more, so that none holds the updates of more than so many clients
        rounds_of_parts = math.ceil(cluster.clients / len(workers) / CLIENTS_AT_ONCE)
        if len(workers) == 1 and rounds_of_parts == 1 and not cluster.remote:
            stack.enter_context(worker.context(workers[0]))
        else:
            stack.enter_context(_installed(workers, rounds_of_parts))
        yield seen


def _workers(
    cluster: Cluster, store: ClientStore, stack: ExitStack
) -> tuple[list[Worker], ClientStore]:
    """The workers, which live as long as `stack`, and the store as they see it."""
    if not cluster.remote:
        started = [stack.enter_context(worker.running()) for _ in range(max(1, cluster.local))]
        return started, store
    # A worker's working directory is a temporary one of its own; what is sent lies there.
    seen = replace(store, seen_as=f"clients-{secrets.token_hex(8)}")
    found = [worker.remote(target) for target in cluster.remote]
    for one in found:
        _send(one, seen)
    return found, seen


def _send(one: Worker, store: ClientStore) -> None:
    """Send all of a store to a worker on another machine, once, in a directory of this run."""
    import tensorflow_federated as tff

    from tinyml.models.runtime import tensorflow

    tf = tensorflow()

    def writer(kind: Any) -> Any:
        @tff.tensorflow.computation(np.str_, tff.TensorType(kind, [None]))
        def write(name: Any, content: Any) -> Any:
            path = tf.strings.join([store.seen_as, "/", name])
            with tf.control_dependencies([tf.io.write_file(path, tf.io.serialize_tensor(content))]):
                return tf.size(content)

        return write

    writers = {np.dtype(kind): writer(kind) for kind in (np.float32, np.int64)}
    with worker.context(one):
        for name, content in store.files():
            writers[content.dtype](name, content)
    console.detail(f"{one.target}: has the clients' data")


@contextmanager
def _installed(workers: Sequence[Worker], rounds_of_parts: int) -> Iterator[None]:
    import tensorflow_federated as tff

    class Context(tff.framework.SyncContext):
        """Runs computations in parts on the workers that are alive."""

        def __init__(self, stack: ExitStack) -> None:
            self._workers, self._stack = list(workers), stack
            self._inner = self._merging()

        def _merging(self) -> Any:
            return tff.backends.native.create_mergeable_comp_execution_context(
                [self._stack.enter_context(worker.asynchronous(one)) for one in self._workers],
                num_subrounds=rounds_of_parts * len(self._workers),
            )

        def invoke(self, comp: Any, arg: Any) -> Any:
            while True:
                try:
                    return self._inner.invoke(comp, arg)
                except Exception as error:
                    self._drop_lost(error)

        def _drop_lost(self, error: Exception) -> None:
            """Go on with the workers that answer, or raise the error when all do."""
            lost = [one for one in self._workers if not one.answers()]
            if not lost:
                raise error
            self._workers = [one for one in self._workers if one not in lost]
            names = ", ".join(one.target for one in lost)
            if not self._workers:
                raise TinymlError(f"lost worker {names}; none is left") from error
            console.note(f"lost worker {names}; the round runs again on {len(self._workers)} left")
            self._inner = self._merging()

    with ExitStack() as stack, tff.framework.get_context_stack().install(Context(stack)):
        yield
