"""What the kernel offers so that no process is left behind.

On Linux all of it holds; elsewhere only what `ps` can still see is ended.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

# Loaded here, not in the fork: between fork and exec there is little one may do.
_libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


def adopt_orphans() -> None:
    """Become the parent of descendants that lose theirs, however far they've detached."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def ends_with_us(by: int = signal.SIGKILL) -> Callable[[], None]:
    """A `preexec_fn` for subprocess: the new process gets that signal when this one has ended."""
    parent = os.getpid()

    def tie() -> None:
        _prctl(PR_SET_PDEATHSIG, by)
        if os.getppid() != parent:  # it was gone before we asked to be told
            os._exit(1)

    return tie


def end_descendants(patience: float = 10) -> None:
    """Kill every descendant, and look again until none is left: they may still be forking."""
    deadline = time.monotonic() + patience
    while pids := _descendants():
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        reap()
        if time.monotonic() > deadline:
            print(f"error: these processes won't end: {pids}", file=sys.stderr)
            return
        time.sleep(0.01)


def reap() -> None:
    """Take leave of the orphans that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _descendants() -> list[int]:
    children = defaultdict(list)
    for pid, parent in _table():
        children[parent].append(pid)
    found = children[os.getpid()]
    for pid in found:  # grows while it is walked
        found += children[pid]
    return found


def _table() -> Iterator[tuple[int, int]]:
    """Each process with its parent, zombies too."""
    if LINUX:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                text = stat.read_text(errors="replace")
            except OSError:  # it has ended meanwhile
                continue
            # "PID (NAME) STATE PARENT …", and a name may hold blanks and brackets
            yield int(stat.parent.name), int(text.rpartition(")")[2].split()[1])
    else:
        command = ["ps", "-A", "-o", "pid=,ppid="]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ps:
            for line in ps.stdout or ():
                pid, parent = map(int, line.split())
                if pid != ps.pid:
                    yield pid, parent


def _prctl(option: int, value: int) -> None:
    if _libc and _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value}) failed")
