"""/statusz: what plays and why, since when, what comes next, and what is out of order.

JSON for programs, lines of text for a browser.  No URL and no secret is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from murai_show.edge.metrics import Identity, alive, ready
from murai_show.loop.mailbox import Mailbox, Status
from murai_show.redact import redacted
from murai_show.show.evening import Why, iso, rule_to_json, why_at
from murai_show.show.guard import expect_words
from murai_show.show.mix import mix_words
from murai_show.show.planned import Plan

Json = dict[str, Any]
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


@dataclass(frozen=True)
class Sight:
    """All that a status page is made of.  `wall` in POSIX seconds, `now` and the statuses in
    monotonic ones; `before` is a status of some seconds ago; `board` is what `Board.status` says;
    `up` are the seconds since the show began."""

    plan: Plan
    who: Identity
    before: Status | None
    status: Status | None
    board: Json
    why: Why
    wall: float
    now: float
    up: float


class Statusz:
    """The page.  `now` gives monotonic seconds, `wall` POSIX seconds."""

    def __init__(
        self,
        plan: Callable[[], Plan],
        identity: Callable[[], Identity],
        mailbox: Mailbox,
        board: Callable[[], Json],
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._plan, self._identity, self._mailbox = plan, identity, mailbox
        self._board, self._now, self._wall = board, now, wall
        self._begun = now()

    def __call__(self, accept: str) -> tuple[str, str]:
        """The content type and the text, for a client that accepts `accept`."""
        found = statusz(self._sight())
        if wants_text(accept):
            return "text/plain; charset=utf-8", redacted(statusz_text(found))
        text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
        return "application/json; charset=utf-8", redacted(text)

    def _sight(self) -> Sight:
        plan, now, wall = self._plan(), self._now(), self._wall()
        return Sight(
            plan,
            self._identity(),
            self._mailbox.oldest(),
            self._mailbox.newest(),
            self._board(),
            why_at(plan, wall),
            wall,
            now,
            now - self._begun,
        )


def wants_text(accept: str) -> bool:
    """Whether a client would rather read lines than JSON: a browser, or who asks for text."""
    kinds = [part.partition(";")[0].strip() for part in accept.split(",")]
    return "application/json" not in kinds and bool({"text/html", "text/plain"} & set(kinds))


def statusz(sight: Sight) -> Json:
    """The page as values of JSON."""
    plan, who, status = sight.plan, sight.who, sight.status
    live, words = alive(status, sight.now)
    is_ready, words = ready(status, sight.now) if live else (False, words)
    return {
        "show": plan.show,
        "title": plan.title,
        "at": iso(sight.wall, ZoneInfo(plan.place.tz)),
        "version": who.version,
        "config_hash": who.config_hash,
        "up_seconds": round(sight.up),
        "live": live,
        "ready": is_ready,
        "words": words,
        "plays": _plays(sight),
        "engine": who.engine,
        "bank": plan.bank.name,
        "painted_per_second": _rate(sight, lambda found: found.painted),
        "degraded": _degraded(status),
        "cameras": _cameras(status),
        "outputs": _outputs(sight),
        "expect": expect_words(plan.expect),
        "expect_broken": [what for what, broken in who.broken.items() if broken],
        "errors": dict(status.errors) if status else {},
        "flashes_limited": status.flashes if status else 0,
    }


def _plays(sight: Sight) -> Json:
    """What is on, whose doing that is, and when it will be something else."""
    why, board, zone = sight.why, sight.board, ZoneInfo(sight.plan.place.tz)
    since = [moment for moment in (why.begins, why.turn.begins) if moment is not None]
    if why.turn.entry == why.next_turn.entry:  # a playlist of one: its turns are no change
        since = [why.begins] if why.begins is not None else []
    on = board["on"]
    return {
        "light": board["light"],
        "mix": board["mix"],
        "why": board["why"],
        "rule": rule_to_json(why.rule),
        "since": on["since"] if on else iso(max(since), zone) if since else None,
        "next": _next(why, on, zone, board["panic"]),
        "cue": on,
        "waits": board["waits"],
        "panic": board["panic"],
    }


def _next(why: Why, on: Json | None, zone: ZoneInfo, panic: bool) -> Json | None:
    """The next change that is known: a cue's end, a rule's, the next entry's turn."""
    if panic:
        return None
    if on is not None:
        what = why.rule.playlist.words
        return {"at": on["until"], "plays": what} if on["until"] else None
    changes: list[tuple[float, str]] = []
    if why.ends is not None and why.after is not None:
        changes.append((why.ends, why.after.playlist.words))
    if why.turn.entry != why.next_turn.entry:
        changes.append((why.turn.ends, mix_words(why.next_turn.entry)))
    if not changes:
        return None
    at, what = min(changes)
    return {"at": iso(at, zone), "plays": what}


def _degraded(status: Status | None) -> Json | None:
    if status is None or status.degraded is None:
        return None
    rung, words = status.degraded.rung, status.degraded.words
    return {"rung": rung, "of": len(words) - 1, "words": words[rung]}


def _cameras(status: Status | None) -> Json:
    if status is None:
        return {}
    return {
        name: {
            "state": health.state,
            "age_seconds": None if health.age is None else round(health.age, 3),
            "frames": health.frames,
            "reconnects": health.reconnects,
            "trouble": _URL.sub("its address", health.trouble),
        }
        for name, health in status.cameras.items()
    }


def _outputs(sight: Sight) -> Json:
    return {each.name: _output(sight, each.name, each.spec.fps) for each in sight.plan.outputs}


def _output(sight: Sight, name: str, fps: float) -> Json:
    status = sight.status
    return {
        "presented": status.presented.get(name, 0) if status else 0,
        "per_second": _rate(sight, lambda found: found.presented.get(name, 0)),
        "fps": fps,
        "connected": status.connected.get(name) if status else None,
        "drops": {
            reason: count
            for (where, reason), count in (status.drops if status else {}).items()
            if where == name and count
        },
    }


def _rate(sight: Sight, count: Callable[[Status], int]) -> float | None:
    """How often a second, over the last seconds; None before there are two statuses."""
    before, last = sight.before, sight.status
    if before is None or last is None or last.at <= before.at:
        return None
    return round((count(last) - count(before)) / (last.at - before.at), 1)


# ---- for a person ----------------------------------------------------------------------------


def statusz_text(found: Json) -> str:
    """The page as lines to read."""
    plays = found["plays"]
    lit = "panic" if plays["panic"] else "lit" if plays["light"] > 0 else "dark"
    head = (
        f"{found['show']}: {found['title']}" if found["title"] != found["show"] else found["show"]
    )
    rows = [
        ("now", f"{_clock(found['at'])}, {lit}; {found['words']}"),
        ("plays", _mix(plays["mix"]) or "nothing"),
        ("why", plays["why"]),
        ("since", _clock(plays["since"]) if plays["since"] else "over a week"),
        ("next", _after(plays["next"])),
    ]
    if plays["waits"]:
        rows.append(("waits", f"for {', '.join(plays['waits'])}"))
    rate = found["painted_per_second"]
    paints = "" if rate is None else f", {rate:g} pictures a second"
    rows.append(("painter", f"{found['bank']} by {found['engine']}{paints}"))
    if found["degraded"]:
        step = found["degraded"]
        rows.append(("step", f"{step['rung']} of {step['of']}: {step['words']}"))
    rows += [(f"camera {name}", _camera(camera)) for name, camera in found["cameras"].items()]
    rows += [(f"output {name}", _sent(output)) for name, output in found["outputs"].items()]
    rows.append(("broken", ", ".join(found["expect_broken"]) or "nothing that is expected"))
    errors = ", ".join(f"{count} × {part}" for part, count in found["errors"].items())
    rows.append(("survived", errors or "nothing"))
    up = _span(found["up_seconds"])
    rows.append(("version", f"{found['version']}, show file {found['config_hash']}, up {up}"))
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join([head, "", *(f"{name:<{width}}{text}" for name, text in rows), ""])


def _mix(mix: dict[str, float]) -> str:
    return mix_words(tuple(mix.items())) if mix else ""


def _clock(moment: str) -> str:
    """`2026-12-24 21:30:00`, on the wall's own clock."""
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M:%S")


def _after(change: Json | None) -> str:
    return f"{_clock(change['at'])}, {change['plays']}" if change else "nothing for a week"


def _camera(camera: Json) -> str:
    age = camera["age_seconds"]
    told = "no frame yet" if age is None else f"last frame {age:.1f} s ago"
    trouble = f"; {camera['trouble']}" if camera["trouble"] else ""
    return f"{camera['state']}, {told}{trouble}"


def _sent(output: Json) -> str:
    rate = output["per_second"]
    told = "no rate yet" if rate is None else f"{rate:g} of {output['fps']:g} a second"
    away = ", its server is away" if output["connected"] is False else ""
    drops = "".join(f", {count} {reason}" for reason, count in output["drops"].items())
    return f"{told}{away}{drops}"


def _span(seconds: int) -> str:
    """`3 d 4 h`, `4 h 5 min`, `42 s`: for a person, who wants two units at most."""
    for unit, size, smaller, least in (("d", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} {seconds % size // least} {smaller}"
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"
