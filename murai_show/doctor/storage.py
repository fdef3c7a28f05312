"""The disks: room for what the show records, and where it must be able to write."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from murai_show.doctor.verdict import Case, Verdict
from murai_show.edge.disk import LEAST_FREE
from murai_show.edge.retention import about, stored
from murai_show.last_good import home
from murai_show.show.evening import evening_of
from murai_show.show.planned import Plan, PlannedOutput
from murai_show.show.schema import RecordingOutput, SnapshotOutput

DAY = 86_400.0
_ENOUGH = 3.0  # days that a disk should last
# Bits of a recorded pixel at crf 20; six more of crf halve it.  A guess for a fast painter: with
# 1.5 new pictures a second, the demo in the styles of montreal took 0.07.
_BITS = 0.25
_PICTURE = {".png": 1.6, ".jpg": 0.35, ".jpeg": 0.35}  # bytes of a pixel


def room(case: Case) -> Iterator[Verdict]:
    """For each disk that the show writes to: what is free, what it takes a day."""
    if case.plan is None:
        yield _free(case.work, 0.0, [])
        return
    day = lit_seconds(case.plan)
    disks: dict[int, tuple[Path, list[PlannedOutput]]] = {case.work.stat().st_dev: (case.work, [])}
    for output in case.plan.outputs:
        if output.file is not None:
            folder = existing(output.file)
            disks.setdefault(folder.stat().st_dev, (folder, []))[1].append(output)
    for folder, outputs in disks.values():
        yield _free(folder, day, outputs)


def _free(folder: Path, day: float, outputs: list[PlannedOutput]) -> Verdict:
    free = shutil.disk_usage(folder).free
    name, found = f"disk of {folder}", f"{about(free)} free"
    daily = sum(per_day(output, day) for output in outputs)
    floor = max([LEAST_FREE, *(getattr(output.spec, "free", None) or 0 for output in outputs)])
    if free < floor:
        mend = f"make room: du -xh --max-depth=2 {folder} | sort -h | tail"
        return Verdict(name, "bad", f"{found}, which is less than {about(floor)}", mend)
    if daily == 0:
        return Verdict(name, "ok", found)
    lasts = (free - floor) / daily
    found += f"; the show writes about {about(int(daily))} a day"
    bounded = all(bound(output, daily) is not None for output in outputs)
    grows = sum(max(0.0, (bound(o, per_day(o, day)) or 0.0) - _taken(o)) for o in outputs)
    if bounded and grows <= free - floor:
        return Verdict(name, "ok", f"{found}, and deletes the oldest in time")
    if lasts < _ENOUGH or bounded:
        mend = "give its recordings `max:` or a shorter `keep:`, or a larger disk"
        return Verdict(name, "warn", f"{found}: full in {lasts:.1f} days", mend)
    return Verdict(name, "ok", f"{found}: enough for {lasts:.0f} days")


def lit_seconds(plan: Plan) -> float:
    """How long a picture is on the wall, today."""
    if not plan.schedule:
        return DAY
    today = datetime.now(UTC).date()
    return sum(ends - begins for begins, ends in evening_of(plan, today).lights())


def per_day(output: PlannedOutput, lit: float) -> float:
    """About how many bytes an output writes in a day with `lit` seconds of picture."""
    spec = output.spec
    if output.file is None or output.canvas is None:
        return 0.0
    pixels = output.canvas.size.width * output.canvas.size.height
    if isinstance(spec, RecordingOutput):
        return _BITS / 8 * 2 ** ((20 - spec.crf) / 6) * pixels * spec.fps * lit
    if isinstance(spec, SnapshotOutput):
        each = [f.size for f in stored(output.file)][-20:]
        size = sum(each) / len(each) if each else pixels * _PICTURE.get(output.file.suffix, 1.6)
        return size * lit / spec.every
    return 0.0


def bound(output: PlannedOutput, daily: float) -> float | None:
    """The most that an output's files ever take in bytes; None where they are never deleted."""
    keep, most = getattr(output.spec, "keep", None), getattr(output.spec, "max", None)
    bounds = ([keep / DAY * daily] if keep else []) + ([float(most)] if most else [])
    return min(bounds, default=None)


def _taken(output: PlannedOutput) -> int:
    return sum(file.size for file in stored(output.file)) if output.file else 0


def existing(path: Path) -> Path:
    """The nearest folder above that is there."""
    return next(folder for folder in path.parents if folder.is_dir())


def rights(case: Case) -> Iterator[Verdict]:
    """Whether this user may write where the show does.  Asked, not tried: nothing is made."""
    folders = {"working folder": case.work, "state folder": existing(home() / "any")}
    for output in case.plan.outputs if case.plan else ():
        if output.file is not None:
            folders.setdefault(f"folder of {output.name}", existing(output.file))
    closed = {what: folder for what, folder in folders.items() if not os.access(folder, os.W_OK)}
    for what, folder in closed.items():
        mend = f"chown {_user()} {folder}, or take another; a read-only disk wants fsck"
        yield Verdict(what, "bad", f"{folder} cannot be written by {_user()}", mend)
    if not closed:
        yield Verdict("write rights", "ok", f"{_user()} may write where the show does")


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as containers have
        return f"user {os.getuid()}"
