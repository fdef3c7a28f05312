"""Cues, resolved: each step with its look, its time and its line; and when the schedule calls
them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from murai_show.show.cue import After, Step
from murai_show.show.cueing import LONGEST
from murai_show.show.hints import did_you_mean
from murai_show.show.mix import Mix, mix_words
from murai_show.show.plan_schedule import alone, check_sun
from murai_show.show.planned import PlannedBank, PlannedPlaylist
from murai_show.show.planned_cues import CueTime, Does, PlannedCue, PlannedStep
from murai_show.show.playing import DARK
from murai_show.show.read_cues import Look, ReadCue
from murai_show.show.rules import named_playlist
from murai_show.show.site import Site
from murai_show.show.tokens import look_of
from murai_show.show.words import Address, write_duration

Playlists = Mapping[str, PlannedPlaylist]


def plan_cues(
    site: Site, bank: PlannedBank | None, playlists: Playlists
) -> tuple[tuple[PlannedCue, ...], tuple[str, ...]]:
    """The cues that could be read, in the order of the file, and what a person should know."""
    _check_keys(site)
    planned = [
        _plan_cue(site, name, read, bank, playlists)
        for name, read in site.draft.cues.items()
        if read is not None
    ]
    cues = tuple(cue for cue in planned if cue is not None)
    return cues, tuple(note for cue in cues if (note := _hurried(cue)))


def plan_cue_times(
    site: Site, cues: tuple[PlannedCue, ...]
) -> tuple[tuple[CueTime, ...], tuple[str, ...]]:
    """The rules of the schedule that call cues, in the order of the file, and what a person should
    know about them."""
    known = {cue.name: cue for cue in cues}
    found: list[CueTime] = []
    for number, rule in enumerate(site.draft.schedule):
        if rule is None or rule.cue is None or rule.at is None:
            continue
        check_sun(site, number, rule)
        path = ("schedule", number, "cue")
        if rule.cue not in site.draft.cues:
            hint = did_you_mean(rule.cue, site.draft.cues) or "; the show has no cues"
            site.blame(f"no cue {site.draft.shown(*path)}{hint}", *path)
        elif rule.cue in known:
            days = rule.days if rule.days and len(rule.days) < 7 else ()
            line = site.draft.spot("schedule", number).line
            found.append(CueTime(line, known[rule.cue], rule.at, days, rule.dates or ()))
    return tuple(found), tuple(note for time in found if (note := _endless(time)))


def _endless(time: CueTime) -> str:
    if not time.cue.stays:
        return ""
    return (
        f"schedule, line {time.line}: cue {time.cue.name} stays on, past what the schedule says "
        "then, until it is released or until the next noon"
    )


def plan_control(site: Site) -> tuple[Address | None, tuple[str, ...]]:
    """Where cues may be called over HTTP, and a note when the network reaches it."""
    head = site.draft.head
    if head is None or head.control == "off":
        return None, ()
    address = head.control
    if address == head.metrics and address.port:
        site.blame(f"control: {address} is the address of metrics; choose another port", "control")
    if _local(address.host):
        return address, ()
    note = (
        f"control: {address} is reached from the network, without encryption; "
        "write 127.0.0.1 for this machine alone"
    )
    return address, (note,)


def _local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_keys(site: Site) -> None:
    """A key calls one cue."""
    first: dict[str, str] = {}
    for name, read in site.draft.cues.items():
        if read is None or read.itself.key is None:
            continue
        if (other := first.setdefault(read.itself.key, name)) != name:
            line = site.draft.spot("cues", other, "key").line
            path = ("cues", name, "key")
            shown = site.draft.shown(*path)
            site.blame(f"key: {shown} calls cue {other} in line {line}; take another", *path)


@dataclass(frozen=True)
class _Spot:
    """Where a cue is after a step, in seconds from its beginning: what `+` counts from, and when
    the step is over.  `waited` is the line of a wait before it, 0 when its times are certain."""

    anchor: float = 0.0
    ends: float = 0.0
    waited: int = 0
    held: bool = False

    @property
    def since(self) -> str:
        """From when on the next step can begin."""
        return f"{'is over' if self.held else 'begins'} at {write_duration(self.anchor)}"

    def after(self, step: PlannedStep) -> _Spot:
        begins = self.anchor + step.delay
        ends = begins + step.lasts
        waited = self.waited or (step.line if step.wait else 0)
        return _Spot(ends if step.stays else begins, ends, waited, step.stays)


def _plan_cue(
    site: Site, name: str, read: ReadCue, bank: PlannedBank | None, playlists: Playlists
) -> PlannedCue | None:
    """None when something in it is broken; all of it has been looked at."""
    steps: list[PlannedStep] = []
    spot, whole = _Spot(), True
    for number, step in enumerate(read.steps):
        path = (*read.path, number)
        planned = step and _plan_step(site, name, number, step, read, bank, playlists)
        delay = _delay(site, step.at, spot, *path) if step and whole else None
        whole = whole and planned is not None and delay is not None
        if whole and planned and delay is not None:
            steps.append(replace(planned, delay=delay))
            spot = spot.after(steps[-1])
    named, itself = site.draft.root.find("cues", name)[0].named, read.itself
    if spot.ends > LONGEST:
        site.findings.add(
            named,
            f"cue {name}: it may last {spot.ends / 3600:.3g}h, its timeouts included; "
            f"a cue lasts at most {write_duration(LONGEST)}",
        )
    if not whole:
        return None
    stays = itself.end == "stay"
    return PlannedCue(name, named.line, tuple(steps), itself.fade, stays, itself.key or "")


def _delay(site: Site, at: After | None, spot: _Spot, *path: str | int) -> float | None:
    """Seconds from what `+` counts from to the step at `path`; None, and a finding, when it cannot
    begin then."""
    if at is None:
        return spot.ends - spot.anchor
    if at.relative:
        return at.seconds
    shown = site.draft.shown(*path, "at")
    if spot.waited:
        site.blame(
            f"at: {shown} comes after the wait in line {spot.waited}, whose end nobody knows yet; "
            f"write +{write_duration(at.seconds)} to count from the step before",
            *path,
            "at",
        )
        return None
    if at.seconds < spot.anchor:
        site.blame(
            f"at: {shown} is too early: the step before {spot.since}; "
            "write the steps in order, or +45s to count from the one before",
            *path,
            "at",
        )
        return None
    return at.seconds - spot.anchor


def _plan_step(
    site: Site,
    cue: str,
    number: int,
    step: Step,
    read: ReadCue,
    bank: PlannedBank | None,
    playlists: Playlists,
) -> PlannedStep | None:
    """The step without its delay; None when it plays what is not there."""
    path, owner = (*read.path, number), f"cue {cue}, step {number + 1}"
    line, does = site.draft.spot(*path).line, cast("Does", step.does)
    fade = step.fade if step.fade is not None else read.itself.fade

    def look(written: Look, *where: str | int) -> Mix:
        return look_of(site, written, bank, owner, *path, *where)

    if step.style is not None:
        mixes = (look(step.style, "style"),)
        return PlannedStep(line, does, _words(step.style, mixes[0]), 0.0, fade, fade, mixes)
    if step.morph is not None:
        mixes = tuple(look(part, "morph", n) for n, part in enumerate(step.morph))
        words = ", ".join(map(_words, step.morph, mixes))
        over = step.over or 0.0
        lasts = max(over, fade)
        return PlannedStep(line, does, f"morph {words}", 0.0, lasts, fade, mixes, over)
    if step.blackout is not None:
        dark = (((DARK, 1.0),),)
        return PlannedStep(line, does, "blackout", 0.0, step.blackout, step.blackout, dark)
    if step.hold is not None:
        return PlannedStep(line, does, "hold", 0.0, step.hold)
    if step.wait is not None:
        words, ends = f"waits for {step.wait}", step.then == "end"
        return PlannedStep(line, does, words, 0.0, step.timeout or 0.0, wait=step.wait, ends=ends)
    name = step.play or ""
    playlist = (
        alone(((DARK, 1.0),), line)
        if name == DARK
        else named_playlist(site, name, playlists, *path, "play")
    )
    if playlist is None:
        return None
    return PlannedStep(line, does, playlist.words, 0.0, fade, fade, playlist=playlist)


def _words(written: Look, mix: Mix) -> str:
    """A look as it is written: `hero` for a token, `starry 40% + wave 60%` for a mix."""
    return written if isinstance(written, str) else mix_words(mix)


def _hurried(cue: PlannedCue) -> str:
    """A last look that is left as soon as it is reached: perhaps not meant so."""
    last = cue.steps[-1]
    if cue.stays or last.does not in ("style", "play"):
        return ""
    return (
        f"cue {cue.name}, line {last.line}: its last step, {last.words}, is left as soon as it is "
        "there; write - { hold: 30s } behind it, or end: stay"
    )
