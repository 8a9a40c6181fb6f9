"""A real Slurm on this machine, of one node, for a gateway whose schedulers and workers are jobs.

Its daemons are ours alone: they have their own ports, sockets, key and state, all in the work
folder, and know nothing of a Slurm that may be set up here.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
from pathlib import Path

import environment
from keeper import Failed
from servers import Servers

DAEMONS = ["munged", "slurmctld", "slurmd"]
CLIENTS = ["sbatch", "scancel", "scontrol", "sinfo", "squeue", "sudo"]
# Daemons live where an ordinary user's PATH doesn't lead.
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
CORES = 4


class Slurm:
    def __init__(self, servers: Servers, ports: list[int]) -> None:
        """Start it. It needs two ports. It is there once `is_ready` says so."""
        self._folder = servers.work / "slurm"
        self._folder.mkdir(mode=0o755)
        self.conf = self._folder / "slurm.conf"
        self._munge_socket = self._folder / "munge.socket"
        self._write_conf(*ports)
        self._start_munge(servers)
        for daemon, flags in (("slurmctld", ["-D", "-i"]), ("slurmd", ["-D", "-c"])):
            command = [find(daemon), *flags, "-f", str(self.conf)]
            servers.start(daemon, command, {"SLURM_CONF": str(self.conf)})

    def is_ready(self) -> bool:
        done = self._client("sinfo", "--noheader", "--format=%t")
        return done.returncode == 0 and done.stdout.strip() == "idle"

    def settings(self, home: Path) -> dict[str, str]:
        """What the gateway's configuration asks for.

        The gateway runs Slurm's clients with an empty environment, where ours would ask a Slurm of
        the machine: they get a wrapper that names the right one.
        """
        wrappers = {name: str(self._wrap(name)) for name in ("sbatch", "scancel", "squeue")}
        return wrappers | {"home": str(home)}

    def _client(self, name: str, *args: str) -> subprocess.CompletedProcess[str]:
        # Bounded: the keeper is deaf to its front meanwhile.
        try:
            return subprocess.run([find(name), *args], env={"SLURM_CONF": str(self.conf)},
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=5)
        except subprocess.TimeoutExpired as slow:
            return subprocess.CompletedProcess(slow.cmd, 1, "", "")

    def _wrap(self, name: str) -> Path:
        wrapper = self._folder / name
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {find(name)} "$@"\n')
        wrapper.chmod(0o755)
        return wrapper

    def _write_conf(self, controller: int, node: int) -> None:
        host = socket.gethostname().split(".")[0]
        user = pwd.getpwuid(os.geteuid()).pw_name
        state = {name: self._folder / name for name in ("state", "spool")}
        for folder in state.values():
            folder.mkdir()
        # No cgroups, no accounting: those want a machine of their own. Slurm takes our word for how
        # large the node is (config_overrides), so that tests don't depend on the machine's size.
        self.conf.write_text(f"""\
ClusterName=dgw
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={self._munge_socket}
CredType=cred/munge
StateSaveLocation={state["state"]}
SlurmdSpoolDir={state["spool"]}
SlurmctldPidFile={self._folder}/slurmctld.pid
SlurmdPidFile={self._folder}/slurmd.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={CORES} RealMemory=16000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
""")

    def _start_munge(self, servers: Servers) -> None:
        key = self._folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        paths = {"key-file": key, "socket": self._munge_socket,
                 "pid-file": self._folder / "munged.pid", "seed-file": self._folder / "munge.seed",
                 "log-file": self._folder / "munged.log"}
        # --force: our folder lies in /tmp, which anybody may write to.
        command = [find("munged"), "--foreground", "--force"]
        servers.start("munged", command + [f"--{flag}={path}" for flag, path in paths.items()], {})


def check() -> None:
    """Whether this machine has what it takes; raises what is missing."""
    if missing := [name for name in DAEMONS + CLIENTS if not shutil.which(name, path=PATH)]:
        raise environment.Unfit(
            f"`--backend slurm` needs {', '.join(missing)} (on Debian: apt-get install "
            "--no-install-recommends slurmctld slurmd slurm-client munge sudo)")
    user = pwd.getpwuid(os.geteuid()).pw_name
    # As the gateway does it, to start jobs as their user.
    if subprocess.run(["sudo", "-nHu", user, "true"], stdin=subprocess.DEVNULL,
                      capture_output=True).returncode != 0:
        raise environment.Unfit(
            f"`--backend slurm` needs `sudo -nHu {user}` to work, as it does for root")


def find(name: str) -> str:
    path = shutil.which(name, path=PATH)
    if not path:
        raise Failed(f"no `{name}` on this machine")
    return path
