"""Starts an installed show as its unit would, as its own user, and prints what it tells systemd.

    python3 heard.py NAME [--cage]

Ends it as systemd does once it is ready and has given a sign of life.  Python's own library only.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = "/opt/murai-show/bin/murai-show"
AS_MURAI = "setpriv --reuid=murai --regid=murai --init-groups --no-new-privs --bounding-set=-all"
PATIENCE = 300.0  # seconds, for engines


def environment(name: str, line: str) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/var/lib/murai-show",
        "XDG_CACHE_HOME": "/var/cache/murai-show",
        "XDG_RUNTIME_DIR": "/run/murai",
        "STATE_DIRECTORY": f"/var/lib/murai-show/{name}",
        "NOTIFY_SOCKET": line,
        "WATCHDOG_USEC": "10000000",
        "PYTHONFAULTHANDLER": "1",
        # For cage: a screen that nobody has.
        "WLR_BACKENDS": "headless",
        "WLR_LIBINPUT_NO_DEVICES": "1",
        "WLR_RENDERER": "pixman",
    }


def stop(run: subprocess.Popen[bytes], cage: bool) -> None:
    """SIGTERM to the show; with cage to its child, as the unit's ExecStop= does."""
    pid = run.pid
    if cage:
        pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    begun = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    print(f"ended with {run.wait(20)} after {time.monotonic() - begun:.1f} s")


def main() -> None:
    name, cage = sys.argv[1], "--cage" in sys.argv
    path = Path(f"/run/heard-{name}")
    path.unlink(missing_ok=True)
    line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    line.bind(str(path))
    path.chmod(0o666)
    words = [PROGRAM, "run", f"/etc/murai-show/{name}/{name}.yaml"]
    if cage:
        words = ["/usr/bin/cage", "-s", "--", "/usr/bin/env", "-u", "WATCHDOG_PID", *words]
    begun, ready = time.monotonic(), False
    log = Path(f"/var/log/heard-{name}")
    with log.open("wb") as said:
        run = subprocess.Popen(
            [*AS_MURAI.split(), *words],
            env=environment(name, str(path)),
            cwd=f"/var/lib/murai-show/{name}",
            stdout=said,
            stderr=said,
        )
        line.settimeout(PATIENCE)
        while True:
            message = line.recv(65536).decode()
            print(f"{time.monotonic() - begun:6.1f} s  {' · '.join(message.splitlines())}")
            if ready and "WATCHDOG=1" in message:
                break
            ready |= "READY=1" in message
        stop(run, cage)
    line.settimeout(1)
    print(" · ".join(line.recv(65536).decode().splitlines()))


if __name__ == "__main__":
    main()
