"""Starts the gateway itself, alone or behind a JupyterHub, and describes it."""

from __future__ import annotations

import base64
import json
import os
import pwd
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certificates
import environment as venvs
import hub
import kdc
import loopback
import processes
import slurm
from keeper import Leash
from servers import PortTaken, Servers, free_ports

CONFIG = Path(__file__).with_name("dask_gateway_config.py")
ATTEMPTS = 5

Description = dict[str, Any]


def run(work: Path, leash: Leash, announce: Callable[[Description], None], *,
        auth: str, tls: bool, releases: bool = False, backend: str = "local", prefix: str = "",
        http_proxy: bool = False, server: str | None = None) -> None:
    """Start it, announce it, and stay. A port lost between choice and use costs a fresh start."""
    for left in reversed(range(ATTEMPTS)):
        servers = Servers(work, leash)
        try:
            if backend == "slurm":
                description = on_slurm(servers)
            elif auth == "basic":
                description = basic(servers, tls, releases, prefix, server, backend == "instant")
            elif auth == "kerberos":
                description = kerberos(servers)
            else:
                description = jupyterhub(servers, server)
            if http_proxy:
                description |= forward(servers)
            break
        except PortTaken:
            if not left:
                raise
            processes.end_descendants()
            shutil.rmtree(work)
            work.mkdir(mode=0o700)
    # the keeper's parent is what the caller has started, and what a caller may kill
    common = {"auth": auth, "pid": os.getppid(), "python": sys.executable, "work": str(work)}
    announce(description | common)
    servers.watch()


def basic(servers: Servers, tls: bool, releases: bool, prefix: str,
          server: str | None, instant: bool) -> Description:
    public, private = free_ports(2)
    password = secrets.token_hex(16)
    environment = {"DGW_PASSWORD": password, "DGW_PREFIX": prefix}
    if instant:
        environment["DGW_INSTANT"] = "1"
    address = f"http://127.0.0.1:{public}{prefix}"
    described: Description = {}
    ca_file = None
    if tls:
        address = f"https://127.0.0.1:{public}{prefix}"
        ca_file, cert, key = certificates.write(servers.work)
        environment |= {"DGW_TLS_CERT": str(cert), "DGW_TLS_KEY": str(key)}
        described = {"ca_file": str(ca_file)}
    if releases:
        pythons = {name: str(python) for name, python in venvs.releases().items()}
        environment["DGW_RELEASES"] = json.dumps(pythons)
        described["releases"] = pythons
    start(servers, public, private, environment, server)
    # Asked as a user would: that only *this* gateway takes the password tells it from a stranger
    # that got the port first.
    login = "Basic " + base64.b64encode(f"launcher:{password}".encode()).decode()
    options = f"{address}/api/v1/options"
    servers.wait_until(lambda: loopback.request("GET", options, login, ca_file=ca_file)[0] == 200)
    return {"address": address, "proxy_address": None, "password": password} | described


def on_slurm(servers: Servers) -> Description:
    """Clusters are jobs of the only user there is: whoever runs this."""
    *slurm_ports, public, private = free_ports(4)
    one = slurm.Slurm(servers, slurm_ports)
    home = servers.work / "home"
    password = secrets.token_hex(16)
    start(servers, public, private,
          {"DGW_PASSWORD": password, "DGW_SLURM": json.dumps(one.settings(home))})
    address = f"http://127.0.0.1:{public}"
    user = pwd.getpwuid(os.geteuid()).pw_name
    login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    options = f"{address}/api/v1/options"
    servers.wait_until(lambda: loopback.request("GET", options, login)[0] == 200)
    servers.wait_until(one.is_ready)
    return {"address": address, "proxy_address": None, "password": password, "user": user,
            "home": str(home), "slurm_conf": str(one.conf)}


def jupyterhub(servers: Servers, server: str | None) -> Description:
    proxy, private, *hub_ports = free_ports(5)
    one = hub.Hub(servers, hub_ports, gateway=f"http://127.0.0.1:{proxy}")
    start(servers, proxy, private, {"DGW_PREFIX": hub.PREFIX, **one.service_environment}, server)
    tokens = one.issue_tokens()
    address = one.public_url + hub.PREFIX
    login = f"jupyterhub {tokens['users'][0]['token']}"
    options = f"{address}/api/v1/options"
    servers.wait_until(lambda: loopback.request("GET", options, login)[0] == 200)
    return {"address": address, "proxy_address": f"127.0.0.1:{proxy}"} | tokens


def kerberos(servers: Servers) -> Description:
    """Its host must go by a name: Kerberos knows services by it."""
    public, private, port = free_ports(3)
    one = kdc.Kdc(servers, port)
    start(servers, public, private, {
        "DGW_KEYTAB": str(one.service_keytab), "KRB5_CONFIG": str(one.conf),
        "PYTHONPATH": str(venvs.KERBEROS)})
    address = f"http://localhost:{public}"
    options = f"{address}/api/v1/options"
    servers.wait_until(lambda: loopback.request("GET", options, "")[0] == 401)
    servers.wait_until(lambda: loopback.listens(port))
    return {"address": address, "proxy_address": None,
            "python_path": str(venvs.KERBEROS)} | one.description()


def forward(servers: Servers) -> Description:
    """An HTTP proxy that leads anywhere, for whom it knows."""
    [port] = free_ports(1)
    login = f"ada:{secrets.token_hex(16)}"
    servers.start("http-proxy", [
        sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", str(port),
        "--num-workers", "1", "--num-acceptors", "1", "--basic-auth", login,
    ], {})
    servers.wait_until(lambda: loopback.listens(port))
    return {"http_proxy": f"127.0.0.1:{port}", "http_proxy_login": login}


def start(servers: Servers, proxy: int, private: int, environment: dict[str, str],
          server: str | None = None) -> None:
    own = {"DGW_PROXY": f"127.0.0.1:{proxy}", "DGW_PRIVATE": f"127.0.0.1:{private}",
           "DGW_DASK": str(Path(sys.executable).with_name("dask"))}
    command = [str(venvs.server_python(server)), "-m", "dask_gateway_server", "-f", str(CONFIG)]
    servers.start("gateway", command, own | environment)
