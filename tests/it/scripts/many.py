"""Hundreds of connections to the scheduler at once, each of which gets its own responses."""

import asyncio
import os

from distributed.core import connect
from distributed.security import Security

ADDRESS = os.environ["DASK_SCHEDULER_ADDRESS"]
CONNECTIONS = 300
# More than dgw leaves open.
UNAUTHENTICATED = 400
# All stay open together, but a handshake must end within ten seconds, however busy the machine is.
HANDSHAKES = asyncio.Semaphore(20)


async def echo(number):
    async with HANDSHAKES:
        comm = await connect(ADDRESS, **Security().get_connection_args("client"), timeout="60s")
    return comm, number


async def main():
    host, port = ADDRESS.removeprefix("tls://").split(":")
    unauthenticated = [await asyncio.open_connection(host, port) for _ in range(UNAUTHENTICATED)]
    # They don't delay a client: dgw would wait longer for their handshakes.
    arguments = Security().get_connection_args("client")
    (await connect(ADDRESS, **arguments, timeout="5s")).abort()
    comms = await asyncio.gather(*(echo(number) for number in range(CONNECTIONS)))
    for comm, number in comms:
        await comm.write({"op": "echo", "data": "x" * 10_000 + str(number), "reply": True})
    responses = [(await comm.read(), number) for comm, number in comms]
    print(len({id(comm) for comm, _ in comms}),
          all(response.endswith(str(number)) for response, number in responses))
    for comm, _ in comms:
        comm.abort()
    for _, writer in unauthenticated:
        writer.close()


asyncio.run(main())
