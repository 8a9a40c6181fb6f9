"""Runs dgw once in a world, and asks the gateway and the machine what became of it."""

from __future__ import annotations

import os
import re
import resource
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import worlds
from commands import Command
from faulty import Fault, Faulty
from worlds import ACTIVE, World

DOCUMENTED = {*range(10), 126, 127, 129, 130, 131, 143, 152}
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# What dgw can't prevent, in the cases that contain this text: tokio panics if it gets no descriptors
# for signals, before anything is sent, and Rust aborts where memory itself is refused.
KNOWN = [
    ("socketpair:error=", {"printed `panicked`"}),
    ("24 MiB of address space", {"ended with -6", "printed `memory allocation of`"}),
]
# For processes that end by themselves once their parent has.
PATIENCE = 5.0


@dataclass
class Case:
    """One run: a command, and what is done to it."""

    part: str
    command: Command
    what: str
    wrapper: list[str] = field(default_factory=list)
    limits: dict[int, int] = field(default_factory=dict)
    signal: int | None = None
    fault: Fault | None = None
    # Called with the world; returns changes of the environment.
    prepare: Callable[[World], dict[str, str]] = lambda world: {}
    stdout: str | None = None
    stderr: str | None = None
    as_nobody: bool = False
    time_limit: float = 30.0
    options: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.part}: {self.command}: {self.what}"


@dataclass
class Outcome:
    case: Case
    violations: list[str]
    status: int | None
    stderr: str
    seconds: float

    def is_known(self) -> bool:
        return any(text in str(self.case) and set(self.violations) <= known
                   for text, known in KNOWN)


def run(case: Case, gateway: worlds.Gateway) -> Outcome:
    proxy = Faulty(gateway.address, case.fault) if case.fault else None
    address = proxy.address if proxy else gateway.address
    world = World.make(gateway, case.command.needs, address, case.as_nobody)
    if proxy:
        proxy.is_armed = True
    try:
        return Run(case, world, address).judge()
    finally:
        for pid in world.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        world.remove()
        if proxy:
            proxy.close()


class Run:
    def __init__(self, case: Case, world: World, address: str) -> None:
        self.case = case
        self.world = world
        self.violations: list[str] = []
        self.configured = world.configuration.read_bytes()
        if case.command.login:
            # What it replaces differs from what it writes, by one value.
            self.new_configuration = self.configured
            self.configured = self.configured.replace(world.user.encode(), b"former")
            world.configuration.write_bytes(self.configured)
        self.before = gateway_statuses(world)
        words = [{"USED": world.used, "SPARE": world.spare, "USER": world.user,
                  "ADDRESS": address}.get(word, word)
                 for word in shlex.split(case.command.arguments)]
        command = [*case.wrapper, *world.dgw, *case.options, *words]
        environment = world.environment() | case.prepare(world)
        password = f"{world.gateway.password}\n".encode()
        started = time.monotonic()
        with (open(case.stdout or os.devnull, "wb") as out,
              open(case.stderr or os.devnull, "wb") as err):
            process = subprocess.Popen(
                command, env=environment, cwd=world.home / "work",
                stdin=subprocess.PIPE if case.command.login else subprocess.DEVNULL,
                stdout=out if case.stdout else subprocess.PIPE,
                stderr=err if case.stderr else subprocess.PIPE, preexec_fn=self._limit,
                start_new_session=True)
            try:
                given = password if case.command.login else None
                output = process.communicate(given, timeout=case.time_limit)
                self.status: int | None = process.returncode
            except subprocess.TimeoutExpired:
                self.violations.append(f"ran for more than {case.time_limit:.0f} s")
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                output = process.communicate()
                self.status = None
        self.seconds = time.monotonic() - started
        self.stdout, self.stderr = ((text or b"").decode(errors="replace") for text in output)

    def _limit(self) -> None:
        # The limits of the kernel count for strace too, which needs no more than dgw.
        for number, value in self.case.limits.items():
            resource.setrlimit(number, (value, value))
        if self.world.uid is not None:
            os.setgroups([])
            os.setgid(self.world.uid)
            os.setuid(self.world.uid)

    def judge(self) -> Outcome:
        if self.status is not None:
            self._judge_status()
        self._judge_output()
        self._judge_processes()
        self._judge_clusters()
        self._judge_files()
        return Outcome(self.case, self.violations, self.status, self.stderr, self.seconds)

    def _judge_status(self) -> None:
        assert self.status is not None
        allowed = set(DOCUMENTED)
        if self.case.signal:
            # It ends dgw while there is nothing to clean up, or COMMAND.
            allowed |= {-self.case.signal, 128 + self.case.signal}
        if self.status not in allowed:
            self.violations.append(f"ended with {self.status}")
        if self.status not in (0, *(-number for number in range(64))) and not self.case.stderr:
            # A message that can't be written can't be told.
            can_tell = not self.case.command.runs_command and not self.case.what.startswith("write:")
            if can_tell and not self.stderr.strip():
                self.violations.append(f"ended with {self.status} without a word")

    def _judge_output(self) -> None:
        printed = self.stdout + self.stderr
        for wrong in ("panicked", "memory allocation of"):
            if wrong in printed:
                self.violations.append(f"printed `{wrong}`")
        for secret in self.world.secrets:
            if secret in printed:
                self.violations.append("printed a secret")
        if CONTROL.search(printed):
            self.violations.append("printed control characters")
        if "must have mode 600" in self.stderr or "chmod" in self.stderr:
            self.violations.append("blamed the mode of a file, which is 600")

    def _judge_processes(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while left := self.world.processes():
            if time.monotonic() > deadline:
                self.violations.append(f"left processes: {', '.join(left.values())}")
                return
            time.sleep(0.02)

    def _judge_clusters(self) -> None:
        case, world = self.case, self.world
        after = gateway_statuses(world)
        for name in (world.used, world.kept):
            if name and after.get(name) != "RUNNING":
                self.violations.append(f"the cluster that must stay is {after.get(name)}")
        spare = after.get(world.spare) if world.spare else None
        if spare and spare != "RUNNING" and not case.command.ends:
            self.violations.append(f"shut down a cluster that is {spare}")
        can_tell = not (case.stdout and case.stderr)
        if spare and spare not in ACTIVE and can_tell and self.status == 0:
            if world.spare not in self.stdout + self.stderr and not case.stdout:
                self.violations.append("ended a cluster and didn't name it")
        if spare in ACTIVE and self.stdout.strip() == world.spare and case.command.ends:
            self.violations.append("named a cluster as ended that is active")
        new = {name: status for name, status in after.items()
               if name not in self.before and status in ACTIVE}
        printed = self.stdout + self.stderr
        for name, status in new.items():
            if self.status == 0 and case.command.hands_over:
                # `run --keep` has only stderr.
                is_told = name in printed or "stream 2" in case.what or bool(case.stderr)
            else:
                is_told = name in self.stderr or "`dgw list`" in self.stderr
            if self.status == 0 and not case.command.hands_over:
                is_told = False
            if not is_told:
                self.violations.append(f"left a {status} cluster and didn't name it")
        if self.status == 0 and case.command.hands_over and not new:
            self.violations.append("named no cluster that is active")
        if gateway_statuses(world, world.stranger):
            self.violations.append("started a cluster as somebody else")

    def _judge_files(self) -> None:
        world = self.world
        found = world.configuration.read_bytes() if world.configuration.exists() else None
        allowed = [self.configured]
        if self.case.command.login:
            allowed.append(self.new_configuration)
            if self.status == 0:
                allowed.remove(self.configured)
            if "nothing was changed" in self.stderr and found != self.configured:
                self.violations.append("said that nothing was changed, and changed the file")
        if found not in allowed:
            self.violations.append("the configuration is neither the old nor the new one")
        if found is not None and world.configuration.stat().st_mode & 0o777 != 0o600:
            self.violations.append("the configuration has another mode")
        for path in world.configuration.parent.iterdir():
            if path != world.configuration:
                self.violations.append(f"left {path.name.replace(str(self.status), '…')}")
        for path in world.home.rglob("*"):
            if world.home / "tmp" in path.parents:
                # Where removal itself fails, saying so is all that is left.
                if str(path) not in self.stderr and str(path.parent) not in self.stderr:
                    self.violations.append("left files in TMPDIR and didn't say so")
            elif path.is_file() and b"PRIVATE KEY" in path.read_bytes():
                self.violations.append("left a key")


def gateway_statuses(world: World, user: str | None = None) -> dict[str, str]:
    return world.gateway.statuses(user or world.user)
