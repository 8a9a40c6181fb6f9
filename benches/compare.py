"""dgw against curl and the Python client: whole processes, in turn, on one real gateway.

    python3 benches/compare.py [RUNS]

Wall time is the median; the ratio is the median of the runs' own ratios to curl's, so that a
machine whose speed drifts still compares fairly.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
PYTHON_CLIENT = "from dask_gateway import Gateway; print(Gateway().list_clusters())"


def main(runs: int) -> None:
    subprocess.run(["cargo", "build", "--release"], cwd=ROOT, check=True)
    for flags in ([], ["--tls"]):
        with ExitStack() as stack:
            gateway = serve(stack, flags)
            environment = configure(stack, gateway)
            compare(gateway, environment, runs)


def serve(stack: ExitStack, flags: list[str]) -> dict[str, str]:
    command = [sys.executable, str(ROOT / "tests/gateway"), "serve", *flags]
    server = stack.enter_context(
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    )
    return json.loads(server.stdout.readline())


def configure(stack: ExitStack, gateway: dict[str, str]) -> dict[str, str]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    file = folder / "gateway.yaml"
    file.touch(mode=0o600)
    file.write_text(
        f"gateway:\n  address: {gateway['address']}\n"
        f"  auth:\n    kwargs: {{username: bench, password: \"{gateway['password']}\"}}\n"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "DASK_CONFIG": str(folder)}
    if "ca_file" in gateway:
        environment["SSL_CERT_FILE"] = gateway["ca_file"]
    return environment


def compare(gateway: dict[str, str], environment: dict[str, str], runs: int) -> None:
    dgw = str(TARGET / "release" / "dgw")
    # A cluster, so that the list has something in it; it goes with the gateway.
    subprocess.run([dgw, "new", "-q"], env=environment, stdout=subprocess.DEVNULL, check=True)
    trust = ["--cacert", gateway["ca_file"]] if "ca_file" in gateway else []
    url = f"{gateway['address']}/api/v1/clusters/"
    curl = {"curl": ["curl", "-s", *trust, "-u", f"bench:{gateway['password']}", url]}
    quick = {
        "dgw list": [dgw, "list"],
        "dgw --version": [dgw, "--version"],
        "true": ["true"],
    }
    slow = {"Python client": [gateway["python"], "-c", PYTHON_CLIENT]}
    print(f"\n{gateway['address'].split(':')[0]}{'wall':>22}{'of curl':>12}")
    report(curl | quick, environment, runs)
    report(curl | slow, environment, max(3, runs // 20))


def report(commands: dict[str, list[str]], environment: dict[str, str], runs: int) -> None:
    timed: dict[str, list[float]] = {name: [] for name in commands}
    for run in range(runs + 1):
        for name, command in commands.items():
            seconds = measure(command, environment)
            if run:  # the first warms up
                timed[name].append(seconds)
    for name, walls in timed.items():
        pairs = zip(walls, timed["curl"], strict=True)
        ratio = statistics.median(one / other for one, other in pairs)
        print(f"{name:16}{statistics.median(walls) * 1000:>7.1f} ms{ratio:>12.2f}")


def measure(command: list[str], environment: dict[str, str]) -> float:
    """Seconds of wall time."""
    started = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
