"""A real Kerberos on this machine: the KDC of a realm that holds two users and one service.

It listens on loopback only, and everything of it lies in the work folder: it knows nothing of a
Kerberos that may be set up here.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

import environment
from keeper import Failed
from servers import Servers

REALM = "DGW.TEST"
SERVICE = f"HTTP/localhost@{REALM}"
USERS = ["ada", "bob"]
PROGRAMS = ["krb5kdc", "kdb5_util", "kadmin.local"]
# Debian keeps them where an ordinary user's PATH doesn't lead.
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


class Kdc:
    def __init__(self, servers: Servers, port: int) -> None:
        """Start it. It is there once something listens at `port`."""
        self._folder = servers.work / "kdc"
        self._folder.mkdir(mode=0o700)
        self.conf = self._folder / "krb5.conf"
        self.service_keytab = self._folder / "service.keytab"
        self.user_keytab = self._folder / "user.keytab"
        self._settings = {"KRB5_CONFIG": str(self.conf),
                          "KRB5_KDC_PROFILE": str(self._folder / "kdc.conf")}
        self._write_conf(port)
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", secrets.token_hex(16))
        self._principals = [f"{user}@{REALM}" for user in USERS]
        keytabs = dict.fromkeys(self._principals, self.user_keytab)
        for principal, keytab in (keytabs | {SERVICE: self.service_keytab}).items():
            self._admin(f"addprinc -randkey {principal}")
            self._admin(f"ktadd -k {keytab} {principal}")
        servers.start("krb5kdc", [find("krb5kdc"), "-n", "-r", REALM,
                                  "-P", str(self._folder / "kdc.pid")], self._settings)

    def description(self) -> dict[str, object]:
        return {"krb5_conf": str(self.conf), "principals": self._principals,
                "keytab": str(self.user_keytab)}

    def _write_conf(self, port: int) -> None:
        # No look-ups of any kind: what a name means is all said here.
        self.conf.write_text(f"""\
[libdefaults]
    default_realm = {REALM}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false
    forwardable = false
[realms]
    {REALM} = {{
        kdc = 127.0.0.1:{port}
    }}
[domain_realm]
    localhost = {REALM}
""")
        (self._folder / "kdc.conf").write_text(f"""\
[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {REALM} = {{
        database_name = {self._folder}/principal
        key_stash_file = {self._folder}/stash
        max_life = 1h
    }}
[logging]
    default = STDERR
""")

    def _admin(self, query: str) -> None:
        self._run("kadmin.local", "-r", REALM, "-q", query)

    def _run(self, name: str, *args: str) -> None:
        done = subprocess.run([find(name), *args], env=os.environ | self._settings, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=30)
        if done.returncode != 0:
            raise Failed(f"`{name}` failed:\n{done.stdout}")


def check() -> None:
    """Whether this machine has what it takes; raises what is missing."""
    if missing := [name for name in [*PROGRAMS, "kinit"] if not shutil.which(name, path=PATH)]:
        raise environment.Unfit(
            f"`--auth kerberos` needs {', '.join(missing)} (on Debian: apt-get install "
            "--no-install-recommends krb5-kdc krb5-admin-server krb5-user libkrb5-dev)")


def find(name: str) -> str:
    path: str | None = shutil.which(name, path=PATH)
    if not path:
        raise Failed(f"no `{name}` on this machine")
    return path
