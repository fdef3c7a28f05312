"""The times, days and dates that people write in a schedule.

As in `words.py`, each parser takes what YAML gave and returns a frozen value or raises UnfitError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from murai_show.show.hints import nearest
from murai_show.show.words import (
    FromEnviron,
    UnfitError,
    parse_duration,
    quote,
    write_duration,
)

Side = Literal["clock", "rising", "setting", "noon"]

# Degrees of the sun's middle above the horizon.  Sunrise and sunset: its upper rim on the horizon,
# 16' of radius and 34' of refraction; dawn and dusk: civil twilight (USNO, Astronomical Almanac).
HORIZON, CIVIL = -0.833, -6.0
SUN_WORDS: Mapping[str, tuple[Side, float]] = {
    "sunset": ("setting", HORIZON),
    "sunrise": ("rising", HORIZON),
    "dusk": ("setting", CIVIL),
    "dawn": ("rising", CIVIL),
    "noon": ("noon", 0.0),
}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FARTHEST = 12 * 3600.0  # of an offset, in seconds
HIGHEST = 90.0

_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_OFFSET = re.compile(r"([-+])((?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+)$")
_SUN = re.compile(r"sun([-+]?[0-9]+(?:\.[0-9]+)?)(?:°|deg)?(rising|setting)?")
_DATE = re.compile(r"(?:([12][0-9]{3})-)?([0-9]{2})-([0-9]{2})")
_EXAMPLES = 'write "18:30", sunset+10m, dusk or sun -4°'

_MINUTES = 'write hours and minutes, such as "18:00"'


@dataclass(frozen=True)
class Moment:
    """A time of any day.

    `side` says what tells it: the clock, the rising or the setting sun, or the sun's noon.  `at`
    is seconds since midnight on the clock, or the sun's elevation in degrees; `offset` is seconds
    that pass from there, negative before.
    """

    side: Side
    at: float
    offset: float = 0.0

    @property
    def solar(self) -> bool:
        return self.side != "clock"

    @property
    def late(self) -> bool:
        """Whether it is in the half of a day that begins at noon."""
        return self.at >= 12 * 3600 if self.side == "clock" else self.side != "rising"

    @property
    def event(self) -> str:
        """Without the offset: `dusk`, `sun 4° rising`, `23:00`."""
        if self.side == "clock":
            minutes, seconds = divmod(int(self.at), 60)
            clock = f"{minutes // 60:02}:{minutes % 60:02}"
            return f"{clock}:{seconds:02}" if seconds else clock
        for word, meant in SUN_WORDS.items():
            if meant == (self.side, self.at):
                return word
        return f"sun {self.at:g}°" + (" rising" if self.side == "rising" else "")

    def __str__(self) -> str:
        if not self.offset:
            return self.event
        return f"{self.event}{'-' if self.offset < 0 else '+'}{write_duration(abs(self.offset))}"


def parse_moment(found: Any) -> Moment:
    """`23:00`, `dusk+10m`, `sunset-1h30m`, `sun -4°`, `sun -4° rising` → Moment.

    The sun at an elevation is the setting one unless `rising` stands behind it.
    """
    if isinstance(found, Moment):
        return found
    if not isinstance(found, str):
        number = isinstance(found, int) and not isinstance(found, bool)
        raise UnfitError(found, f"is not a time; {_MINUTES if number else _EXAMPLES}")
    text = re.sub(r"\s+", "", found)
    shift = _OFFSET.search(text)
    event = text[: shift.start()] if shift else text
    side, at = _event(found, event)
    return Moment(side, at, _offset(found, shift) if shift else 0.0)


def _offset(found: str, shift: re.Match[str]) -> float:
    seconds = parse_duration(shift[2])
    if seconds > FARTHEST:
        raise UnfitError(found, "is too far off; an offset is at most 12h")
    return -seconds if shift[1] == "-" else seconds


def _event(found: str, event: str) -> tuple[Side, float]:
    if event in SUN_WORDS:
        return SUN_WORDS[event]
    if clock := _CLOCK.fullmatch(event):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        if hours == 24 and not minutes and not seconds:
            raise UnfitError(found, "is not on a clock; midnight is 00:00")
        if hours > 23 or minutes > 59 or seconds > 59:
            raise UnfitError(found, "is not on a clock, which goes from 00:00 to 23:59:59")
        return "clock", hours * 3600.0 + minutes * 60.0 + seconds
    if sun := _SUN.fullmatch(event):
        degrees = float(sun[1])
        if abs(degrees) > HIGHEST:
            raise UnfitError(found, "is beyond the zenith; the sun goes from -90° to 90°")
        return cast("Side", sun[2] or "setting"), degrees
    raise UnfitError(found, f"is not a time; {_hint(found, event)}")


def _hint(found: str, event: str) -> str:
    """What was meant; never from a value of the environment, which must not be repeated."""
    if isinstance(found, FromEnviron):
        return _EXAMPLES
    if event.lower() == "midnight":
        return 'write "00:00"'
    if re.fullmatch(r"[0-9]{1,2}(h|am|pm)?", event.lower()):
        return _MINUTES
    if re.fullmatch(r"[a-z]+[-+][0-9.]+", event):
        return "the offset has no unit; write +10m"
    word = re.match(r"[A-Za-z]*", event)
    near = nearest(word[0], SUN_WORDS) if word else ""
    return f"did you mean {near}?" if near else _EXAMPLES


def parse_days(found: Any) -> tuple[int, ...]:
    """`fri`, `mon-thu`, `[fri, sat]` → days of the week in order, Monday is 0."""
    days = {day for part in _list(found) for day in _within(found, part, _days)}
    if not days:
        raise UnfitError(found, "names no day; write one such as fri, mon-thu or [fri, sat]")
    return tuple(sorted(days))


def _days(part: Any) -> tuple[int, ...]:
    if isinstance(part, int) and not isinstance(part, bool):  # already parsed
        return (part,)
    first, dash, last = part.partition("-") if isinstance(part, str) else ("", "", "")
    names = [first.strip(), last.strip()] if dash else [first.strip()]
    for name in names:
        if name in DAYS:
            continue
        short = name[:3].lower()
        meant = short if short in DAYS and not isinstance(part, FromEnviron) else ""
        hint = f"did you mean {meant}?" if meant else "write mon, tue, wed, thu, fri, sat or sun"
        raise UnfitError(part, f"is not a day of the week; {hint}")
    begin, end = DAYS.index(names[0]), DAYS.index(names[-1])
    return tuple((begin + i) % 7 for i in range((end - begin) % 7 + 1))


def write_days(days: tuple[int, ...]) -> str:
    """(0, 1, 2, 5) → `mon-wed, sat`."""
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 2 else ", ".join(DAYS[day] for day in run)
        for run in runs
    )


@dataclass(frozen=True)
class Dates:
    """Dates from `first` to `last`, both included: (year, month, day); year 0 is every year."""

    first: tuple[int, int, int]
    last: tuple[int, int, int]

    @property
    def yearly(self) -> bool:
        return self.first[0] == 0

    def __contains__(self, day: date) -> bool:
        if not self.yearly:
            return self.first <= (day.year, day.month, day.day) <= self.last
        first, found, last = self.first, (0, day.month, day.day), self.last
        return first <= found <= last if first <= last else found >= first or found <= last

    def __str__(self) -> str:
        ends = dict.fromkeys((_write_date(self.first), _write_date(self.last)))
        return "..".join(ends)


def parse_dates(found: Any) -> tuple[Dates, ...]:
    """`2026-12-24`, `2026-12-24..2027-01-02`, `12-24..01-02`, or a list of these."""
    dates = tuple(_within(found, part, _dates) for part in _list(found))
    if not dates:
        raise UnfitError(found, "names no date; write one such as 2026-12-24 or 12-24..01-02")
    return dates


def _dates(part: Any) -> Dates:
    if isinstance(part, Dates):
        return part
    if not isinstance(part, str):
        raise UnfitError(part, "is not a date; write 2026-12-24, or 12-24 for every year")
    begin, dots, end = part.partition("..")
    first = _date(part, begin.strip())
    last = _date(part, end.strip()) if dots else first
    if (first[0] == 0) != (last[0] == 0):
        raise UnfitError(part, "has a year at one end only; write it at both or at none")
    if first[0] and last < first:
        raise UnfitError(part, "ends before it begins; write the earlier date first")
    return Dates(first, last)


def _date(found: str, text: str) -> tuple[int, int, int]:
    match = _DATE.fullmatch(text)
    if match is None:
        raise UnfitError(found, "is not a date; write 2026-12-24, or 12-24 for every year")
    year, month, day = (int(part or 0) for part in match.groups())
    try:
        date(year or 2000, month, day)  # a leap year: 02-29 comes every fourth year
    except ValueError:
        raise UnfitError(found, "is not in the calendar; write year-month-day") from None
    return year, month, day


def _write_date(parts: tuple[int, int, int]) -> str:
    year, month, day = parts
    return f"{year:04}-{month:02}-{day:02}" if year else f"{month:02}-{day:02}"


T = TypeVar("T")


def _within(found: Any, part: Any, parse: Callable[[Any], T]) -> T:
    """One entry of a list; what is wrong with it is said of it, not of the list."""
    try:
        return parse(part)
    except UnfitError as error:
        if part is found:
            raise
        raise UnfitError(found, f"holds {quote(part)}, which {error.what}") from None


def _list(found: Any) -> tuple[Any, ...]:
    return tuple(cast("list[Any]", found)) if isinstance(found, tuple | list) else (found,)


def _dump(values: tuple[object, ...]) -> list[str]:
    return [str(value) for value in values]


def _one_or_many(example: str, *more: str) -> WithJsonSchema:
    text: dict[str, Any] = {"type": "string", "examples": [example, *more]}
    return WithJsonSchema({"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]})


_TIME = (
    r"^([0-9]{1,2}:[0-9]{2}(:[0-9]{2})?|sunset|sunrise|dusk|dawn|noon|"
    r"sun *[-+]?[0-9.]+ *(°|deg)? *(rising|setting)?)( *[-+] *([0-9.]+ *(ms|s|m|h) *)+)?$"
)
TimeOfDay = Annotated[
    Moment,
    PlainValidator(parse_moment),
    PlainSerializer(str),
    WithJsonSchema(
        {"type": "string", "pattern": _TIME, "examples": ["23:00", "dusk+10m", "sun -4°"]}
    ),
]
Weekdays = Annotated[
    tuple[int, ...],
    PlainValidator(parse_days),
    PlainSerializer(write_days),
    _one_or_many("fri", "mon-thu"),
]
Calendar = Annotated[
    tuple[Dates, ...],
    PlainValidator(parse_dates),
    PlainSerializer(_dump),
    _one_or_many("2026-12-24", "2026-12-24..2027-01-02", "12-24..01-02"),
]
