"""A real JupyterHub, with the gateway as one of its services and tokens good and bad."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import Any

import environment
import loopback
from keeper import Failed
from servers import Servers

CONFIG = Path(__file__).with_name("jupyterhub_config.py")
SERVICE = "dask-gateway"
PREFIX = f"/services/{SERVICE}"
USERS = [f"user{number}" for number in range(1, 37)]


class Hub:
    def __init__(self, servers: Servers, ports: list[int], gateway: str) -> None:
        """Start it. It needs three ports: for the public, for itself, for its proxy's own API."""
        self._servers = servers
        self.public_url, self._url, proxy_api = (f"http://127.0.0.1:{port}" for port in ports)
        self._admin_token, service_token = secrets.token_hex(16), secrets.token_hex(16)
        servers.start("jupyterhub", [sys.executable, "-m", "jupyterhub", "-f", str(CONFIG)], {
            "DGW_HUB": json.dumps({
                "public_url": self.public_url, "hub_url": self._url, "proxy_api_url": proxy_api,
                "proxy_command": ["node", str(environment.HUB_PROXY_SCRIPT)],
                "users": USERS, "admin_token": self._admin_token,
                "service": {"name": SERVICE, "url": gateway, "api_token": service_token},
            }),
        })
        # what a hub tells its services, and the gateway's authenticator reads
        self.service_environment = {
            "JUPYTERHUB_API_TOKEN": service_token,
            "JUPYTERHUB_API_URL": f"{self._url}/hub/api",
            "JUPYTERHUB_SERVICE_NAME": SERVICE,
        }

    def issue_tokens(self) -> dict[str, Any]:
        self._servers.wait_until(lambda: self._call("GET", "/users")[0] == 200)
        users = [{"name": name, "token": self._issue(name)["token"]} for name in USERS]
        revoked = self._issue(USERS[0])
        self._call("DELETE", f"/users/{USERS[0]}/tokens/{revoked['id']}")
        return {
            "users": users,
            # knows its user, but may not use the service
            "token_without_scope": self._issue(USERS[0], scopes=["read:users!user"])["token"],
            "revoked_token": revoked["token"],
        }

    def _issue(self, user: str, **limits: Any) -> dict[str, Any]:
        token: dict[str, Any]
        status, token = self._call("POST", f"/users/{user}/tokens", {"note": "dgw", **limits})
        if status != 201:
            raise Failed(f"the hub answered {status} when asked for a token of {user}")
        return token

    def _call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        url = f"{self._url}/hub/api{path}"
        return loopback.request(method, url, f"token {self._admin_token}", body=body)
