"""The areas, resolved: each with its playlist, its mask and its line."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from murai_show.show.area import Area
from murai_show.show.mask_file import mask_file
from murai_show.show.plan_schedule import alone
from murai_show.show.planned import MaskFile, PlannedArea, PlannedBank, PlannedPlaylist
from murai_show.show.rules import named_playlist
from murai_show.show.site import Site
from murai_show.show.tokens import look_of


def plan_areas(
    site: Site, bank: PlannedBank | None, playlists: Mapping[str, PlannedPlaylist]
) -> tuple[PlannedArea, ...]:
    """Every area that is right, in the order of the file, which is that of laying them down."""
    areas = (site.draft.areas or {}).items()
    found = (_plan_area(site, name, area, bank, playlists) for name, area in areas if area)
    return tuple(area for area in found if area is not None)


def _plan_area(
    site: Site,
    name: str,
    area: Area,
    bank: PlannedBank | None,
    playlists: Mapping[str, PlannedPlaylist],
) -> PlannedArea | None:
    path = ("areas", name)
    line = site.draft.root.find(*path)[0].named.line
    if area.style is not None:
        mix = look_of(site, area.style, bank, f"area {name}", *path, "style")
        playlist = alone(mix, line)
    else:
        playlist = named_playlist(site, area.play or "", playlists, *path, "play")
    mask = _mask(site, area.mask, *path, "mask") if area.mask is not None else None
    if playlist is None or (mask is None and area.wipe is None):
        return None
    return PlannedArea(name, line, playlist, area.soft, mask, area.wipe, area.every)


def _mask(site: Site, written: str, *path: str) -> MaskFile | None:
    """The mask, told apart from another of its name by what is in it."""
    file = mask_file(site, written, *path)
    if file is None:
        return None
    try:
        return MaskFile(file, hashlib.sha256(file.read_bytes()).hexdigest()[:12])
    except OSError as error:
        site.blame(f"mask: {site.draft.shown(*path)} cannot be read: {error.strerror}", *path)
        return None
