"""A backend whose clusters run as soon as they are requested, for the torture.

The server, its API, its database and its proxies are the real ones. Clusters have no processes:
all idle ones share one real scheduler, and all used ones another, to which a client is connected.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from dask_gateway_server.backends import db_base
from dask_gateway_server.tls import new_keypair

SCHEDULERS = Path(__file__).with_name("instant_schedulers.py")
# One for all: dgw requires of a scheduler that it has its cluster's key.
KEYPAIR = new_keypair("shared")
db_base.new_keypair = lambda name: KEYPAIR


class InstantBackend(db_base.DBBackendBase):
    async def do_setup(self):
        for path, data in zip(("shared.crt", "shared.pem"), KEYPAIR, strict=True):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(data)
        self.schedulers = await asyncio.create_subprocess_exec(
            sys.executable, str(SCHEDULERS), "shared.crt", "shared.pem",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        self.addresses = json.loads(await self.schedulers.stdout.readline())

    async def do_cleanup(self):
        self.schedulers.kill()

    async def _cluster_to_submitted(self, cluster):
        await super()._cluster_to_submitted(cluster)
        # Up to 1000, this option means nothing else: the age of the cluster in seconds.
        cluster.start_time -= cluster.options["priority"] * 1000
        await self.on_cluster_heartbeat(cluster.name, {
            "api_address": "", "dashboard_address": "http://127.0.0.1:9", "count": 0,
            "scheduler_address": self.addresses[cluster.options["profile"] == "large"],
            "active_workers": [], "closing_workers": [], "closed_workers": [],
        })

    async def forward_message_to_scheduler(self, cluster, msg):
        """Accept every number of workers, and start none."""

    async def do_start_cluster(self, cluster):
        yield {}

    async def do_stop_cluster(self, cluster):
        pass

    async def do_check_clusters(self, clusters):
        return [True for _ in clusters]

    async def do_start_worker(self, worker):
        yield {}

    async def do_stop_worker(self, worker):
        pass

    async def do_check_workers(self, workers):
        return [True for _ in workers]
