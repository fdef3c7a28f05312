"""The clock, by which an evening begins: is it kept right, and which zone is it shown in?"""

from __future__ import annotations

import ctypes
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from murai_show.doctor.verdict import Case, Verdict
from murai_show.edge.selfcheck import clock as sanity

_STA_UNSYNC, _STA_NANO = 0x0040, 0x2000  # <sys/timex.h>
_TIME_ERROR = 5
# The beginning of struct timex on 64 bits: modes, offset, freq, maxerror, esterror, status.
_TIMEX = struct.Struct("I4xqqqqi4x")
_WHOLE = 256  # bytes; the structure has 208
_FAR = 1.0  # second that a schedule may be off without anybody seeing it
_SET = "timedatectl set-ntp true, or apt-get install chrony"


@dataclass(frozen=True)
class Kept:
    """What the kernel knows about its clock; seconds."""

    synchronised: bool
    offset: float
    most: float


def asked_kernel() -> Kept | None:
    """adjtimex(2), which changes nothing with modes = 0; None where it cannot be asked."""
    if not sys.platform.startswith("linux") or struct.calcsize("P") != 8:
        return None
    buffer = ctypes.create_string_buffer(_WHOLE)
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (OSError, AttributeError):
        return None
    if state < 0:
        return None
    _, offset, _, most, _, status = _TIMEX.unpack(buffer.raw[: _TIMEX.size])
    scale = 1e-9 if status & _STA_NANO else 1e-6
    kept = state != _TIME_ERROR and not status & _STA_UNSYNC
    return Kept(kept, offset * scale, most * 1e-6)


def clock(case: Case) -> Iterator[Verdict]:
    yield judged(asked_kernel(), time.time(), case)


def judged(kept: Kept | None, now: float, case: Case) -> Verdict:
    shown = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    for sentence in sanity(case.plan, now) if case.plan else ():
        return Verdict("clock", "bad", sentence.partition(";")[0], _SET)
    if kept is None:
        return Verdict("clock", "skip", f"{shown}; this system does not tell how right it is")
    if not kept.synchronised:
        return Verdict("clock", "warn", f"{shown}, and nothing keeps it right", _SET)
    if kept.most > _FAR:
        found = f"{shown}, right to {kept.most:.1f} s only: its server has been silent"
        return Verdict("clock", "warn", found, "chronyc sources, or timedatectl timesync-status")
    return Verdict("clock", "ok", f"{shown}, kept right to {1000 * kept.most:.0f} ms")


def zone(case: Case, localtime: Path = Path("/etc/localtime")) -> Iterator[Verdict]:
    """A show goes by the clock of its place, whatever the machine's: said, so that nobody wonders
    at the times in the journal."""
    here = _zone_of(localtime)
    if case.plan is None:
        yield Verdict("time zone", "ok", here)
    elif not case.plan.place.known:
        if here in ("UTC", "Etc/UTC"):
            yield Verdict("time zone", "ok", "UTC, for the show has no place")
        else:
            mend = "write place: { lat: …, lon: … } into the show, and its hours are those outside"
            found = f"the machine's is {here}; the show has no place, and goes by UTC"
            yield Verdict("time zone", "warn", found, mend)
    else:
        there = case.plan.place.tz
        same = here == there
        found = there if same else f"the show goes by {there}, the machine's own is {here}"
        yield Verdict("time zone", "ok", found)


def _zone_of(localtime: Path) -> str:
    try:
        name = str(localtime.resolve(strict=True)).partition("zoneinfo/")[2]
    except OSError:
        name = "UTC"  # localtime(5): without the file
    return name or time.tzname[0]
