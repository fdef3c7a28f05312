"""What is written over the picture, and on which outputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from murai_show.show.caption import OverlaySpec, PlannedOverlay, specs_on
from murai_show.show.font_file import font_file
from murai_show.show.hints import did_you_mean
from murai_show.show.overlay import (
    FONTS,
    NEXT,
    ClockOverlay,
    CountdownOverlay,
    CreditOverlay,
    Overlay,
    OverlayNoun,
    QrOverlay,
    TitleOverlay,
)
from murai_show.show.planned import PlannedBank, PlannedOutput, PlannedRule
from murai_show.show.playing import DARK
from murai_show.show.schema import CanvasNoun
from murai_show.show.site import Site
from murai_show.show.template import artist_and_work
from murai_show.show.words import write_duration


def plan_overlays(
    site: Site, bank: PlannedBank | None, schedule: Iterable[PlannedRule]
) -> tuple[tuple[PlannedOverlay, ...], tuple[str, ...]]:
    """Every overlay that is right, in the order of the file, and what a person should know."""
    found: list[PlannedOverlay] = []
    notes: list[str] = []
    for name, overlay in (site.draft.overlays or {}).items():
        if overlay is None:
            continue
        font = _font(site, name, overlay)
        planned = PlannedOverlay(
            OverlaySpec(
                name,
                isinstance(overlay, QrOverlay),
                overlay.at,
                overlay.size,
                overlay.margin,
                overlay.color,
                font,
                overlay.box == "shade",
            ),
            overlay.kind,
            opacity=overlay.opacity,
            lasts=overlay.lasts,
            fade=_fade(site, name, overlay),
            in_the_dark=overlay.in_the_dark,
            on=_on(site, name, overlay),
        )
        found.append(_saying(site, name, overlay, planned, bank))
        if isinstance(overlay, CreditOverlay) and bank is not None:
            notes += _uncredited(name, found[-1], bank, schedule)
    return tuple(found), tuple(notes)


def hang_overlays(
    site: Site, outputs: Sequence[PlannedOutput], overlays: tuple[PlannedOverlay, ...]
) -> tuple[PlannedOutput, ...]:
    """The outputs, their canvases knowing what may be written on them."""
    return tuple(
        replace(
            output,
            canvas=replace(output.canvas, overlays=specs_on(overlays, _source(site, output.name))),
        )
        if output.canvas
        else output
        for output in outputs
    )


def _source(site: Site, name: str) -> str:
    """Whose canvas an output shows: its own, or that at the end of its chain of `of`."""
    seen = {name}
    outputs = site.draft.outputs or {}
    while isinstance(found := outputs.get(name), CanvasNoun):
        of = getattr(found, "of", None)
        if of is None or of in seen:
            break
        seen.add(of)
        name = of
    return name


def _saying(
    site: Site, name: str, overlay: Overlay, planned: PlannedOverlay, bank: PlannedBank | None
) -> PlannedOverlay:
    """`planned` with what the overlay says."""
    match overlay:
        case TitleOverlay():
            head = site.draft.head
            return replace(planned, text=overlay.text or (head and (head.title or head.show)) or "")
        case CreditOverlay():
            return replace(planned, credits=credit_lines(bank, overlay.lines) if bank else ())
        case ClockOverlay():
            return replace(planned, text=overlay.format)
        case QrOverlay():
            return replace(planned, text=overlay.text)
        case CountdownOverlay():
            _check_to(site, name, overlay)
            to = None if overlay.to == NEXT else overlay.to
            return replace(planned, text=overlay.text, to=cast("None", to))


def credit_lines(bank: PlannedBank, lines: int) -> tuple[tuple[str, str], ...]:
    """The credit of each style that has one, in one line or two: artist, then work and year."""
    found: list[tuple[str, str]] = []
    for style, credit in zip(bank.styles, bank.credits, strict=False):
        told = [part for part in artist_and_work(credit) if part]
        if told:
            found.append((style, ("\n" if lines == 2 else ", ").join(told)))
    return tuple(found)


def _uncredited(
    name: str, planned: PlannedOverlay, bank: PlannedBank, schedule: Iterable[PlannedRule]
) -> list[str]:
    """A note about the styles that play and have nothing to be credited with."""
    known = {style for style, _ in planned.credits} | {DARK}
    shown = {s for rule in schedule for mix in rule.playlist.entries for s, _ in mix}
    lacking = sorted(style for style in shown - known if style in bank.styles)
    if not lacking:
        return []
    return [f"overlay {name}: the card of bank {bank.name} credits nobody for {', '.join(lacking)}"]


def _font(site: Site, name: str, overlay: OverlayNoun) -> str | Path:
    """One that ships along, or the absolute path of a file; `regular`, and a finding, where it is
    neither."""
    if overlay.font in FONTS:
        return str(overlay.font)
    return font_file(site, overlay.font, "overlays", name, "font") or FONTS[0]


def _fade(site: Site, name: str, overlay: Overlay) -> float:
    """Seconds; as much of the usual fade as fits, where none was written."""
    both = 1 if isinstance(overlay, CountdownOverlay) else 2
    if overlay.lasts is None or both * overlay.fade <= overlay.lasts:
        return overlay.fade
    if "fade" in overlay.model_fields_set:
        lasts, fade = write_duration(overlay.lasts), write_duration(overlay.fade)
        ends = "to come and to go" if both == 2 else "to come"
        site.blame(
            f"fade: overlay {name} is there for {lasts}, and takes {fade} {ends}; write less",
            *("overlays", name, "fade"),
        )
    return overlay.lasts / both


def _on(site: Site, name: str, overlay: OverlayNoun) -> tuple[str, ...]:
    """The outputs with a canvas of their own that show it."""
    outputs = site.draft.outputs or {}
    own = {n for n, o in outputs.items() if isinstance(o, CanvasNoun) and not getattr(o, "of", "")}
    if not overlay.on:
        return tuple(n for n in outputs if n in own)
    for number, wanted in enumerate(overlay.on):
        key: tuple[str | int, ...] = ("overlays", name, "on")
        if site.draft.root.find(*key)[0].items:
            key = (*key, number)
        shown = site.draft.shown(*key)
        if wanted in own or (wanted in outputs and outputs[wanted] is None):
            continue
        if wanted not in outputs:
            if site.draft.outputs is not None:
                site.blame(f"on: no output {shown}{did_you_mean(wanted, own)}", *key)
        elif isinstance(found := outputs[wanted], CanvasNoun):
            of = getattr(found, "of", "")
            site.blame(f"on: output {wanted} shows what {of} shows; write {of} instead", *key)
        else:
            site.blame(f"on: output {shown} of kind memory has no canvas to write on", *key)
    return tuple(n for n in outputs if n in overlay.on and n in own)


def _check_to(site: Site, name: str, overlay: CountdownOverlay) -> None:
    key = ("overlays", name, "to")
    members = site.draft.root.members
    if overlay.to == NEXT:
        if "schedule" not in members:
            site.blame(
                "to: the show has no schedule, so there is no next change; write a time", *key
            )
    elif not isinstance(overlay.to, str) and overlay.to.solar and "place" not in members:
        site.blame(
            f"to: {site.draft.shown(*key)} follows the sun, and the show has no place; "
            "write place: with lat, lon and tz",
            *key,
        )
