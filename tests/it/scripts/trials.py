"""Tries the relay with certificates that it should accept or refuse, and prints what happened.

OTHER_CERT and OTHER_KEY are another cluster's.
"""

import os
import socket
import ssl

TLS = "DASK_DISTRIBUTED__COMM__TLS__"
OWN = os.environ[TLS + "CLIENT__CERT"], os.environ[TLS + "CLIENT__KEY"]
OTHER = os.environ["OTHER_CERT"], os.environ["OTHER_KEY"]
PORT = int(os.environ["DASK_SCHEDULER_ADDRESS"].rpartition(":")[2])
GREETING = 66  # bytes with which a scheduler greets


def trial(certificate, version=ssl.TLSVersion.TLSv1_3):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(os.environ[TLS + "CA_FILE"])
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = version
    if certificate:
        context.load_cert_chain(*certificate)
    return heard(context.wrap_socket)


def heard(wrap):
    try:
        with wrap(socket.create_connection(("127.0.0.1", PORT), timeout=15)) as connection:
            said = connection.recv(GREETING)
            return "heard" if len(said) == GREETING else "closed"
    except OSError as error:
        return getattr(error, "reason", None) or type(error).__name__


def plain(connection):
    connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
    return connection


print("own:", trial(OWN))
print("own, TLS 1.2:", trial(OWN, ssl.TLSVersion.TLSv1_2))
print("none:", trial(None))
print("none, TLS 1.2:", trial(None, ssl.TLSVersion.TLSv1_2))
print("another's:", trial(OTHER))
print("no TLS:", heard(plain))
