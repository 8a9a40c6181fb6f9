"""Two processes that clean up after each other.

The one in front is what the caller started: it talks to the caller and may use the terminal.
The *keeper* is its child, in a session of its own: it starts the servers and is an ancestor of
all they start. Two pipes join them, so that the end of either, even by SIGKILL, shows at once:

    front ends   -> the keeper kills its descendants and removes the work folder
    keeper ends  -> its servers get SIGKILL from the kernel, and the front does the same

A group-wide kill from a terminal or a CI system reaches the front only, which is enough.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import processes


class Released(Exception):
    """The front has ended, or wants the end."""


class Failed(Exception):
    """What the keeper runs has failed; the text is for people."""


class Leash:
    """The keeper's end of the pipe that closes with the front."""

    def __init__(self, end: int) -> None:
        self._end = end

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the end of the front. Whatever waits, waits here."""
        if select.select([self._end], [], [], seconds)[0]:
            raise Released


class Running:
    """What the front knows of the gateway that its keeper runs."""

    def __init__(self, news: int, until: int | None) -> None:
        self._news = news
        self._until = until
        self.description: dict[str, Any] = json.loads(self._hear())

    def wait(self) -> NoReturn:
        """Stay until the end, a SystemExit: 0 if `until` has ended, 1 if the keeper has."""
        while True:
            self._hear()

    def _hear(self) -> bytes:
        heard = b""
        sources = [self._news] if self._until is None else [self._news, self._until]
        while not heard.endswith(b"\n"):
            ready, _, _ = select.select(sources, [], [])
            if self._until in ready and not os.read(self._until, 65536):
                sys.exit(0)
            if self._news in ready:
                part = os.read(self._news, 65536)
                if not part:  # the keeper has told why, on stderr
                    sys.exit(1)
                heard += part
        return heard


# What a keeper runs: it works in the folder, pauses by the leash, and announces one description.
Job = Callable[[Path, Leash, Callable[[dict[str, Any]], None]], None]


@contextmanager
def running(job: Job, until: int | None = None) -> Iterator[Running]:
    """Run `job` in a keeper for as long as the block lasts, or until the file `until` ends."""
    processes.adopt_orphans()
    # Only a name yet: the keeper makes it, so that at no moment it exists and nobody removes it.
    work = Path(tempfile.gettempdir()) / f"dgw-gateway-{secrets.token_hex(8)}"
    leash, leash_hand = os.pipe()
    news, news_pen = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(leash_hand)
        os.close(news)
        _keep(job, work, Leash(leash), news_pen)
    os.close(leash)
    os.close(news_pen)
    try:
        yield Running(news, until)
    finally:
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ending, signal.SIG_IGN)
        os.close(leash_hand)
        if os.waitpid(pid, 0)[1] != 0:
            processes.end_descendants()
            shutil.rmtree(work, ignore_errors=True)


def _keep(job: Job, work: Path, leash: Leash, news: int) -> NoReturn:
    """The keeper's life. It ends with status 0 once it has cleaned up, whatever happened before."""
    os.setsid()
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # One way to end, the leash. A function, as SIG_IGN would be inherited by the servers.
        signal.signal(ending, lambda *_: None)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    status = 1
    try:
        processes.adopt_orphans()
        work.mkdir(mode=0o700)
        job(work, leash, lambda told: _write_line(news, json.dumps(told)))
    except Released:
        pass
    except Failed as failure:
        print(f"error: {failure}", file=sys.stderr, flush=True)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            processes.end_descendants()
            shutil.rmtree(work, ignore_errors=True)
            status = 0
        finally:
            os._exit(status)


def _write_line(pipe: int, text: str) -> None:
    try:
        with os.fdopen(os.dup(pipe), "w") as file:
            file.write(text + "\n")
    except BrokenPipeError:
        raise Released from None
