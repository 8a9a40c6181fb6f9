"""A real Dask Gateway on loopback: for dgw's tests, for trying dgw, and for README's tour."""

import sys

if sys.version_info < (3, 10):  # said before anything that an older Python can't even parse
    sys.exit("tests/gateway needs Python 3.10 or newer, this is " + sys.version.split()[0])

import argparse
import json
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import environment


def main() -> int:
    args = parse()
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    try:
        environment.enter(with_hub_proxy=getattr(args, "auth", None) == "jupyterhub",
                          with_releases=getattr(args, "releases", False),
                          server=getattr(args, "server", None),
                          with_kerberos=getattr(args, "auth", None) == "kerberos")
        status: int = args.run(args)
        return status
    except environment.Unfit as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1


def serve(args: argparse.Namespace) -> int:
    import gateway
    import kdc
    import keeper
    import slurm

    if sys.stdin is None:
        sys.exit("error: `serve` lasts as long as its standard input: leave that open")
    if args.backend == "slurm":
        slurm.check()
    if args.auth == "kerberos":
        kdc.check()
    job = partial(gateway.run, auth=args.auth, tls=args.tls, releases=args.releases,
                  backend=args.backend, prefix=args.prefix, http_proxy=args.http_proxy,
                  server=args.server)
    with keeper.running(job, until=0) as running:
        print(json.dumps(running.description), flush=True)
        running.wait()
    return 0


def config(args: argparse.Namespace) -> int:
    import asyncio

    import dask_reads

    asyncio.run(dask_reads.answer())
    return 0


def shell(args: argparse.Namespace) -> int:
    import hands_on

    with hands_on.gateway(args.dgw) as env:
        return hands_on.shell(env)


def tour(args: argparse.Namespace) -> int:
    import hands_on
    import main_job

    with hands_on.gateway(args.dgw) as env:
        try:
            main_job.walk(env)
        except main_job.StepFailed as failure:
            print(f"error: {failure}", file=sys.stderr)
            return 1
        return hands_on.shell(env) if args.shell else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 tests/gateway", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    command = add(commands, "serve", serve,
                  "start a gateway, describe it in one line of JSON, stay")
    command.epilog = "It ends, with all it started, when its standard input does, or by a signal."
    command.add_argument("--auth", choices=["basic", "jupyterhub", "kerberos"], default="basic",
                         help="how users prove who they are (default: %(default)s)")
    command.add_argument("--tls", action="store_true",
                         help="serve HTTPS, with a certificate of a private CA (basic only)")

    command.add_argument("--releases", action="store_true",
                         help="offer clusters of older releases of distributed too (basic only)")
    command.add_argument("--prefix", default="", metavar="/PATH",
                         help="serve below a path (basic only; behind a hub it has one anyway)")
    command.add_argument("--http-proxy", action="store_true",
                         help="start an HTTP proxy too, which wants a user name and password")
    command.add_argument("--server", choices=environment.OLDER_SERVERS,
                         help="an older release of dask-gateway-server (default: the newest)")

    add(commands, "config", config,
        "say what dask makes of files and variables: a line of JSON for each line of JSON")

    command.add_argument("--backend", choices=["local", "slurm", "instant"], default="local",
                         help="what runs the clusters: this machine itself; or a Slurm on it, which "
                              "is started too; or nothing, so that they run at once (both basic "
                              "only) (default: %(default)s)")

    add_dgw(add(commands, "shell", shell,
                "start a gateway and a shell in which dgw is set up for it"))

    command = add(commands, "tour", tour,
                  "start a gateway and walk through dgw's main job on it")
    command.add_argument("--shell", action="store_true", help="go on in a shell afterwards")
    add_dgw(command)

    args = parser.parse_args()
    for only_basic in ("tls", "releases", "prefix"):
        if getattr(args, only_basic, None) and args.auth != "basic":
            parser.error(f"--{only_basic} goes with --auth basic")
    if getattr(args, "backend", "local") != "local" and (
            args.auth != "basic" or args.tls or args.releases or args.prefix):
        parser.error(f"--backend {args.backend} goes with none of --auth, --tls, --releases and "
                     "--prefix")
    return args


def add(commands: Any, name: str, run: Callable[[argparse.Namespace], int],
        text: str) -> argparse.ArgumentParser:
    sentence = f"{text[0].upper()}{text[1:]}."
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=sentence)
    command.set_defaults(run=run)
    return command


def add_dgw(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dgw", type=Path, metavar="PATH",
                         help="the dgw to use (default: build it with `cargo build --release`)")


if __name__ == "__main__":
    sys.exit(main())
