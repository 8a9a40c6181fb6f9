"""dgw against curl and the Python client: whole processes, in turn, on real gateways.

    python3 benches/compare.py [--runs N] [--clusters N] [--dgw PATH]

Measures what `cargo build --release` makes, or another binary, such as a released one. For http and
https: wall and CPU time (medians), peak memory, and instructions where valgrind is installed, of
single commands; then how long it takes to start a cluster; with --clusters, how long to shut that
many down. Ratios are medians of the runs' own ratios, so that a machine whose speed drifts still
compares fairly. curl sends the same requests; what dgw asks of a scheduler by its own protocol, curl
asks of the scheduler's HTTP routes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
PYTHON = "from dask_gateway import Gateway\nwith Gateway() as g: "
SHOW_IN_PYTHON = "print(g.connect('{name}', shutdown_on_close=False).get_client().scheduler_info())"


@dataclass
class Site:
    """A gateway, and somebody who may use it."""

    dgw: str
    facts: dict[str, str]
    environment: dict[str, str]

    def curl(self, *args: str) -> list[str]:
        trust = ["--cacert", self.facts["ca_file"]] if "ca_file" in self.facts else []
        return ["curl", "-sS", *trust, "-u", f"bench:{self.facts['password']}", *args]

    def url(self, path: str) -> str:
        return f"{self.facts['address']}{path}"

    def python(self, statement: str) -> list[str]:
        return [self.facts["python"], "-c", PYTHON + statement]

    def list(self) -> list[dict]:
        return json.loads(self.run(self.dgw, "list", "-o", "json"))

    def run(self, *command: str) -> str:
        return subprocess.run(command, env=self.environment, check=True, text=True,
                              stdout=subprocess.PIPE).stdout


@dataclass
class Timed:
    command: list[str]
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--clusters", type=int, default=0)
    parser.add_argument("--dgw", type=Path)
    args = parser.parse_args()
    if args.dgw is None:
        subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
        args.dgw = TARGET / "release" / "dgw"
    print(f"{args.dgw}: {args.dgw.stat().st_size / 1e6:.2f} MB")
    for flags in ([], ["--tls"]):
        with ExitStack() as stack:
            site = enter(stack, args.dgw, flags)
            print(f"\n## {'https' if flags else 'http'}")
            single_commands(site, args.runs)
            starts(site, max(3, args.runs // 20))
            if args.clusters:
                shutdowns(site, args.clusters)


def enter(stack: ExitStack, dgw: Path, flags: list[str]) -> Site:
    command = [sys.executable, str(ROOT / "tests/gateway"), "serve", *flags]
    server = stack.enter_context(
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    )
    facts = json.loads(server.stdout.readline())
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    file = folder / "gateway.yaml"
    file.touch(mode=0o600)
    file.write_text(
        f"gateway:\n  address: {facts['address']}\n"
        f"  auth:\n    kwargs: {{username: bench, password: \"{facts['password']}\"}}\n"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "DASK_CONFIG": str(folder)}
    if "ca_file" in facts:
        environment["SSL_CERT_FILE"] = facts["ca_file"]
    return Site(str(dgw.resolve()), facts, environment)


def single_commands(site: Site, runs: int) -> None:
    # What there is to look at; it goes with the gateway.
    name = site.run(site.dgw, "new", "-q").strip()
    clusters = site.url("/api/v1/clusters/")
    routes = [site.url(f"/clusters/{name}/json/{file}.json") for file in ("identity", "counts")]
    heading()
    compare(site, runs, {
        "curl, the list": site.curl(clusters),
        "dgw list": [site.dgw, "list"],
        "dgw list --wide": [site.dgw, "list", "-o", "wide"],
    }, site.python("print(g.list_clusters())"))
    compare(site, runs, {
        "curl, the cluster": site.curl(clusters + name, *routes),
        "dgw show": [site.dgw, "show", name],
    }, site.python(SHOW_IN_PYTHON.format(name=name)))
    compare(site, runs, {
        "curl, the options": site.curl(site.url("/api/v1/options")),
        "dgw options": [site.dgw, "options"],
    }, site.python("print(g.cluster_options())"))
    compare(site, runs, {
        "true": ["true"],
        "dgw --version": [site.dgw, "--version"],
        "dgw --help": [site.dgw, "--help"],
    })


def heading() -> None:
    print(f"{'':20}{'wall':>10}{'ratio':>8}{'CPU':>10}{'peak':>10}{'instructions':>15}{'requests':>10}")


def compare(site: Site, runs: int, commands: dict[str, list[str]],
            python: list[str] | None = None) -> None:
    """Print a row for each command; ratios are to the first."""
    timed = measured(site, runs, commands)
    if python:
        few = measured(site, max(3, runs // 20), {"": next(iter(commands.values())), "Python": python})
        timed["Python"] = few["Python"]
    first, *_ = timed.values()
    for name, one in timed.items():
        base = few[""] if name == "Python" else first
        ratio = median(a / b for a, b in zip(one.walls, base.walls, strict=True))
        print(f"{name:20}{median(one.walls) * 1e3:>7.1f} ms{ratio:>8.2f}"
              f"{median(one.cpus) * 1e3:>7.1f} ms{peak_memory(site, one.command):>10}"
              f"{instructions(site, one.command):>15}{requests(site, one.command):>10}", flush=True)


def measured(site: Site, runs: int, commands: dict[str, list[str]]) -> dict[str, Timed]:
    timed = {name: Timed(command) for name, command in commands.items()}
    for run in range(runs + 1):
        for one in timed.values():
            wall, cpu = measure(site, one.command)
            if run:  # the first warms up
                one.walls.append(wall)
                one.cpus.append(cpu)
    return timed


def measure(site: Site, command: list[str]) -> tuple[float, float]:
    """Seconds of wall and of CPU time."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=site.environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return wall, usage.ru_utime + usage.ru_stime


def peak_memory(site: Site, command: list[str]) -> str:
    """The resident memory's peak, read while the process waits to get rid of its output.

    What `wait4` tells begins with what the launcher itself held, which is more.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 65536)
    except BlockingIOError:
        os.set_blocking(writer, True)
    process = subprocess.Popen(command, env=site.environment, stdout=writer)
    os.close(writer)
    peak = None
    for _ in range(600):
        time.sleep(0.05)
        status = Path(f"/proc/{process.pid}/status").read_text()
        if (found := re.search(r"VmHWM:\s+(\d+) kB", status)) is None:
            break  # it had nothing to say
        now = int(found[1])
        if now == peak and "State:\tS" in status:
            break
        peak = now
    with os.fdopen(reader, "rb") as output:
        while output.read(65536):
            pass
    process.wait()
    return "-" if peak is None else f"{peak / 1024:.1f} MiB"


def instructions(site: Site, command: list[str]) -> str:
    """How many the process executes, which no other load changes; dgw's own only."""
    if not shutil.which("valgrind") or command[0] != site.dgw:
        return "-"
    counting = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    done = subprocess.run(counting, env=site.environment, text=True, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE)
    found = re.search(r"Collected : (\d+)", done.stderr)
    return f"{int(found[1]) / 1e6:.1f} M" if found else "-"


def requests(site: Site, command: list[str]) -> str:
    if command[0] != site.dgw or command[1].startswith("--"):
        return "-"
    done = subprocess.run([*command, "-v"], env=site.environment, text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return str(len(re.findall(r"^\* (?:GET|POST|DELETE|asked the scheduler)", done.stderr, re.M)))


def starts(site: Site, runs: int) -> None:
    """From nothing to RUNNING; most of it is the scheduler's own start."""
    clusters = site.url("/api/v1/clusters/")

    def by_curl() -> None:
        name = json.loads(site.run(*site.curl("-d", "{}", clusters)))["name"]
        site.run(*site.curl(f"{clusters}{name}?wait"))

    ways = {
        "curl": by_curl,
        "dgw": lambda: site.run(site.dgw, "new", "-q"),
        "Python": lambda: site.run(*site.python("g.new_cluster(shutdown_on_close=False).close()")),
    }
    took = {who: [] for who in ways}
    for _ in range(runs):
        for who, way in ways.items():
            took[who].append(seconds(way))
            site.run(site.dgw, "shutdown", "--all", "--yes", "-q")
    against_curl("a start", {who: median(times) for who, times in took.items()})


def shutdowns(site: Site, count: int) -> None:
    """Of many running clusters, until none is left: the gateway sets the pace."""
    clusters = site.url("/api/v1/clusters/")
    left = f"{clusters}?status=pending,running,stopping"

    def until_gone() -> None:
        while json.loads(site.run(*site.curl(left))):
            time.sleep(0.05)

    def by_curl() -> None:
        urls = [clusters + cluster["name"] for cluster in site.list()]
        site.run(*site.curl("-Z", "--no-progress-meter", "--parallel-max", "16", "-X", "DELETE", *urls))
        until_gone()

    def by_python() -> None:
        site.run(*site.python("[g.stop_cluster(c.name) for c in g.list_clusters()]"))
        until_gone()

    ways = {
        "curl": by_curl,
        "dgw": lambda: site.run(site.dgw, "shutdown", "--all", "--yes", "-q"),
        "Python": by_python,
    }
    took = {}
    for who, way in ways.items():
        for _ in range(count):
            site.run(site.dgw, "new", "-q", "--no-wait")
        for _ in range(600):
            if [cluster["status"] for cluster in site.list()].count("RUNNING") == count:
                break
            time.sleep(1)
        else:
            sys.exit(f"{count} clusters can't run on this machine at the same time")
        took[who] = seconds(way)
    against_curl(f"a shutdown of {count}", took)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def against_curl(what: str, took: dict[str, float]) -> None:
    times = (f"{who} {time:.2f} s ({time / took['curl']:.2f})" for who, time in took.items())
    print(f"\n{what}, and its ratio to curl: {', '.join(times)}", flush=True)


if __name__ == "__main__":
    main()
