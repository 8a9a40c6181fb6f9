"""Failing system calls and signals, by strace's fault injection.

strace, because it fails the real call of the program as it is shipped, whatever makes it: std, libc,
ring or a raw `syscall`, in every thread, and between fork and exec. A preload shim sees only calls
through libc's symbols, and none of a static binary. A seam in the code would see only what goes
through it, and would be a switch for tests in the shipped program.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from commands import COMMANDS, NEW, RUN, Command
from judge import Case, Run
from worlds import Gateway, World

# Errors that each call may really fail with. Not among them: that a file doesn't exist, which is no
# fault; and calls that can't fail with valid arguments.
FILE = ("EACCES", "EIO", "ESTALE")
SPACE = ("ENOSPC", "EIO", "EDQUOT")
ERRORS = {
    "openat": ("EACCES", "EIO", "ESTALE", "EMFILE", "ENOMEM"), "open": ("EACCES", "EMFILE"),
    "utimensat": ("EPERM", "EIO"), "fstatfs": ("EIO",),
    "read": ("EIO", "EINTR"), "pread64": ("EIO",), "readv": ("EIO",),
    "write": ("ENOSPC", "EIO", "EFBIG", "EINTR"), "writev": ("ENOSPC", "EIO"),
    "fstat": ("EIO", "ESTALE"), "newfstatat": FILE, "statx": FILE, "lstat": FILE, "stat": FILE,
    "getdents64": ("EIO", "ESTALE"), "close": ("EIO",), "lseek": ("EIO",),
    "rename": SPACE, "renameat": SPACE, "renameat2": SPACE, "link": SPACE, "linkat": SPACE,
    "unlink": ("EBUSY", "EIO"), "unlinkat": ("EBUSY", "EIO", "EMFILE"), "rmdir": ("EBUSY", "EIO"),
    "mkdir": SPACE, "mkdirat": SPACE, "symlink": SPACE, "symlinkat": SPACE,
    "fsync": SPACE, "fdatasync": SPACE, "ftruncate": SPACE, "fallocate": SPACE,
    "chmod": ("EPERM", "EIO"), "fchmod": ("EPERM", "EIO"), "fchmodat": ("EPERM", "EIO"),
    "fchmodat2": ("EPERM", "EIO"), "flock": ("ENOLCK", "EINTR"), "fcntl": ("EMFILE",),
    "readlink": FILE, "readlinkat": FILE, "getcwd": ("ENOENT", "EACCES"), "ioctl": ("EIO",),
    "access": FILE, "faccessat": FILE, "faccessat2": FILE, "chdir": FILE,
    "socket": ("EMFILE", "ENOBUFS", "EACCES"), "socketpair": ("EMFILE", "ENOBUFS"),
    "connect": ("ECONNREFUSED", "ENETUNREACH", "ETIMEDOUT", "EADDRNOTAVAIL"),
    "bind": ("EADDRINUSE", "EACCES"), "listen": ("EADDRINUSE",),
    "accept4": ("EMFILE", "ECONNABORTED"),
    "sendto": ("ECONNRESET", "EPIPE", "ENOBUFS"), "recvfrom": ("ECONNRESET", "ENOMEM"),
    "sendmsg": ("ECONNRESET", "ENOBUFS"), "recvmsg": ("ECONNRESET", "ENOMEM"),
    "sendmmsg": ("ECONNRESET",), "setsockopt": ("ENOBUFS",),
    "getsockopt": ("ENOBUFS",), "getsockname": ("ENOBUFS",), "getpeername": ("ENOTCONN",),
    "shutdown": ("ENOTCONN",), "pipe2": ("EMFILE", "ENFILE"), "eventfd2": ("EMFILE", "ENOMEM"),
    "epoll_create1": ("EMFILE", "ENOMEM"), "epoll_ctl": ("ENOMEM", "ENOSPC"),
    "epoll_wait": ("EINTR",), "poll": ("EINTR", "ENOMEM"), "ppoll": ("EINTR",),
    "timerfd_create": ("EMFILE",), "signalfd4": ("EMFILE",), "dup": ("EMFILE",),
    "clone": ("EAGAIN", "ENOMEM"), "clone3": ("EAGAIN", "ENOMEM"), "vfork": ("EAGAIN",),
    "fork": ("EAGAIN",), "execve": ("EACCES", "ENOMEM", "E2BIG"), "pidfd_open": ("EMFILE", "ENOSYS"),
    "mmap": ("ENOMEM",), "mprotect": ("ENOMEM",), "mremap": ("ENOMEM",),
    "madvise": ("ENOMEM",), "prlimit64": ("EPERM",), "getrandom": ("EINTR", "ENOSYS"),
    "kill": ("EPERM",), "setsid": ("EPERM",), "setpgid": ("EPERM",), "prctl": ("EINVAL",),
    "wait4": ("EINTR",), "waitid": ("EINTR",), "memfd_create": ("EMFILE",),
}
# What stays once it has begun: a full disk, and limits on processes, files and memory.
LASTING = {"openat": "EMFILE", "socket": "EMFILE", "clone3": "EAGAIN",
           "clone": "EAGAIN", "vfork": "EAGAIN", "unlinkat": "EIO", "unlink": "EIO",
           "renameat": "EIO", "rename": "EIO", "getdents64": "EIO", "fsync": "EIO"}
# Calls on a descriptor, whose errors depend on what it is: connections fail in their own way, and
# the kernel's own objects and closed directories don't fail.
ON_SOCKET = {"read": ("ECONNRESET", "EINTR"), "write": ("ECONNRESET", "EPIPE", "EINTR"),
             "readv": ("ECONNRESET",), "writev": ("ECONNRESET", "EPIPE"),
             "close": (), "fstat": (), "ioctl": ()}

# All that end a process by default, and those that batch systems and terminals send besides.
SIGNALS = ["TERM", "INT", "HUP", "QUIT", "XCPU", "XFSZ", "ALRM", "VTALRM", "PROF", "IO", "PWR",
           "STKFLT", "USR1", "USR2", "PIPE"]

CALL = re.compile(r"^(\d+) +(\w+)\((?:\d+<([^>]*)>)?")

# The number of a call, and the errors that it may end with.
Points = dict[str, dict[int, tuple[str, ...]]]


def available() -> str | None:
    """The reason why nothing can be injected here, if there is one."""
    if not shutil.which("strace"):
        return "strace is not installed"
    probe = inject("getppid:error=EPERM:when=1")
    works = subprocess.run([*probe, "true"], capture_output=True).returncode == 0
    return None if works else "strace can't trace here"


def inject(what: str, *options: str) -> list[str]:
    call = what.partition(":")[0]
    return ["strace", "-f", "--seccomp-bpf", "-qqq", "-o", "/dev/null", "-e", f"trace={call}",
            *options, "-e", f"inject={what}"]


def points(command: Command, gateway: Gateway) -> Points:
    """The calls that dgw makes from `main` on, with the numbers by which strace counts them.

    strace counts each thread's calls, those of the dynamic loader and of the runtime before `main`
    too. No number is used that means one of these in the first thread.
    """
    world = World.make(gateway, command.needs)
    with tempfile.TemporaryDirectory() as directory:
        trace = Path(directory) / "trace"
        wrapper = ["strace", "-f", "-y", "-qqq", "-o", str(trace)]
        try:
            case = Case("trace", command, "nothing", wrapper)
            outcome = Run(case, world, gateway.address).judge()
            text = trace.read_text(errors="replace")
            directories = {str(path) for path in world.home.rglob("*") if path.is_dir()}
        finally:
            world.remove()
    if outcome.violations:
        raise SystemExit(f"error: undisturbed, {command}: {outcome.violations}\n{outcome.stderr}")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    found: Points = defaultdict(dict)
    first, stacks, loader = "", 0, Counter[str]()
    commands: set[str] = set()
    for line in text.splitlines():
        if not (match := CALL.match(line)):
            continue
        thread, call, target = match.groups()
        first = first or thread
        counts[thread][call] += 1
        number = counts[thread][call]
        # The last thing before `main` is the stack for signal handlers.
        if stacks < 2:
            stacks += call == "sigaltstack"
            loader = counts[first].copy()
            continue
        if call == "execve":
            commands.add(thread)
        elif thread in commands:
            continue  # COMMAND's own
        if number > loader[call]:
            errors = errors_of(call, target or "", line, directories)
            earlier = found[call].get(number)
            # Several threads count up to the same number.
            found[call][number] = errors if earlier is None else tuple(
                error for error in errors if error in earlier)
    return found


def errors_of(call: str, target: str, line: str, directories: set[str]) -> tuple[str, ...]:
    if call == "fcntl":
        return ERRORS[call] if "F_DUPFD" in line else ()
    if target.startswith("socket:"):
        return ON_SOCKET.get(call, ERRORS.get(call, ()))
    if target.startswith("anon_inode:"):
        return ERRORS[call] if call == "epoll_ctl" else ()
    if call == "close" and (target in directories or "dgw-connection-" in Path(target).name):
        return ()
    if target.startswith(("pipe:", "/proc")) and call in ("close", "fstat", "read"):
        return ("EINTR",) if call == "read" else ()
    return ERRORS.get(call, ())


def failing_calls(traced: dict[Command, Points]) -> Iterator[Case]:
    for command, calls in traced.items():
        for call, numbers in calls.items():
            for number, errors in numbers.items():
                for error in errors:
                    what = f"{call}:error={error}:when={number}"
                    yield Case("system calls", command, what, wrapper=inject(what))
                if call in LASTING:
                    what = f"{call}:error={LASTING[call]}:when={number}+"
                    yield Case("system calls", command, what, wrapper=inject(what),
                               time_limit=400 if command.starts else 60)


def signals(traced: dict[Command, Points]) -> Iterator[Case]:
    """Every signal at every point of `new` and `run`, two at every point where else there is
    something to clean up, and one at every fourth point of the others, which die of it."""
    for command, calls in traced.items():
        if command in (NEW, RUN):
            wanted = SIGNALS
        elif command.handles_signals or command.login or command.ends:
            wanted = ["TERM", "XFSZ"]
        else:
            wanted = ["TERM"]
        step = 4 if len(wanted) == 1 else 1
        for call, numbers in calls.items():
            if call in ("exit_group", "exit", "rt_sigreturn", "execve"):
                continue
            for number in list(numbers)[::step]:
                for name in wanted:
                    what = f"{call}:signal={name}:when={number}"
                    yield Case("signals", command, what, wrapper=inject(what),
                               signal=signal.Signals[f"SIG{name}"], time_limit=60)


def trace_all(gateway: Gateway) -> dict[Command, Points]:
    return {command: points(command, gateway) for command in COMMANDS}

