"""One evening of a show, from noon to noon, and why the picture is what it is at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

from murai_show.show.cueing import NONE, Now, Run, evening_runs, now_on
from murai_show.show.days import ShowDay, show_day_of
from murai_show.show.hours import Stretch, instant_at, stretches
from murai_show.show.moments import SUN_WORDS, Moment, write_days
from murai_show.show.planned import Plan, PlannedPlaylist, PlannedRule
from murai_show.show.playing import DARK
from murai_show.show.timeline import Look, Mix, Turn, look_at, turn_at

Json = dict[str, Any]
WEEK = 8 * 86400.0  # how far `why` looks for the next change: a week, and a day of grace
MARGIN = 300.0  # seconds that a rehearsal begins before the first light and ends after the last
WORDS = ("sunset", "dusk", "dawn", "sunrise")


@dataclass(frozen=True)
class SunMark:
    """What the sun does when, POSIX seconds."""

    word: str
    instant: float


@dataclass(frozen=True)
class Row:
    """One line of an evening's table: a stretch of a rule, or a cue that the schedule calls.

    `line` is the rule's; `stretch` is None for a cue."""

    begins: float
    ends: float
    plays: str
    when: str
    line: int
    lit: bool
    stretch: Stretch | None = None


@dataclass(frozen=True)
class Evening:
    """A show day with its stretches, one for each change of rules, its sun, and the cues that the
    schedule calls, as they go when nobody pulls a trigger.

    `sun` is in the order of time, and empty for a show without a place.
    """

    plan: Plan
    day: ShowDay
    stretches: tuple[Stretch, ...]
    sun: tuple[SunMark, ...]
    runs: tuple[Run, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.plan.place.tz)

    @property
    def date(self) -> date:
        return date.fromisoformat(self.day.date)

    @property
    def lit(self) -> tuple[Stretch, ...]:
        """The stretches with a picture."""
        return tuple(s for s in self.stretches if s.rule.playlist.lit)

    @property
    def span(self) -> tuple[float, float] | None:
        """From the first light to the last; None when the wall stays dark."""
        lit = self.lights()
        return (lit[0][0], lit[-1][1]) if lit else None

    def lights(self) -> tuple[tuple[float, float], ...]:
        """From when to when there is a picture, in order, without those that overlap."""
        spans = [(s.begins, s.ends) for s in self.lit]
        spans += [(r.begins, min(r.ends, self.day.ends)) for r in self.runs if lights(r)]
        found: list[tuple[float, float]] = []
        for begins, ends in sorted(spans):
            if found and begins <= found[-1][1]:
                begun, before = found.pop()
                found.append((begun, max(before, ends)))
            else:
                found.append((begins, ends))
        return tuple(found)

    def rows(self) -> tuple[Row, ...]:
        """All that happens, in order; a cue stands below the stretch that it begins in."""
        rules = [
            Row(s.begins, s.ends, s.rule.playlist.words, s.rule.when, s.rule.line, lit, s)
            for s in self.stretches
            for lit in (s.rule.playlist.lit,)
        ]
        when = {time.line: time.when for time in self.plan.cue_times}
        cues = [
            Row(r.begins, r.ends, f"cue {r.cue.name}", when[r.by], r.by, lights(r))
            for r in self.runs
        ]
        return tuple(sorted(rules + cues, key=lambda row: (row.begins, row.stretch is None)))

    def clock(self, wall: float, seconds: bool = False) -> str:
        """`wall` on the clock beside the wall, to the minute that it is in, or to the second."""
        local = datetime.fromtimestamp(wall, self.zone)
        return local.strftime("%H:%M:%S" if seconds else "%H:%M")

    def entries(self) -> tuple[Mix, ...]:
        """Everything that is shown, each look once, in the order in which playlists come."""
        playlists = dict.fromkeys(s.rule.playlist for s in self.lit)
        entries = [e for playlist in playlists for e in playlist.entries]
        entries += [m for r in self.runs for m in r.cue.mixes if m != ((DARK, 1.0),)]
        return tuple(dict.fromkeys(entries))


def lights(run: Run) -> bool:
    """Whether a cue ever shows a picture of its own."""
    return any(style != DARK for mix in run.cue.mixes for style, _ in mix)


def evening_of(plan: Plan, on: date) -> Evening:
    """The show day that begins at noon of the date `on`."""
    day = show_day_of(plan.place.tz, on.toordinal())
    found = stretches(plan.schedule, plan.place, day.begins, day.ends)
    ordinal = on.toordinal()
    runs = evening_runs(plan, ordinal)
    return Evening(plan, day, _merged(found), _sun(plan, day, ordinal), runs)


def _merged(found: tuple[Stretch, ...]) -> tuple[Stretch, ...]:
    """One stretch for each run of a rule, whatever it overrides meanwhile."""
    merged: list[Stretch] = []
    for stretch in found:
        if merged and merged[-1].rule == stretch.rule:
            last = merged.pop()
            others = tuple(dict.fromkeys((*last.others, *stretch.others)))
            stretch = Stretch(last.begins, stretch.ends, stretch.rule, others)  # noqa: PLW2901
        merged.append(stretch)
    return tuple(merged)


def _sun(plan: Plan, day: ShowDay, ordinal: int) -> tuple[SunMark, ...]:
    if not plan.place.known:
        return ()
    instant = instant_at(plan.place)
    marks = {
        SunMark(word, found)
        for word in WORDS
        for when in (ordinal, ordinal + 1)
        if isfinite(found := instant(Moment(*SUN_WORDS[word]), when))
        and day.begins <= found < day.ends
    }
    return tuple(sorted(marks, key=lambda mark: mark.instant))


@dataclass(frozen=True)
class Why:
    """What is on at `wall` and whose doing it is.

    `begins` and `ends` are the winning rule's, None where it began or ends more than a week away;
    `after` is the rule that wins next; `now` has the cue of the schedule that wins over it.
    """

    wall: float
    look: Look
    rule: PlannedRule
    others: tuple[PlannedRule, ...]
    turn: Turn
    next_turn: Turn
    begins: float | None
    ends: float | None
    after: PlannedRule | None
    now: Now


def why_at(plan: Plan, wall: float) -> Why:
    """Why the picture is what it is at `wall`, POSIX seconds."""
    found = stretches(plan.schedule, plan.place, wall - WEEK, wall + WEEK)
    here = next(i for i, s in enumerate(found) if s.begins <= wall < s.ends)
    merged = _merged(found)
    number = next(i for i, s in enumerate(merged) if s.begins <= wall < s.ends)
    rule, last = merged[number].rule, number + 1 == len(merged)
    turn = turn_at(plan, rule.playlist, wall)
    return Why(
        wall,
        look_at(plan, wall),
        rule,
        found[here].others,
        turn,
        turn_at(plan, rule.playlist, turn.ends),
        merged[number].begins if number else None,
        None if last else merged[number].ends,
        None if last else merged[number + 1].rule,
        now_on(plan, wall, NONE),
    )


def dark_words(plan: Plan, wall: float, show: str) -> str:
    """A sentence for whoever starts `show` while its wall is dark, empty when it is lit."""
    if not plan.schedule or look_at(plan, wall).lit:
        return ""
    why = why_at(plan, wall)
    until = ""
    if why.ends is not None:
        until = f" until {datetime.fromtimestamp(why.ends, ZoneInfo(plan.place.tz)):%a %H:%M}"
    return (
        f"the wall is dark{until} ({plan.source.name}, line {why.rule.line}); "
        f"murai-show rehearse {show} plays the evening now"
    )


def evening_to_json(evening: Evening) -> Json:
    """The evening as values of JSON; times are ISO 8601 with the offset from UTC."""
    zone = evening.zone
    span = evening.span
    return {
        "show": evening.plan.show,
        "file": str(evening.plan.source),
        "date": evening.day.date,
        "tz": evening.plan.place.tz,
        "begins": iso(evening.day.begins, zone),
        "ends": iso(evening.day.ends, zone),
        "lit": [iso(edge, zone) for edge in span] if span else None,
        "sun": [{"what": mark.word, "at": iso(mark.instant, zone)} for mark in evening.sun],
        "stretches": [
            {"from": iso(s.begins, zone), "to": iso(s.ends, zone)} | rule_to_json(s.rule)
            for s in evening.stretches
        ],
        "cues": [run_to_json(run, zone) for run in evening.runs],
        "notes": list(evening.plan.notes),
    }


def why_to_json(plan: Plan, why: Why) -> Json:
    """The answer of `why` as values of JSON."""
    zone = ZoneInfo(plan.place.tz)

    def at(wall: float | None) -> str | None:
        return None if wall is None else iso(wall, zone)

    return {
        "show": plan.show,
        "file": str(plan.source),
        "at": iso(why.wall, zone),
        "light": why.look.light,
        "mix": dict(why.look.mix),
        "why": why.look.why,
        "rule": rule_to_json(why.rule) | {"from": at(why.begins), "to": at(why.ends)},
        "overridden": [rule_to_json(rule) for rule in why.others],
        "turn": {
            "entry": dict(why.turn.entry),
            "from": at(why.turn.begins),
            "to": at(why.turn.ends),
        },
        "next": rule_to_json(why.after) if why.after else None,
        "cue": run_to_json(why.now.run, zone) | {"step": why.now.leg + 1} if why.now.run else None,
    }


def run_to_json(run: Run, zone: ZoneInfo) -> Json:
    """A cue that the schedule calls, with its steps; `line` is the rule's."""
    return {
        "cue": run.cue.name,
        "line": run.by,
        "from": iso(run.begins, zone),
        "to": iso(run.ends, zone),
        "steps": [
            {
                "line": leg.step.line,
                "at": iso(leg.begins, zone),
                "does": leg.step.does,
                "shows": leg.step.words,
            }
            for leg in run.legs
        ],
    }


def rule_to_json(rule: PlannedRule) -> Json:
    """A rule in the words of the show language."""
    return {
        "line": rule.line,
        "when": rule.when,
        "plays": rule.playlist.words,
        "playlist": rule.playlist.name or None,
        "lit": rule.playlist.lit,
        "camera": rule.camera or None,
        "hours": str(rule.hours) if rule.hours else None,
        "days": write_days(rule.days) or None,
        "dates": [str(dates) for dates in rule.dates] or None,
        "fade": rule.fade,
    }


def iso(wall: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(round(wall), zone).isoformat()


def place_in(playlist: PlannedPlaylist, entry: Mix) -> str:
    """`entry 3 of 11`; nothing for a rule's own style."""
    if not playlist.name:
        return ""
    return f"entry {playlist.entries.index(entry) + 1} of {len(playlist.entries)}"
