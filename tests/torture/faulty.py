"""A proxy between dgw and the gateway that damages some of the responses."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Fault:
    """`lost`: forwarded, but closed without a response. `cut`: closed in the middle of the response.
    `silent`: forwarded, but no response. `refused`: reset before it is read. `unavailable`: status
    503, not forwarded."""

    kind: str
    # The first request that it meets, from 1, and how many.
    first: int
    times: int

    def meets(self, number: int) -> bool:
        return self.first <= number < self.first + self.times


class Faulty:
    def __init__(self, address: str, fault: Fault) -> None:
        self._gateway = urlsplit(address)
        self._fault = fault
        self._count = 0
        # Until then it damages nothing, and counts nothing.
        self.is_armed = False
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # A plain close would not end the wait for a connection.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            first = client.recv(1, socket.MSG_PEEK)
            if first == b"\x16":  # TLS to a scheduler
                return self._tunnel(client)
            while first:
                with self._lock:
                    self._count += self.is_armed
                    harm = self._fault.kind if self._fault.meets(self._count) else None
                if harm == "refused":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                request = read_message(client)
                if harm == "unavailable":
                    client.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                                   b"Connection: close\r\n\r\n")
                    return
                with socket.create_connection((self._gateway.hostname, self._gateway.port)) as up:
                    up.sendall(request)
                    response = read_message(up)
                if harm == "lost":
                    return
                if harm == "silent":
                    client.recv(1)  # until dgw gives up
                    return
                if harm == "cut":
                    client.sendall(response[: len(response) * 3 // 4])
                    return
                client.sendall(response)
                first = client.recv(1, socket.MSG_PEEK)

    def _tunnel(self, client: socket.socket) -> None:
        with socket.create_connection((self._gateway.hostname, self._gateway.port)) as up:
            there = threading.Thread(target=copy, args=(client, up), daemon=True)
            there.start()
            copy(up, client)
            there.join()


def copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def read_message(peer: socket.socket) -> bytes:
    """A request or a response, with the body that its head announces."""
    message = b""
    while b"\r\n\r\n" not in message:
        message += receive(peer)
    head, _, body = message.partition(b"\r\n\r\n")
    lines = [line.lower() for line in head.split(b"\r\n")]
    for line in lines:
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
            while len(body) < length:
                body += receive(peer)
        elif line.startswith(b"transfer-encoding:"):
            while not body.endswith(b"0\r\n\r\n"):
                body += receive(peer)
    return head + b"\r\n\r\n" + body


def receive(peer: socket.socket) -> bytes:
    part = peer.recv(65536)
    if not part:
        raise ConnectionError("closed")
    return part
