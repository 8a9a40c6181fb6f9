"""What `dgw connect -- COMMAND` costs: data through its relay against a direct gateway://
connection, in turn, in one process; and what it adds to a script's start.

    python3 benches/relay.py [RUNS [MEGABYTES]]

Rates are medians; the ratio is the median of the runs' own ratios to the direct connection's.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from contextlib import ExitStack

from compare import DGW, ROOT, Site, enter, measure

TRANSFER = '''
import asyncio, os, sys, time
import dask_gateway  # knows gateway://
import numpy
from distributed import Client

runs, megabytes = map(int, sys.argv[1:])
addresses = {"direct": os.environ["DIRECT"], "relay": os.environ["DASK_SCHEDULER_ADDRESS"]}
clients = {way: Client(address) for way, address in addresses.items()}
data = numpy.random.default_rng(1).bytes(megabytes * 1_000_000)
for run in range(runs + 1):
    for way, client in clients.items():
        began = time.perf_counter()
        [future] = client.scatter([data], direct=False, hash=False)
        sent = time.perf_counter()
        back = client.gather(future, direct=False)
        got = time.perf_counter()
        assert back == data
        del future
        if run:  # the first warms up
            print(way, megabytes / (sent - began), megabytes / (got - sent), flush=True)
'''

START = "from distributed import Client; Client().scheduler_info()"
DIRECT_START = (
    "from dask_gateway import Gateway; [c] = Gateway().list_clusters(); "
    "Gateway().connect(c.name).get_client().scheduler_info()"
)


def main(runs: int, megabytes: int) -> None:
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
    with ExitStack() as stack:
        site = enter(stack, [])
        # It goes with the gateway.
        new = [DGW, "new", "-q", "--workers", "1", "--wait-workers", "1", "-s", "worker_memory=4"]
        host = site.facts["address"].removeprefix("http://")
        site.environment["DIRECT"] = f"gateway://{host}/{site.run(*new).strip()}"
        transfer(site, runs, megabytes)
        start(site, runs)


def transfer(site: Site, runs: int, size: int) -> None:
    python = site.facts["python"]
    told = site.run(DGW, "connect", "--", python, "-c", TRANSFER, str(runs), str(size))
    rates: dict[str, list[tuple[float, float]]] = {"direct": [], "relay": []}
    for line in told.splitlines():
        way, sent, got = line.split()
        rates[way].append((float(sent), float(got)))
    print(f"\n{size} MB at a time{'scatter':>16}{'gather':>20}{'of direct':>20}")
    for way, pairs in rates.items():
        medians = [statistics.median(pair[side] for pair in pairs) for side in (0, 1)]
        ratios = [
            statistics.median(one[side] / other[side]
                              for one, other in zip(pairs, rates["direct"], strict=True))
            for side in (0, 1)
        ]
        shown = "".join(f"{median:>14.0f} MB/s" for median in medians)
        print(f"{way:8}{shown}{ratios[0]:>12.2f}{ratios[1]:>8.2f}")


def start(site: Site, runs: int) -> None:
    python = site.facts["python"]
    commands = {
        "true": ["true"],
        "dgw connect -- true": [DGW, "connect", "--", "true"],
        "dgw connect -- script": [DGW, "connect", "--", python, "-c", START],
        "the same by dask-gateway": [python, "-c", DIRECT_START],
    }
    print()
    for name, command in commands.items():
        walls = [measure(site, command)[0] for _ in range(runs + 1)][1:]
        print(f"{name:26}{statistics.median(walls) * 1000:>8.1f} ms")


if __name__ == "__main__":
    numbers = [int(number) for number in sys.argv[1:]]
    main(*(numbers + [10, 100][len(numbers):]))
