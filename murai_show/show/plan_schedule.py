"""The schedule, resolved: each rule with its playlist, its hours and its line."""

from __future__ import annotations

from collections.abc import Mapping

from murai_show.show.planned import Hours, PlannedBank, PlannedPlaylist, PlannedRule
from murai_show.show.playing import DARK, Rule
from murai_show.show.rules import named_playlist, play_key
from murai_show.show.site import Site
from murai_show.show.timeline import Mix
from murai_show.show.tokens import look_of

STYLE_FADE = 5.0  # seconds, as a playlist's default
FOREVER = 6 * 3600.0  # of a playlist of one entry: it follows itself


def plan_schedule(
    site: Site,
    bank: PlannedBank | None,
    playlists: Mapping[str, PlannedPlaylist],
    play: PlannedPlaylist | None,
) -> tuple[PlannedRule, ...]:
    """The rules in the order of the file, first the one that always holds: `default`, else what
    `play` names.  Without it nothing: something is broken, and has been said."""
    rules = site.draft.schedule
    _check_defaults(site)
    planned = [
        _plan_rule(site, number, rule, bank, playlists)
        for number, rule in enumerate(rules)
        if rule is not None and rule.cue is None  # those call cues: plan_cues.py
    ]
    given = bool(rules) and rules[0] is not None and rules[0].default is not None
    if not given and play is not None:
        line = site.draft.spot(*play_key(site)).line
        planned.insert(0, PlannedRule(0, line, play, play.fade))
    whole = [rule for rule in planned if rule is not None]
    if len(whole) < len(planned):
        return ()
    return tuple(_numbered(order, rule) for order, rule in enumerate(whole))


def _numbered(order: int, rule: PlannedRule) -> PlannedRule:
    return PlannedRule(
        order, rule.line, rule.playlist, rule.fade, rule.hours, rule.days, rule.dates, rule.camera
    )


def _check_defaults(site: Site) -> None:
    """The last match wins: a default that is not first would hide the rules above it."""
    first: int | None = None
    for number, rule in enumerate(site.draft.schedule):
        if rule is None or rule.default is None:
            continue
        path = ("schedule", number, "default")
        if first is not None:
            site.blame(f"default: stands in line {first} already; keep one of them", *path)
        elif number:
            site.blame(
                "default: the last match wins, so this would hide the rules above; "
                "move it to the top",
                *path,
            )
        first = first or site.draft.spot(*path).line


def _plan_rule(
    site: Site,
    number: int,
    rule: Rule,
    bank: PlannedBank | None,
    playlists: Mapping[str, PlannedPlaylist],
) -> PlannedRule | None:
    path = ("schedule", number)
    check_sun(site, number, rule)
    line = site.draft.spot(*path).line
    if rule.style is not None:
        owner = f"schedule, rule {number + 1}"
        playlist = alone(look_of(site, rule.style, bank, owner, *path, "style"), line)
    else:
        name, key = (rule.default, "default") if rule.default else (rule.play or "", "play")
        if name == DARK:
            playlist = alone(((DARK, 1.0),), line)
        else:
            playlist = named_playlist(site, name, playlists, *path, key)
    if playlist is None:
        return None
    fade = playlist.fade if rule.fade is None and playlist.lit else rule.fade
    days = rule.days if rule.days and len(rule.days) < 7 else ()
    dates, camera = rule.dates or (), rule.camera or ""
    return PlannedRule(0, line, playlist, fade, hours_of(rule), days, dates, camera)


def alone(mix: Mix, line: int) -> PlannedPlaylist:
    """A playlist of one entry, without a name."""
    return PlannedPlaylist("", (mix,), FOREVER, STYLE_FADE, "listed", line)


def hours_of(rule: Rule) -> Hours | None:
    if rule.begin is None or rule.to is None:
        return None
    return Hours(rule.begin, rule.to, rule.not_before, rule.not_after)


def check_sun(site: Site, number: int, rule: Rule) -> None:
    """The sun needs to know where the wall stands."""
    head = site.draft.head
    if head is None or head.place is not None or "place" in site.draft.root.members:
        return
    moments = {
        "from": rule.begin,
        "to": rule.to,
        "not_before": rule.not_before,
        "not_after": rule.not_after,
        "at": rule.at,
    }
    for key, moment in moments.items():
        if moment is None or not moment.solar:
            continue
        path = ("schedule", number, key)
        or_clock = ', or "12:00" for the clock' if moment.side == "noon" else ""
        site.blame(
            f"{key}: {site.draft.shown(*path)} follows the sun, and the show has no place; "
            f"write place: with lat, lon and tz{or_clock}",
            *path,
        )
