"""The booth, resolved: can what starts it reach it, is its picture shown, do its files differ?"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Sequence
from pathlib import Path

from murai_show.show.booth import LEFT, NUMBER, Booth, BoothConsent, BoothTrigger
from murai_show.show.hints import did_you_mean
from murai_show.show.paths import PLACEHOLDERS, bad_pattern
from murai_show.show.planned import PlannedOutput
from murai_show.show.planned_booth import PlannedBooth, PlannedGpio
from murai_show.show.planned_cues import PlannedCue
from murai_show.show.site import Site
from murai_show.show.words import write_duration

ENDINGS = (".png", ".jpg", ".jpeg")
LINE = 34  # characters: what a wall shows large enough to be read from ten metres
_ASK = "Shall your picture go on the wall's feed?\n"
_PLACES = re.compile(r"\{[^{}]*\}")


def plan_booth(
    site: Site, outputs: Sequence[PlannedOutput], cues: Collection[PlannedCue], control: object
) -> tuple[PlannedBooth | None, tuple[str, ...]]:
    """The booth, if the show has one, and what a person should know about it."""
    found = site.draft.booth
    if found is None:
        return None, ()
    _check_trigger(site, found.trigger, cues, control)
    _check_accounts(site, found.post)
    shot, on = _shot(site, found.camera, outputs)
    trigger, consent = found.trigger, found.consent
    gpio = trigger.gpio
    booth = PlannedBooth(
        _picture(site, found.picture),
        key=trigger.key or "",
        every=trigger.every,
        http=trigger.http,
        gpio=PlannedGpio(gpio.chip, gpio.line, gpio.edge) if gpio else None,
        countdown=found.countdown,
        credit=found.credit,
        shot=shot,
        on=on,
        ask=_in_lines(_ask(site, consent)),
        thanks=_in_lines(_sentence(site, consent.thanks, "thanks", NUMBER)),
        gone=_in_lines(_sentence(site, consent.gone, "gone", NUMBER)),
        default=consent.default,
        within=consent.within,
        keep=consent.keep,
        moderated=found.moderate == "operator",
        post=found.post or tuple(site.draft.post or ()),
    )
    return booth, tuple(_notes(found, booth, outputs))


def _check_trigger(
    site: Site, trigger: BoothTrigger, cues: Collection[PlannedCue], control: object
) -> None:
    path = ("booth", "trigger")
    taken = {cue.key: cue.name for cue in cues if cue.key}
    if trigger.key and trigger.key in taken:
        key = site.draft.shown(*path, "key")
        said = f"key: {key} is cue {taken[trigger.key]}'s; give the booth one of its own"
        site.blame(said, *path, "key")
    if trigger.http and control is None and site.draft.head is not None:
        said = "http: the show has no control; write control: 127.0.0.1:9476"
        site.blame(said, *path, "http")


def _check_accounts(site: Site, names: tuple[str, ...]) -> None:
    if site.draft.post is None:  # broken, and said already
        return
    known = list(site.draft.post)
    for number, name in enumerate(names):
        path: tuple[str | int, ...] = ("booth", "post")
        if site.draft.root.find(*path)[0].items:
            path = (*path, number)
        if name not in known:
            shown = site.draft.shown(*path)
            site.blame(f"post: no account {shown}{did_you_mean(name, known)}", *path)


def _shot(
    site: Site, camera: str | None, outputs: Sequence[PlannedOutput]
) -> tuple[str, tuple[str, ...]]:
    """What the loop calls the picture that is taken, and the outputs that show it and have a
    canvas.  People must see what is taken: it is a picture that is on a wall."""
    draft, play = site.draft, site.draft.play
    known = {*(draft.cameras or {}), *(draft.views or {})}
    shown = {output.camera for output in outputs}
    films = (play.camera if play else None) or next(iter(draft.cameras or {}), "")
    shot = camera or ""
    if camera is not None and camera not in known:
        what = f"no camera or view {draft.shown('booth', 'camera')}{did_you_mean(camera, known)}"
        site.blame(f"camera: {what}", "booth", "camera")
    elif camera is not None and camera not in shown and camera != films:
        seen = " or ".join(sorted({name or films for name in shown}))
        what = "is on no output, and people must see what is taken"
        said = f"camera: {draft.shown('booth', 'camera')} {what}; write {seen}"
        site.blame(said, "booth", "camera")
    elif camera not in shown:
        shot = ""
    if camera is None and outputs and shot not in shown:
        names = ", ".join(sorted(shown))
        said = f"booth: no output shows what play films; write camera: and one of {names}"
        site.findings.add(draft.root.find("booth")[0].named, said)
    return shot, tuple(o.name for o in outputs if o.canvas is not None and o.camera == shot)


def _picture(site: Site, written: str) -> Path:
    """The absolute pattern of the files, with the show's name in it."""
    path = ("booth", "picture")
    node, own = site.draft.root.find(*path)
    shown = node.shown() if own else repr(written)
    wrong = bad_pattern(written, ENDINGS, shown, (*PLACEHOLDERS, "number"))
    if not wrong and NUMBER not in written:
        wrong = f"{shown} would be every portrait's name; write {NUMBER} into it"
    if wrong:
        site.blame(f"picture: {wrong}", *path)
    show = site.draft.head.show if site.draft.head else "{show}"
    return site.facts.work / written.replace("{show}", show)


def _ask(site: Site, consent: BoothConsent) -> str:
    if consent.ask is not None:
        return _sentence(site, consent.ask, "ask", NUMBER, LEFT)
    press = "Press again to refuse" if consent.default == "allow" else "Press again for yes"
    return f"{_ASK}{press} · {LEFT}"


def _sentence(site: Site, text: str, key: str, *places: str) -> str:
    """`text`; a finding where it has a place that nothing fills."""
    for place in _PLACES.findall(text):
        if place not in places:
            hint = did_you_mean(place, places) or f"; it knows {' and '.join(places)}"
            site.blame(f"{key}: {place} means nothing there{hint}", "booth", "consent", key)
    return text


def _in_lines(text: str) -> str:
    """In lines as a wall can show them large, about equally long; those that were written stay."""
    return "\n".join(line for part in text.split("\n") for line in _balanced(part))


def _balanced(text: str) -> list[str]:
    lines = textwrap.wrap(text, LINE, break_long_words=False) or [""]
    for width in range(1, LINE):
        narrow = textwrap.wrap(text, width, break_long_words=False)
        if len(narrow) == len(lines) and max(map(len, narrow)) <= LINE:
            return narrow
    return lines


def _notes(found: Booth, booth: PlannedBooth, outputs: Sequence[PlannedOutput]) -> list[str]:
    """What is allowed and perhaps not meant."""
    notes: list[str] = []
    trigger = found.trigger
    if booth.every is not None:
        decides = "deleted at once" if not booth.allows else "delivered without anybody's yes"
        notes.append(
            f"booth: what every {write_duration(booth.every)} takes is {decides}, for nobody is "
            f"asked then and default is {booth.default}"
        )
    if booth.key and not any(output.spec.kind == "display" for output in outputs):
        notes.append(f"booth: no output has a window in which key {booth.key} could be pressed")
    if not (booth.key or booth.gpio) and trigger.http:
        notes.append("booth: there is no button; an answer comes by POST /booth/consent/yes or no")
    if booth.allows:
        notes.append("booth: silence counts as a yes; in many countries that is no consent")
    if not booth.on:
        notes.append("booth: no output has a canvas, so nobody sees the countdown or the question")
    return notes
