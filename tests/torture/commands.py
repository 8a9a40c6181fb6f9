"""The commands that are tortured, and what each of them may do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    arguments: str
    # Clusters that exist before: `used`, `kept`, `spare`.
    needs: str = ""
    starts: bool = False
    # May shut the spare cluster down.
    ends: bool = False
    login: bool = False
    # Has handlers of its own for signals; others die of them.
    handles_signals: bool = False
    runs_command: bool = False
    # Prints the name of a cluster that it leaves running.
    hands_over: bool = False

    def __str__(self) -> str:
        return f"dgw {self.arguments}"


CLEAN_UP = Command("shutdown --idle-for 2s --yes", "used kept spare", ends=True)
RUN = Command("run -- sh -c :", "used", starts=True, handles_signals=True, runs_command=True)
NEW = Command("new", "used", starts=True, handles_signals=True, hands_over=True)
LOGIN = Command("login --address ADDRESS --username USER --force", login=True)
CONNECT = Command("connect USED -- sh -c :", "used", runs_command=True, handles_signals=True)
SHUTDOWN = Command("shutdown SPARE", "used spare", ends=True)
SCALE = Command("scale USED 2", "used")
WAIT = Command("wait USED --for idle --timeout 1s", "used")

COMMANDS = [
    NEW, RUN, CLEAN_UP, LOGIN, CONNECT, SHUTDOWN, SCALE, WAIT,
    Command("new --no-wait", starts=True, handles_signals=True, hands_over=True),
    Command("new -s worker_cores=2 --adapt 0..2 -o json", starts=True, handles_signals=True,
            hands_over=True),
    Command("run --keep -- sh -c :", starts=True, handles_signals=True, runs_command=True,
            hands_over=True),
    Command("shutdown --all --yes", "spare", ends=True),
    Command("adapt USED --min 0 --max 2", "used"),
    Command("keep SPARE --for 2h", "spare"),
    Command("list", "used"),
    Command("list --wide -o json", "used"),
    Command("show USED", "used"),
    Command("logs USED", "used"),
    Command("connect USED", "used"),
    Command("dashboard USED", "used"),
    Command("options"),
    Command("doctor", "used"),
    Command("completions bash"),
    Command("--help"),
]
