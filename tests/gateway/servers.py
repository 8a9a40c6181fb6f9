"""The server processes of one gateway: each has a log file, and all are watched together."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import processes
from keeper import Failed, Leash

START_LIMIT = 180.0  # seconds; a second or two is usual, a busy CI machine may need many
TAIL = 30  # lines of each log that a failure shows
PORT_TAKEN = re.compile("address already in use|EADDRINUSE", re.IGNORECASE)
# What the caller has set up for a Dask, a hub or a Python of their own must not reach these.
FOREIGN = ("DASK_", "JUPYTERHUB_", "PYTHON")


class PortTaken(Failed):
    """Somebody else got one of the ports first."""


class Servers:
    def __init__(self, work: Path, leash: Leash) -> None:
        self._leash = leash
        self._started: dict[str, tuple[subprocess.Popen[bytes], Path]] = {}
        self.work = work
        for folder in ("home", "tmp"):
            (work / folder).mkdir()

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        log = self.work / f"{name}.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        own = {
            "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            # so that dask's templates and the workers' scratch space land in the work folder
            "HOME": str(self.work / "home"),
            "TMPDIR": str(self.work / "tmp"),
        }
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=inherited | own | environment, cwd=self.work,
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       preexec_fn=processes.ends_with_us())
        self._started[name] = process, log

    def wait_until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not ready():
            self._look()
            if PORT_TAKEN.search(self._logs()):  # the gateway outlives its proxy's failure to bind
                raise self._failure("a proxy could not listen")
            if time.monotonic() > deadline:
                raise self._failure(f"no answer from the gateway within {START_LIMIT:.0f} s")
            self._leash.pause(0.05)

    def watch(self) -> NoReturn:
        """Stay, until the leash is pulled or a server has died."""
        while True:
            self._look()
            processes.reap()
            self._leash.pause(0.5)

    def _look(self) -> None:
        for name, (process, _) in self._started.items():
            if process.poll() is not None:
                raise self._failure(f"{name} ended by itself")

    def _failure(self, what: str) -> Failed:
        logs = self._logs()
        return (PortTaken if PORT_TAKEN.search(logs) else Failed)(f"{what}\n{logs}")

    def _logs(self) -> str:
        """The end of every log."""
        parts = []
        for name, (_, log) in self._started.items():
            lines = log.read_text(errors="replace").splitlines()[-TAIL:]
            parts += [f"--- the end of {name}'s log", *lines]
        return "\n".join(parts)


def free_ports(count: int) -> list[int]:
    """Ports free right now. Held all at once, so that none comes twice."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
