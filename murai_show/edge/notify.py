"""What a service says to whoever started it, in the protocol of sd_notify(3).

Eight lines of it are ours, for the packages that exist are as long and bring nothing more.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)

PATIENCE = 1.0  # seconds for a supervisor whose queue is full


class Notifier:
    """Speaks to the datagram socket that `environ` names; to nobody where it names none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # Linux writes an abstract socket with a zero byte in front, the environment with an @.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._told = False

    def __bool__(self) -> bool:
        return bool(self._address)

    def say(self, *words: str) -> bool:
        """Send assignments such as READY=1 in one message; False where nobody took it."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.settimeout(PATIENCE)
                line.connect(self._address)
                line.sendall("\n".join(words).encode())
        except OSError as error:
            if not self._told:
                log.warning("the supervisor cannot be told how the show is: %s", error.strerror)
            self._told = True
            return False
        self._told = False
        return True


def watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """How long the supervisor of this very process waits for a sign of life; None: for ever."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        return int(environ.get("WATCHDOG_USEC", "0")) / 1e6 or None
    except ValueError:
        return None
