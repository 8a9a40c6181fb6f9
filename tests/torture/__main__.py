"""Tortures dgw: every command, with failing system calls, signals, lost requests, limits on what a
process may have, and full devices.

After each run the gateway itself, the processes and the files show whether dgw kept its promises: a
documented exit code, no panic, no secret, bounded time; a cluster that it started is running and
named, or gone, or named as left behind; other clusters stay; the configuration is the old or the new
one; no key, no file and no process is left.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import chain

import circumstances
import judge
import system_calls
import worlds
from judge import Case, Outcome

# One in so many cases belongs to the sample.
SAMPLED = {"system calls": 20, "signals": 40, "requests": 12, "limits": 6, "devices": 4}

# Runs that mostly wait may be this many at once.
WAITING = 40


def main() -> int:
    args = parse()
    build = ["cargo", "build", "--quiet", "--locked"]
    if args.dgw:
        worlds.World.dgw = [os.path.abspath(args.dgw)]
    elif subprocess.run(build, cwd=worlds.ROOT).returncode != 0:
        return 1
    gateway = worlds.Gateway()
    try:
        cases = [case for case in every_case(gateway, args)
                 if args.only in str(case) and (not args.sample or is_sampled(case))]
        return torture(cases, gateway, args)
    finally:
        gateway.close()


def every_case(gateway: worlds.Gateway, args: argparse.Namespace) -> list[Case]:
    parts = [circumstances.requests(), circumstances.limits(), circumstances.devices()]
    if os.geteuid() != 0:
        print("skipped: limits on processes, which need root", file=sys.stderr)
    if reason := system_calls.available():
        print(f"skipped: system calls and signals, as {reason}", file=sys.stderr)
    else:
        traced = system_calls.trace_all(gateway)
        parts += [system_calls.failing_calls(traced), system_calls.signals(traced)]
    cases = list(chain(*parts))
    if not circumstances.can_mount():
        print("skipped: full disks, as nothing can be mounted here", file=sys.stderr)
        cases = [case for case in cases if case.wrapper[:1] != ["unshare"]]
    return [case for case in cases if not args.part or case.part in args.part]


def is_sampled(case: Case) -> bool:
    return zlib.crc32(str(case).encode()) % SAMPLED[case.part] == 0


def torture(cases: list[Case], gateway: worlds.Gateway, args: argparse.Namespace) -> int:
    started = last = time.monotonic()
    runs: Counter[str] = Counter()
    known: Counter[str] = Counter()
    failures: list[Outcome] = []
    # Those that wait longest first, so that none is waited for in the end.
    cases.sort(key=lambda case: -case.time_limit)
    with ThreadPoolExecutor(args.jobs) as busy, ThreadPoolExecutor(WAITING) as waiting:
        pending = [(waiting if case.fault or case.time_limit > 100 else busy).submit(
            judge.run, case, gateway) for case in cases]
        for done in as_completed(pending):
            outcome = done.result()
            runs[outcome.case.part] += 1
            if outcome.violations and outcome.is_known():
                known[outcome.case.part] += 1
            elif outcome.violations:
                failures.append(outcome)
                tell(outcome)
            if time.monotonic() - last > 30:
                last = time.monotonic()
                print(f"{runs.total()} of {len(cases)} runs, {len(failures)} with violations",
                      file=sys.stderr, flush=True)
    print(f"{'part':<14}{'runs':>8}{'violations':>12}{'known':>8}")
    for part, count in runs.items():
        found = sum(failure.case.part == part for failure in failures)
        print(f"{part:<14}{count:>8}{found:>12}{known[part]:>8}")
    print(f"{'all':<14}{runs.total():>8}{len(failures):>12}{known.total():>8}"
          f"  in {time.monotonic() - started:.0f} s")
    return 1 if failures else 0


def tell(outcome: Outcome) -> None:
    for violation in outcome.violations:
        print(f"{outcome.case}: {violation}")
    lines = outcome.stderr.strip().splitlines()
    print(*(f"    {line}" for line in lines[:12]), sep="\n", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 tests/torture", description=__doc__)
    parser.add_argument("--sample", action="store_true", help="run a fixed sample of all cases")
    parser.add_argument("--part", action="append", choices=list(SAMPLED), help="run this part only")
    parser.add_argument("--only", default="", metavar="TEXT",
                        help="run the cases whose description contains this text")
    parser.add_argument("--jobs", type=int, default=4 * (os.cpu_count() or 1),
                        help="run so many at once (default: %(default)s)")
    parser.add_argument("--dgw", metavar="PATH", help="the dgw to use (default: build it)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
