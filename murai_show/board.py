"""The board: what was called when.  One slot, written by keys and edges, read by `look_at`.

Nothing here waits for the loop or makes it wait: a call is one assignment, and the frame that is
painted next asks for what is there.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from murai_show.errors import UsageError
from murai_show.show.caption import Caption
from murai_show.show.captions import captioned_look
from murai_show.show.cueing import (
    NONE,
    Call,
    Calls,
    Panic,
    Run,
    Trigger,
    now_on,
    runs_at,
    scheduled_runs,
)
from murai_show.show.evening import iso
from murai_show.show.hints import did_you_mean
from murai_show.show.plan import Plan
from murai_show.show.planned_cues import PlannedCue
from murai_show.show.timeline import Look, look_at

log = logging.getLogger(__name__)

MOST_CUES = 16  # called and not over; those below so many others are not seen
MOST = 256  # of everything else that is remembered
MEMORY = 36 * 3600.0  # seconds: longer than anything that the schedule called is on
PANIC_KEY, RELEASE_KEY = "backspace", "delete"

Json = dict[str, Any]


class Board:
    """What was called of the show that runs.  `wall` gives POSIX seconds; `plan` is the first
    version of the show.  Safe to use from any thread."""

    def __init__(self, plan: Plan, wall: Callable[[], float]) -> None:
        self._plan, self._wall = plan, wall
        self._calls = NONE
        self._lock = threading.Lock()  # among those who call; whoever looks needs none
        self._counts: Counter[str] = Counter()
        self._counted: float | None = None  # up to when; a fast clock starts when it is asked
        # What somebody writes over a look, and who hears of keys besides: the booth.
        self.writes: Callable[[Look], tuple[Caption, ...]] = lambda _look: ()
        self.hears: Callable[[str], None] = lambda _key: None

    @property
    def calls(self) -> Calls:
        return self._calls

    def look_at(self, plan: Plan, wall: float) -> Look:
        """The look of `plan` at `wall` with what was called by then."""
        if self._counted is None:
            self._counted = wall
        look = captioned_look(plan, wall, self._calls)
        written = self.writes(look)
        return replace(look, captions=(*look.captions, *written)) if written else look

    def take(self, plan: Plan) -> None:
        """`plan` runs from now on; what was called stays, but for cues that it does not have."""
        with self._lock:
            known = {cue.name for cue in plan.cues}
            on = {run.cue.name for run in runs_at(self._plan, self._wall(), self._calls)}
            kept = tuple(call for call in self._calls.cues if call.cue in known)
            gone = {call.cue for call in self._calls.cues} - known
            self._plan, self._calls = plan, replace(self._calls, cues=kept)
        for name in sorted(gone & on):
            log.info("cue %s is gone from the show; what it showed is left", name)

    # ---- calling -----------------------------------------------------------------------------

    def call(self, name: str, by: str) -> str:
        """Run a cue from now on; `by` says who asks, for the log.  What was done, as a sentence.

        Raises UsageError when there is no such cue.
        """
        with self._lock:
            names = [cue.name for cue in self._plan.cues]
            if name not in names:
                hint = did_you_mean(name, names) or "; the show has no cues"
                raise UsageError(f"no cue {name!r}{hint}")
            now, calls = self._tidied()
            self._calls = replace(calls, cues=(*calls.cues, Call(name, now))[-MOST_CUES:])
            self._counts[name] += 1
        return _said(f"cue {name} is called", by)

    def trigger(self, name: str, by: str) -> str:
        """Let every cue that waits for `name` go on.  What was done, as a sentence.

        Raises UsageError when no cue of the show ever waits for it.
        """
        with self._lock:
            names = [wait for cue in self._plan.cues for wait in cue.waits]
            if name not in names:
                hint = did_you_mean(name, names) or "; no cue of the show waits for any"
                raise UsageError(f"no trigger {name!r}{hint}")
            now, calls = self._tidied()
            heard = name in now_on(self._plan, now, calls).waits
            if heard:  # one that nobody waits for means nothing, then or later
                self._calls = replace(calls, triggers=(*calls.triggers, Trigger(name, now))[-MOST:])
        return _said(f"trigger {name}" if heard else f"trigger {name}: no cue waits for it now", by)

    def release(self, by: str) -> str:
        """Give the picture back: from a panic to what is on beneath it, else from every cue to the
        schedule.  What was done, as a sentence."""
        with self._lock:
            now, calls = self._tidied()
            if calls.panicking:
                *before, last = calls.panics
                self._calls = replace(calls, panics=(*before, replace(last, until=now)))
                done = "the panic is over"
            elif now_on(self._plan, now, calls).run:
                self._calls = replace(calls, releases=(*calls.releases, now)[-MOST:])
                done = "cues are released"
            else:
                done = "nothing to release: the schedule is on"
        return _said(done, by)

    def panic(self, by: str) -> str:
        """Go dark until it is released.  What was done, as a sentence."""
        with self._lock:
            now, calls = self._tidied()
            if calls.panicking:
                return "panic: the wall is dark already"
            self._calls = replace(calls, panics=(*calls.panics, Panic(now))[-MOST:])
        return _said("panic: the wall goes dark", by)

    def press(self, key: str) -> None:
        """What a key means: its cue, a panic and the way back from it, or a release."""
        by = f"key {key}"
        if key == PANIC_KEY:
            (self.release if self._calls.panicking else self.panic)(by)
        elif key == RELEASE_KEY:
            self.release(by)
        else:
            for name in [cue.name for cue in self._plan.cues if cue.key == key]:
                self.call(name, by)
            self.hears(key)

    def _tidied(self) -> tuple[float, Calls]:
        """The time, and what still means something then."""
        now, calls = self._wall(), self._calls
        known = {run.begins for run in runs_at(self._plan, now, calls)}
        cues = tuple(call for call in calls.cues if call.at in known)
        since = min([now - MEMORY, *(call.at for call in cues)])
        return now, Calls(
            cues,
            tuple(trigger for trigger in calls.triggers if trigger.at >= since),
            tuple(at for at in calls.releases if at >= since),
            tuple(panic for panic in calls.panics if panic.until >= since),
        )

    # ---- telling -----------------------------------------------------------------------------

    def counts(self) -> Mapping[str, int]:
        """How often each cue of the show ran since the start, the schedule's calls included.

        Those are counted when this is asked, at least once a day.
        """
        with self._lock:
            if self._counted is not None:
                now, since = self._wall(), self._counted
                for run in scheduled_runs(self._plan, now):
                    self._counts[run.cue.name] += since < run.begins <= now
                self._counted = max(since, now)
            return {cue.name: self._counts[cue.name] for cue in self._plan.cues}

    def status(self) -> Json:
        """What is on and why, what is waited for, and what could be called, as values of JSON."""
        plan, calls, wall = self._plan, self._calls, self._wall()
        now, look, zone = now_on(plan, wall, calls), look_at(plan, wall, calls), _zone(plan)
        return {
            "show": plan.show,
            "at": iso(wall, zone),
            "light": round(look.light, 3),
            "mix": {style: round(weight, 3) for style, weight in look.mix},
            "why": look.why,
            "panic": now.panic,
            "on": _run_to_json(now.run, now.leg, zone) if now.run else None,
            "waits": list(now.waits),
            "cues": [_cue_to_json(cue) for cue in plan.cues],
            "triggers": sorted({wait for cue in plan.cues for wait in cue.waits}),
        }


def _zone(plan: Plan) -> ZoneInfo:
    return ZoneInfo(plan.place.tz)


def _said(what: str, by: str) -> str:
    log.info("%s (%s)", what, by)
    return what


def _run_to_json(run: Run, leg: int, zone: ZoneInfo) -> Json:
    step = run.legs[leg].step if leg >= 0 else None
    return {
        "cue": run.cue.name,
        "line": step.line if step else run.cue.line,
        "step": leg + 1,
        "of": len(run.cue.steps),
        "shows": step.words if step else None,
        "since": iso(run.begins, zone),
        "until": None if run.ends == float("inf") else iso(run.ends, zone),
        "by": f"schedule, line {run.by}" if run.by else "a call",
    }


def _cue_to_json(cue: PlannedCue) -> Json:
    return {
        "name": cue.name,
        "line": cue.line,
        "key": cue.key or None,
        "steps": len(cue.steps),
        "seconds": round(cue.lasts, 3),
        "end": "stay" if cue.stays else "release",
        "waits": list(cue.waits),
    }
