"""`tinyml worker`: a TFF worker on this machine, for a `tinyml federate` on another."""

from __future__ import annotations

import signal
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import click

from tinyml import console, interruption
from tinyml.cli import options
from tinyml.errors import InputError

_POLL_SECONDS = 0.5
_MEANING = (
    "TFF's worker listens on every network interface, without encryption and without a password: "
    "whoever reaches the port can run code as you, read and write your files, and see the training data"
)


@click.command(name="worker")
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="Where to listen.")
@click.option(
    "--allow-open-port",
    is_flag=True,
    help="Yes, on every interface, unencrypted, for anyone: the port is behind a firewall.",
)
@options.common
def command(port: int, allow_open_port: bool) -> None:
    """Train clients for `tinyml federate --workers HOST:PORT` until it is interrupted.

    Block the port in the firewall and reach it through an SSH tunnel (docs/federated-workers.md). The
    clients' data is sent to this machine; it lies in a temporary directory, which goes with the worker.
    """
    if not allow_open_port:
        raise InputError(
            "--allow-open-port", _MEANING, "block the port for others, then give this option"
        )
    from tinyml.federated import worker

    worker.require()
    _check_free(port)
    # An SSH session that ends sends SIGHUP: end like on Ctrl-C, so that the data goes. Under nohup stay.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, interruption.interrupt)
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="tinyml-worker-"))
        running = stack.enter_context(worker.running(port, Path(directory)))
        console.note(f"warning: {_MEANING}")
        console.result({"port": port}, f"listening on port {port}; Ctrl-C ends it")
        while True:
            running.check()
            time.sleep(_POLL_SECONDS)


def _check_free(port: int) -> None:
    """Refuse a port that is taken.

    Raises:
        InputError: it is.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise InputError("--port", f"{port}: {error.strerror}", "give another") from None
