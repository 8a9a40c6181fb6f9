"""What the gateway under test runs on: a virtual environment and, for JupyterHub, its node proxy.

Both are made once, in target/gateway, from the pinned files beside this one.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import processes

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
HOME = (TARGET / "gateway").resolve()
VENV = HOME / "venv"
PYTHON = VENV / "bin" / "python"
HUB_PROXY = HOME / "hub-proxy"
RELEASES = HOME / "releases"
SERVERS = HOME / "servers"
OLDER_SERVERS = {pins.stem: pins for pins in sorted((HERE / "older-servers").glob("*.txt"))}
KERBEROS = HOME / "kerberos"
HUB_PROXY_SCRIPT = HUB_PROXY / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"


class Unfit(Exception):
    """This machine can't run the gateway; the text says what is missing."""


def enter(with_hub_proxy: bool, with_releases: bool = False, server: str | None = None,
          with_kerberos: bool = False) -> None:
    """Make what is missing, then go on as the virtual environment's Python."""
    if Path(sys.prefix).resolve() != VENV:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        pins = (HERE / "requirements.txt").read_bytes()
        # The path belongs to it: scripts in a virtual environment name their interpreter in full.
        once(VENV, PYTHON, f"{sha256(pins)} python {version} {VENV}", make_venv)
        os.execv(PYTHON, [str(PYTHON), str(HERE), *sys.argv[1:]])
    if with_hub_proxy:
        pins = (HERE / "hub-proxy" / "package-lock.json").read_bytes()
        once(HUB_PROXY, HUB_PROXY_SCRIPT, sha256(pins), make_hub_proxy)
    if with_releases:
        for pins in sorted((HERE / "releases").glob("*.txt")):
            make_pinned(RELEASES, pins)
    if server:
        make_pinned(SERVERS, OLDER_SERVERS[server])
    if with_kerberos:
        pins = (HERE / "kerberos.txt").read_bytes()
        once(KERBEROS, KERBEROS, f"{sha256(pins)} {sys.version}", make_kerberos)


def releases() -> dict[str, Path]:
    """Older releases of distributed, and the Python that has each."""
    return {python.parts[-3]: python for python in sorted(RELEASES.glob("*/bin/python"))}


def server_python(server: str | None) -> Path:
    """The Python that has this release of dask-gateway-server; without one, the newest."""
    return SERVERS / server / "bin" / "python" if server else Path(sys.executable)


def once(folder: Path, product: Path, fingerprint: str, make: Callable[[int], None]) -> None:
    """Call `make` unless `folder` has the `product` and is complete by this `fingerprint`.

    The lock keeps two launchers from making it at once. What `make` starts inherits the lock:
    should this launcher be killed, the next one waits until the last installer is gone.
    """
    marker = folder / "complete"
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.parent / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if product.exists() and marker.exists() and marker.read_text() == fingerprint:
            return
        shutil.rmtree(folder, ignore_errors=True)
        make(lock)
        marker.write_text(fingerprint)
    finally:
        os.close(lock)


def make_venv(lock: int) -> None:
    if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
        raise Unfit("this Python has no `venv` with `ensurepip` (on Debian: install python3-venv)")
    announce(VENV)
    run([sys.executable, "-m", "venv", str(VENV)], lock)
    run([str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check",
         "--no-input", "--require-hashes", "-r", str(HERE / "requirements.txt")], lock)


def make_pinned(group: Path, pins: Path) -> None:
    """An environment for an older release: of schedulers, workers and clients, or of a server."""
    folder = group / pins.stem
    python = folder / "bin" / "python"

    def make(lock: int) -> None:
        announce(folder)
        run([sys.executable, "-m", "venv", str(folder)], lock)
        run([str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
             "--no-deps", "-r", str(pins)], lock)

    once(folder, python, f"{sha256(pins.read_bytes())} {sys.version} {folder}", make)


def make_kerberos(lock: int) -> None:
    """What only a gateway with Kerberos imports, in a folder of its own: it has to be compiled."""
    announce(KERBEROS)
    run([str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
         "--require-hashes", "--no-deps", "--target", str(KERBEROS),
         "-r", str(HERE / "kerberos.txt")], lock)


def make_hub_proxy(lock: int) -> None:
    if not (npm := shutil.which("npm")):
        raise Unfit("`--auth jupyterhub` needs node and npm, and there is no `npm`")
    announce(HUB_PROXY)
    HUB_PROXY.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "hub-proxy" / name, HUB_PROXY)
    run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], lock, cwd=HUB_PROXY)


def announce(folder: Path) -> None:
    print(f"making {folder} (once, a minute or so)", file=sys.stderr, flush=True)


def run(command: list[str], lock: int, cwd: Path | None = None) -> None:
    done = subprocess.run(command, pass_fds=[lock], cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          preexec_fn=processes.ends_with_us())
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise Unfit(f"`{' '.join(command)}` failed:\n{tail}")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
