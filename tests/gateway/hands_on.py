"""A gateway for hands, not for tests: with a dgw that is built, and configured for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import environment
import gateway as server
import keeper
import processes

CONFIGURATION = """\
gateway:
  address: {address}
  auth:
    type: basic
    kwargs:
      username: alice  # any name will do here
      password: "{password}"
  http-client:
    proxy: false
"""

GREETING = """\
In this shell `dgw` is set up for a Dask Gateway of its own (see $DASK_CONFIG/gateway.yaml). Try:

    dgw options
    dgw new -s worker_cores=1 --workers 2
    dgw list
    dgw connect

{python} is one that has dask_gateway.
With `exit`, everything stops.
"""


@contextmanager
def gateway(dgw: Path | None) -> Iterator[dict[str, str]]:
    """Run a gateway for the block, which gets the environment in which `dgw` means this one."""
    dgw = dgw.absolute() if dgw else build()
    if not (dgw.is_file() and os.access(dgw, os.X_OK)):
        raise environment.Unfit(f"there is no program at `{dgw}`")
    with keeper.running(partial(server.run, auth="basic", tls=False)) as running:
        yield configured(running.description, dgw)


def build() -> Path:
    if not (cargo := shutil.which("cargo")):
        raise environment.Unfit("dgw is built with cargo, and there is no `cargo`")
    done = subprocess.run([cargo, "build", "--release"], cwd=environment.ROOT,
                          env=os.environ | {"CARGO_TARGET_DIR": str(environment.TARGET)},
                          preexec_fn=processes.ends_with_us())
    if done.returncode != 0:
        raise environment.Unfit("`cargo build --release` failed")
    return environment.TARGET / "release" / "dgw"


def configured(description: dict[str, Any], dgw: Path) -> dict[str, str]:
    """Write what a user of the gateway would have in ~/.config/dask, and lead there."""
    work = Path(description["work"])
    user, site, programs = work / "config", work / "site", work / "bin"
    for folder in (user, site, programs):
        folder.mkdir(mode=0o700)
    secret = os.open(user / "gateway.yaml", os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(secret, "w") as file:
        file.write(CONFIGURATION.format_map(description))
    (programs / "dgw").symlink_to(dgw)

    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DASK_")}
    return inherited | {
        "DASK_CONFIG": str(user),
        "DASK_ROOT_CONFIG": str(site),  # empty, as /etc/dask may speak of another gateway
        "PATH": f"{programs}:{Path(sys.prefix) / 'bin'}:{os.environ.get('PATH', os.defpath)}",
    }


def shell(env: dict[str, str]) -> int:
    print(GREETING.format(python=sys.executable), file=sys.stderr, flush=True)
    signal.signal(signal.SIGINT, lambda *_: None)  # it is meant for what runs in the shell
    command = [env.get("SHELL") or "/bin/sh"]
    tie = processes.ends_with_us(by=signal.SIGHUP)
    return subprocess.run(command, env=env, preexec_fn=tie).returncode
