"""Lost requests, limits and full devices: what needs no strace."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator

from commands import CLEAN_UP, COMMANDS, CONNECT, LOGIN, NEW, RUN, SCALE, SHUTDOWN, WAIT, Command
from faulty import Fault
from judge import Case

# More than any of these commands sends in its first seconds.
REQUESTS = 6
KINDS = ("lost", "cut", "silent", "refused", "unavailable")
EVER = sys.maxsize

# COMMAND takes what is left of the processes, and lasts longer than an idle thread of a pool lives.
BUSY_RUN = Command("run -- sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 13 & done; wait'", starts=True,
                   handles_signals=True, runs_command=True)
QUIET_RUN = Command("run -- sleep 12", starts=True, handles_signals=True, runs_command=True)


def requests() -> Iterator[Case]:
    for command in (NEW, RUN, SHUTDOWN, SCALE, WAIT, CLEAN_UP, CONNECT):
        for kind in KINDS:
            for first in range(1, REQUESTS + 1):
                for times, often in ((1, "once"), (2, "twice"), (EVER, "from then on")):
                    what = f"request {first} {kind}, {often}"
                    # After COMMAND has run, dgw waits for two minutes for a gateway that restarts.
                    yield Case("requests", command, what, fault=Fault(kind, first, times),
                               options=["--request-timeout", "1s"],
                               time_limit=200 if command is RUN else 60)


def limits() -> Iterator[Case]:
    for command in COMMANDS:
        for count in range(3, 24):
            yield Case("limits", command, f"{count} files", limits={resource.RLIMIT_NOFILE: count})
        for size in (0, 1, 64, 512, 4096):
            yield Case("limits", command, f"files of {size} bytes",
                       limits={resource.RLIMIT_FSIZE: size})
    for command in (NEW, RUN, CLEAN_UP, LOGIN):
        for mebibytes in (24, 32, 48, 64, 96, 128):
            yield Case("limits", command, f"{mebibytes} MiB of address space",
                       limits={resource.RLIMIT_AS: mebibytes << 20})
    if os.geteuid() != 0:
        return
    for command in COMMANDS:
        for count in range(1, 8):
            yield Case("limits", command, f"{count} processes", as_nobody=True,
                       limits={resource.RLIMIT_NPROC: count})
    for count in (3, 4, 5, 6, 9):
        for command in (BUSY_RUN, QUIET_RUN):
            yield Case("limits", command, f"{count} processes", as_nobody=True, time_limit=200,
                       limits={resource.RLIMIT_NPROC: count})


def devices() -> Iterator[Case]:
    for command in COMMANDS:
        yield Case("devices", command, "stdout is full", stdout="/dev/full")
        yield Case("devices", command, "stderr is full", stderr="/dev/full")
        yield Case("devices", command, "stdout and stderr are full", stdout="/dev/full",
                   stderr="/dev/full")
        for stream in (0, 1, 2):
            sign = "<" if stream == 0 else ">"
            wrapper = ["sh", "-c", f'exec "$@" {stream}{sign}&-', "sh"]
            yield Case("devices", command, f"stream {stream} is closed", wrapper=wrapper,
                       stdout=os.devnull if stream == 1 else None,
                       stderr=os.devnull if stream == 2 else None)
        for variable, folder in (("TMPDIR", "tmp"), ("XDG_STATE_HOME", "state"),
                                 ("XDG_RUNTIME_DIR", "runtime")):
            for room in (0, 4096, 16384):
                yield Case("devices", command, f"{variable} on a disk with {room} bytes left",
                           wrapper=full_disk(variable, folder, room))
    for room in (0, 4096):
        yield Case("devices", LOGIN, f"the configuration on a disk with {room} bytes left",
                   wrapper=full_disk("", ".config/dask", room))


def full_disk(variable: str, folder: str, room: int) -> list[str]:
    """A tmpfs in a mount namespace of its own, filled up, over a folder of the home."""
    script = """
    variable=$1 folder=$HOME/$2 room=$3; shift 3
    mkdir -p "$folder"
    kept=$(mktemp -d) && cp -a "$folder/." "$kept"
    mount -t tmpfs -o size=64k,mode=700 none "$folder" || exit 77
    cp -a "$kept/." "$folder"; rm -r "$kept"
    cat /dev/zero > "$folder/.filler" 2>&-
    [ "$room" = 0 ] || truncate -s -"$room" "$folder/.filler"
    [ -z "$variable" ] || export "$variable=$folder"
    "$@"
    status=$?
    # What is left there is judged on the disk below.
    rm "$folder/.filler"
    kept=$(mktemp -d) && cp -a "$folder/." "$kept"
    umount "$folder" || exit 78
    find "$folder" -mindepth 1 -delete
    cp -a "$kept/." "$folder"; rm -r "$kept"
    exit $status
    """
    return ["unshare", "--mount", "sh", "-c", script, "sh", variable, folder, str(room)]


def can_mount() -> bool:
    probe = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(probe, capture_output=True).returncode == 0

