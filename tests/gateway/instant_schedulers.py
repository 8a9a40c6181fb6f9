"""Two schedulers for all clusters of an instant backend: an idle one, and one with a client."""

import asyncio
import json
import sys

import dask
from distributed import Client, Scheduler, Security


async def main(cert: str, key: str) -> None:
    dask.config.set({"distributed.comm.require-encryption": True})
    roles = ("scheduler", "worker", "client")
    files = {f"tls_{role}_{kind}": path for role in roles for kind, path in
             (("cert", cert), ("key", key))}
    security = Security(tls_ca_file=cert, require_encryption=True, **files)
    settings = {"host": "127.0.0.1", "protocol": "tls", "port": 0, "dashboard": False,
                "security": security}
    async with Scheduler(**settings) as idle, Scheduler(**settings) as used:
        async with Client(used.address, security=security, asynchronous=True):
            print(json.dumps([idle.address, used.address]), flush=True)
            # Until the gateway ends.
            await asyncio.to_thread(sys.stdin.read)


asyncio.run(main(*sys.argv[1:]))
