"""What one run of dgw meets: a user of its own with a home and clusters, on the shared gateway."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ACTIVE = ("PENDING", "RUNNING")
NUMBERS = count()
# Users of their own, so that limits on processes count only dgw's. They need no names.
FIRST_UID = 100_000

SECTION = """\
gateway:
  address: {address}
  auth:
    type: basic
    kwargs:
      username: "{user}"
      password: "{password}"
"""


class Gateway:
    """A real gateway whose clusters run at once."""

    def __init__(self) -> None:
        serve = [sys.executable, str(ROOT / "tests/gateway"), "serve", "--backend", "instant"]
        self._process = subprocess.Popen(serve, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            sys.exit("error: no gateway was started")
        described = json.loads(line)
        # A name, so that dgw has to resolve it, for which it needs a thread.
        self.address: str = described["address"].replace("127.0.0.1", "localhost")
        self.password: str = described["password"]
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def request(self, user: str, method: str, path: str, body: object = None) -> object:
        login = base64.b64encode(f"{user}:{self.password}".encode()).decode()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.address}/api/v1/{path}", data, {"Authorization": f"Basic {login}"},
            method=method)
        with self._opener.open(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None

    def create(self, user: str, profile: str = "small", age: int = 0) -> str:
        """Start a cluster that is `age` seconds old."""
        options = {"profile": profile, "priority": age}
        created = self.request(user, "POST", "clusters/", {"cluster_options": options})
        assert isinstance(created, dict)
        return str(created["name"])

    def statuses(self, user: str) -> dict[str, str]:
        """All clusters that the user ever had."""
        every = "clusters/?status=pending,running,stopping,stopped,failed"
        found = self.request(user, "GET", every)
        assert isinstance(found, dict)
        return {name: record["status"] for name, record in found.items()}

    def end_all(self, user: str) -> None:
        for name, status in self.statuses(user).items():
            if status in ACTIVE:
                self.request(user, "DELETE", f"clusters/{name}")


@dataclass
class World:
    """A user with a home. `used` and `kept` must survive everything; `spare` is there to be ended."""

    gateway: Gateway
    user: str = ""
    home: Path = Path()
    used: str = ""
    kept: str = ""
    spare: str = ""
    uid: int | None = None
    secrets: list[str] = field(default_factory=list)

    @classmethod
    def make(cls, gateway: Gateway, needs: str, address: str | None = None,
             as_nobody: bool = False) -> World:
        number = next(NUMBERS)
        world = cls(gateway, f"user{number}", Path(tempfile.mkdtemp(prefix="dgw-torture-")))
        world.uid = FIRST_UID + number % 50_000 if as_nobody else None
        login = f"{world.user}:{gateway.password}".encode()
        world.secrets = [gateway.password, base64.b64encode(login).decode(), "PRIVATE KEY"]
        for folder in (".config/dask", "site", "tmp", "work"):
            (world.home / folder).mkdir(parents=True, mode=0o700)
        address = address or gateway.address
        # A site's file, so that a user's file that is overlooked has consequences.
        for path, user in ((world.configuration, world.user), (world.site, world.stranger)):
            path.write_text(SECTION.format(address=address, user=user, password=gateway.password))
            path.chmod(0o600)
        if "used" in needs:
            world.used = gateway.create(world.user, "large", age=900)
        if "kept" in needs:
            world.kept = gateway.create(world.user, age=900)
            subprocess.run([*world.dgw, "keep", world.kept, "-q"], env=world.environment(),
                           check=True)
        if "spare" in needs:
            world.spare = gateway.create(world.user, age=900)
        if world.uid is not None:
            for directory, folders, files in os.walk(world.home):
                for name in (".", *folders, *files):
                    os.chown(Path(directory, name), world.uid, world.uid)
        return world

    dgw = [str(ROOT / "target/debug/dgw")]

    @property
    def stranger(self) -> str:
        return f"site-{self.user}"

    @property
    def configuration(self) -> Path:
        return self.home / ".config/dask/gateway.yaml"

    @property
    def site(self) -> Path:
        return self.home / "site/gateway.yaml"

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home), "USER": "nobody-special", "LANG": "C.UTF-8",
            "PATH": os.environ.get("PATH", os.defpath), "TMPDIR": str(self.home / "tmp"),
            "DASK_ROOT_CONFIG": str(self.home / "site"),
        }

    def processes(self) -> dict[int, str]:
        """Processes that the run has left, and their command lines."""
        marker = f"HOME={self.home}".encode()
        found = {}
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if marker in path.read_bytes().split(b"\0"):
                    command = (path.parent / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(path.parent.name)] = command.decode(errors="replace").strip()
            except OSError:  # it has ended meanwhile
                continue
        return found

    def remove(self) -> None:
        self.gateway.end_all(self.user)
        self.gateway.end_all(self.stranger)
        shutil.rmtree(self.home, ignore_errors=True)
