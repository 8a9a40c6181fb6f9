"""What dask and dask_gateway make of a person's files and variables: the other side of dgw's
differential test.

Each line of standard input is a JSON object: `variables`, the whole environment, and `prefix`,
the folder to take for Python's own. Each is answered by a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import site
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dask.config
import yaml
import yarl

import dask_gateway
from dask_gateway.utils import format_template

DEFAULTS = yaml.safe_load(Path(dask_gateway.__file__).with_name("gateway.yaml").read_text())
FOREIGN = {"foreign": True}  # stands for what JSON has no word for


async def answer() -> None:
    """Until there are no more lines. A coroutine, as `Gateway` wants a running loop."""
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        asked = json.loads(line)
        os.environ.clear()
        os.environ.update(asked["variables"])
        sys.prefix = asked["prefix"]
        site.PREFIXES[:] = [asked["prefix"]]
        print(json.dumps(read()), flush=True)


def read() -> dict[str, Any]:
    """As `import dask`, `import dask_gateway` and `Gateway()` would, one after the other."""
    config = dask.config.config
    config.clear()
    dask.config.defaults.clear()
    try:
        dask.config.refresh(paths=dask.config._get_paths())
        merged = portable(config.get("gateway"))
        dask.config.update_defaults(DEFAULTS)
    except Exception as error:
        return {"refused": shown(error)}
    return {"merged": merged} | gateway()


def gateway() -> dict[str, Any]:
    try:
        client = dask_gateway.Gateway(asynchronous=True)
        url = yarl.URL(client.address)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError("no request can be made to that address")
        client.auth.pre_request(None)
        options = client._config_cluster_options()
        json.dumps(options, allow_nan=False)
        return {"gateway": {
            "address": client.address,
            "public_address": client._public_address,
            "proxy_address": client.proxy_address,
            "auth": [type(client.auth).__name__, vars(client.auth)],
            "http_proxy": portable(
                format_template(dask.config.get("gateway.http-client.proxy"))),
            "options": portable(options),
        }}
    except Exception as error:
        return {"broken": shown(error)}


def portable(value: Any) -> Any:
    match value:
        case Mapping():
            return {key if isinstance(key, str) else json.loads(json.dumps({key: 0})).popitem()[0]:
                    portable(item) for key, item in value.items()}
        case list() | tuple():
            return [portable(item) for item in value]
        case float() if not math.isfinite(value):
            return FOREIGN
        case int() if not -2**63 <= value < 2**64:
            return FOREIGN
        case None | str() | bool() | int() | float():
            return value
    return FOREIGN


def shown(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

