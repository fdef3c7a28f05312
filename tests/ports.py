"""Ports for servers that are started by number, in a process of their own or later."""

from __future__ import annotations

import errno
import random
import socket

# Below the ports that Linux gives to whoever connects: one of those, found free, could belong to
# another test's client a moment later.
_OWN = range(20_000, 32_000)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """One of loopback's that nobody has at this moment."""
    for port in random.SystemRandom().sample(_OWN, 100):
        with socket.socket(socket.AF_INET, kind) as found:
            try:
                found.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            return port
    raise AssertionError("a hundred ports, and all in use")
