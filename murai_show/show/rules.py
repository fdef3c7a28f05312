"""The rules between nouns: does that bank exist, does it hold that style, which playlist plays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from murai_show.show.hints import did_you_mean
from murai_show.show.planned import BankFacts, Engine, PlannedBank, PlannedPlace, PlannedPlaylist
from murai_show.show.playing import DARK, Playlist
from murai_show.show.site import Site
from murai_show.show.tokens import look_of

NO_OPENVINO = "OpenVINO is not installed here; pip install 'murai-show[cpu]'"
NOWHERE = PlannedPlace(0.0, 0.0, "UTC", known=False)


def plan_place(site: Site) -> PlannedPlace:
    place = site.draft.head.place if site.draft.head else None
    return PlannedPlace(place.lat, place.lon, place.tz) if place else NOWHERE


def plan_bank(site: Site) -> PlannedBank | None:
    bank = site.draft.bank
    if bank is None:
        return None
    facts = _find_bank(site, bank.name)
    engine = _engine(site, bank.engine)
    if engine == "pytorch" and not site.facts.pytorch:
        site.blame(
            "engine: PyTorch is not installed here; pip install torch, "
            "or write engine: identity, which paints nothing",
            *_bank_key(site, "engine"),
        )
    if facts is None:
        return None
    return PlannedBank(bank.name, facts.file, engine, facts.styles, facts.credits)


def _engine(site: Site, wanted: str) -> Engine:
    """The engine that `wanted` means on this machine.  A rehearsal takes the best that is here for
    one that is not."""
    facts, lack = site.facts, ""
    if wanted in ("cuda", "tensorrt") and facts.gpu is False:
        lack = f"{wanted} wants an NVIDIA GPU, and this machine has none"
    if wanted == "openvino" and not facts.openvino:
        lack = NO_OPENVINO
    if wanted != "auto" and not (lack and site.rehearse):
        if lack:
            hint = "engine: auto takes what is here"
            site.blame(f"engine: {lack}; {hint}", *_bank_key(site, "engine"))
        return cast("Engine", wanted)
    if facts.gpu:
        return "tensorrt" if facts.tensorrt else "cuda"
    return "openvino" if facts.openvino else "pytorch"


def engine_notes(site: Site, bank: PlannedBank | None) -> tuple[str, ...]:
    """What a person should know about the engine that `auto` took."""
    if bank is None or site.draft.bank is None:
        return ()
    wanted = site.draft.bank.engine
    if wanted not in ("auto", bank.engine):
        return (f"bank {bank.name}: {bank.engine} takes the place of {wanted}",)
    if bank.engine == "pytorch" and not site.facts.openvino:
        return (f"bank {bank.name}: PyTorch paints, slowly; {NO_OPENVINO}",)
    return ()


def _find_bank(site: Site, name: str) -> BankFacts | None:
    """The bank's facts; None, and a finding, when it cannot be used."""
    key = _bank_key(site, "name")
    if name.endswith(".safetensors"):
        file = site.read_path(name, *key)
        facts = site.facts.read_bank(file) if file else None
    else:
        facts = site.facts.banks.get(name)
        if facts is None:
            banks = site.facts.banks
            hint = did_you_mean(name, banks) if banks else "; none is installed: look in models/"
            site.blame(f"no bank {site.draft.shown(*key)}{hint}", *key)
    if facts is not None and facts.trouble:
        environ = site.draft.root.find(*key)[0].template
        trouble = "its file is damaged, or no bank" if environ else facts.trouble
        site.blame(f"bank: {site.draft.shown(*key)} cannot be used: {trouble}", *key)
        return None
    return facts


def _bank_key(site: Site, key: str) -> tuple[str, ...]:
    """Where the bank's `key` stands; `bank: NAME` is short."""
    short = not site.draft.root.find("bank")[0].members
    return ("bank",) if short else ("bank", key)


def plan_playlists(site: Site, bank: PlannedBank | None) -> dict[str, PlannedPlaylist]:
    """Every playlist that could be read, also those that never play."""
    playlists = site.draft.playlists or {}
    if DARK in playlists:
        node = site.draft.root.find("playlists", DARK)[0]
        site.findings.add(node.named, f"playlists: {DARK} is no picture; choose another name")
    return {
        name: _planned(site, name, playlist, bank)
        for name, playlist in playlists.items()
        if playlist is not None
    }


def plan_playlist(site: Site, planned: Mapping[str, PlannedPlaylist]) -> PlannedPlaylist | None:
    """The playlist that `play` names."""
    play = site.draft.play
    return named_playlist(site, play.playlist, planned, *play_key(site)) if play else None


def play_key(site: Site) -> tuple[str, ...]:
    """Where `play` names its playlist: `play: NAME` is short."""
    short = not site.draft.root.find("play")[0].members
    return ("play",) if short else ("play", "playlist")


def named_playlist(
    site: Site, name: str, planned: Mapping[str, PlannedPlaylist], *path: str | int
) -> PlannedPlaylist | None:
    """The playlist called `name`; None, and a finding at `path`, when there is none."""
    playlists = site.draft.playlists
    if playlists is not None and name not in playlists:
        known = [*playlists, DARK] if path[0] in ("schedule", "cues") else playlists
        site.blame(f"no playlist {site.draft.shown(*path)}{did_you_mean(name, known)}", *path)
    return planned.get(name)


def _planned(
    site: Site, name: str, playlist: Playlist, bank: PlannedBank | None
) -> PlannedPlaylist:
    entries = tuple(
        look_of(site, style, bank, f"styles, entry {n + 1}", "playlists", name, "styles", n)
        for n, style in enumerate(playlist.styles)
    )
    for number, entry in enumerate(entries):
        path = ("playlists", name, "styles", number)
        if playlist.order == "shuffle" and entry in entries[:number]:
            site.blame(
                f"styles, entry {number + 1}: the same as entry {entries.index(entry) + 1}; "
                "with order: shuffle list each look once",
                *path,
            )
    line = site.draft.root.find("playlists", name)[0].named.line
    return PlannedPlaylist(name, entries, playlist.each, playlist.fade, playlist.order, line)
