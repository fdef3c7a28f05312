"""`expect` and `degrade`, resolved: does the camera film that often, do the steps lead down?"""

from __future__ import annotations

from murai_show.show.guard import (
    BUDGET,
    MOST_SIZES,
    NOTHING,
    Degrade,
    LadderSpec,
    Promise,
    Step,
    rungs_of,
)
from murai_show.show.planned import PlannedCamera
from murai_show.show.site import Site
from murai_show.show.words import write_duration


def plan_expect(site: Site, camera: PlannedCamera | None) -> Promise:
    """What the show promises; nothing where it promises nothing."""
    found = site.draft.expect
    if found is None:
        return NOTHING
    _check_rate(site, found.painted, camera, "expect", "painted")
    frozen, painted = found.frozen_after, found.painted
    if frozen is not None and painted is not None and frozen < 1.0 / painted:
        shown = write_duration(frozen)
        apart = f"at {painted:g} a second two pictures are {1.0 / painted:.2g} s apart"
        site.blame(f"frozen_after: {shown} is too short; {apart}", "expect", "frozen_after")
    return Promise(painted, found.glass_to_glass_p95, frozen)


def plan_degrade(site: Site, camera: PlannedCamera | None, promise: Promise) -> LadderSpec | None:
    """The ladder of the show, if it has one."""
    found = site.draft.degrade
    if found is None:
        return None
    _check_steps(site, found)
    _check_rate(site, found.budget, camera, "degrade", "budget")
    films = _rate(site, camera)
    default = BUDGET if films is None else min(BUDGET, films)
    budget = found.budget or promise.painted or default
    return LadderSpec(rungs_of(found.steps), budget, found.after, found.back)


def ladder_notes(ladder: LadderSpec | None) -> tuple[str, ...]:
    """Steps that give nothing up."""
    if ladder is None:
        return ()
    return tuple(
        f"degrade: {rung.words} is no relief: {ladder.budget:g} pictures a second are wanted"
        for rung in ladder.rungs
        if rung.words.startswith("fps") and (rung.fps or 0.0) >= ladder.budget
    )


def _rate(site: Site, camera: PlannedCamera | None) -> float | None:
    """How often the camera films as the show declares it; None where the file does not say."""
    cameras = site.draft.cameras or {}
    declared = cameras.get(camera.name) if camera else None
    return getattr(declared, "fps", None)  # a film and a network camera have rates of their own


def _check_rate(site: Site, wanted: float | None, camera: PlannedCamera | None, *path: str) -> None:
    films = _rate(site, camera)
    if wanted is None or films is None or camera is None or wanted <= films:
        return
    site.blame(
        f"{path[-1]}: {wanted:g} a second is more than camera {camera.name} films, {films:g}; "
        f"write {films:g} or less",
        *path,
    )


def _check_steps(site: Site, degrade: Degrade) -> None:
    """Every step must give up more than those before it."""
    short = bool(site.draft.root.find("degrade")[0].items)
    path = ("degrade",) if short else ("degrade", "steps")
    lowest: dict[str, Step] = {}
    sizes = 0
    for number, step in enumerate(degrade.steps):
        owner, before = f"{path[-1]}, entry {number + 1}", lowest.get(step.kind)
        sizes += step.kind == "paint"
        if "slate" in lowest:
            site.blame(f"{owner}: nothing comes after slate, which paints nothing", *path, number)
        elif before is not None and step.value >= before.value:
            what = f"{step} gives up no more than {before}"
            site.blame(f"{owner}: {what}; go down from step to step", *path, number)
        elif step.kind == "paint" and sizes == MOST_SIZES + 1:
            what = f"{step} is the fourth size; the painter keeps {MOST_SIZES} ready; leave one out"
            site.blame(f"{owner}: {what}", *path, number)
        lowest[step.kind] = step
