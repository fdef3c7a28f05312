"""When the sun crosses a height, at any latitude: dusk that comes after midnight, or never.

astral gives the sun's place (after Meeus, Astronomical Algorithms); the crossing is found here,
because a show asks for the dusk of an *evening*, which in the north may come on the next date.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from murai_show.show.days import clock_instant
from murai_show.show.moments import Side

NOON = 12 * 3600.0
EXACT = 0.25  # seconds; the result is rounded to whole ones


def elevation(lat: float, lon: float, instant: float) -> float:
    """Degrees of the sun's middle above the horizon at `instant`, without refraction."""
    from astral import Observer  # 20 ms to load: shows that ask for no sun do not pay them
    from astral.sun import elevation as of_astral

    when = datetime.fromtimestamp(instant, UTC)
    return of_astral(Observer(lat, lon), when, with_refraction=False)


@lru_cache(maxsize=4096)
def solar_noon(lat: float, lon: float, tz: str, ordinal: int) -> float:
    """When the sun is highest on a date of `tz`: the transit nearest to twelve on the clock."""
    from astral import Observer
    from astral.sun import noon

    twelve = clock_instant(tz, ordinal, NOON)
    utc = datetime.fromtimestamp(twelve, UTC).date()
    transits = [
        noon(Observer(lat, lon), utc + timedelta(days=days)).timestamp() for days in (-1, 0, 1)
    ]
    return round(min(transits, key=lambda transit: abs(transit - twelve)))


@lru_cache(maxsize=4096)
def sun_instant(lat: float, lon: float, tz: str, ordinal: int, side: Side, degrees: float) -> float:
    """When the sun of a date is at `degrees`, in POSIX seconds.

    Setting is between that date's solar noon and the solar midnight that follows, rising between
    the solar midnight before and noon.  Where the sun does not get there it is inf when the state
    behind the crossing never comes (no sunset where the sun stays up) and -inf when it has been
    there all along (no sunset where it stays down).
    """
    noon = solar_noon(lat, lon, tz, ordinal)
    if side == "noon":
        return noon
    step = 1 if side == "setting" else -1
    midnight = (noon + solar_noon(lat, lon, tz, ordinal + step)) / 2
    highest, lowest = elevation(lat, lon, noon), elevation(lat, lon, midnight)
    if lowest >= degrees:
        return math.inf if side == "setting" else -math.inf
    if highest <= degrees:
        return -math.inf if side == "setting" else math.inf
    above, below = noon, midnight
    while abs(above - below) > EXACT:
        middle = (above + below) / 2
        if elevation(lat, lon, middle) > degrees:
            above = middle
        else:
            below = middle
    return float(round(below))
