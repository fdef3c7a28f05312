"""The last good version of a show file, kept for the morning after somebody broke it.

A copy of the text lies in the user's state folder, by the show file's absolute path, mode 0600.  It
is kept once a version has run for a while, and read only when the file itself is broken at start.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from pathlib import Path

from murai_show.show.plan import Plan
from murai_show.style.vault import keep, read_trusted

AFTER = 10.0  # seconds on air after which a version counts as good
log = logging.getLogger(__name__)


def home() -> Path:
    """The folder of the copies: systemd's for the service, else the user's state folder."""
    if service := os.environ.get("STATE_DIRECTORY"):
        return Path(service.split(":")[0]) / "last-good"
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(state) / "murai-show" / "last-good"


def copy_of(show: Path) -> Path:
    """Where the copy of the show file at the absolute path `show` is, or would be."""
    key = hashlib.sha256(os.fsencode(show)).hexdigest()[:16]
    return home() / f"{show.stem}-{key}.yaml"


def kept(show: Path) -> Path | None:
    """The copy of `show`; None when there is none, or not one that only we can have written."""
    copy = copy_of(show)
    return None if read_trusted(copy) is None else copy


def text_of(plan: Plan) -> bytes | None:
    """The text that `plan` was made from; None where its file holds another by now."""
    try:
        data = plan.source.read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest().startswith(plan.config_hash) else None


class Keeper:
    """Keeps what has been on air for `after` seconds, from a thread of its own."""

    def __init__(self, after: float = AFTER) -> None:
        self._after = after
        self._timer: threading.Timer | None = None

    def on_air(self, plan: Plan) -> None:
        """`plan` runs from now on; what ran before it was not on air long enough, or is kept."""
        self.close()
        text = text_of(plan)
        if text is not None:
            self._timer = threading.Timer(self._after, self._keep, (plan.source, text))
            self._timer.daemon = True
            self._timer.start()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _keep(self, show: Path, text: bytes) -> None:
        copy = copy_of(show)
        try:
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            keep(copy, text)
        except OSError as error:  # a show does not end for want of a copy of its file
            log.warning("%s: no copy of the last good show can be kept: %s", copy, error.strerror)
