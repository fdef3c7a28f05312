"""Show + facts of this machine → Plan: nothing defaulted, nothing left to look up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from murai_show.show.findings import Findings
from murai_show.show.load import read_draft, read_source
from murai_show.show.plan_areas import plan_areas
from murai_show.show.plan_booth import plan_booth
from murai_show.show.plan_camera import check_overrides, plan_cameras
from murai_show.show.plan_cues import plan_control, plan_cue_times, plan_cues
from murai_show.show.plan_guard import ladder_notes, plan_degrade, plan_expect
from murai_show.show.plan_outputs import plan_outputs
from murai_show.show.plan_overlays import hang_overlays, plan_overlays
from murai_show.show.plan_post import plan_post
from murai_show.show.plan_schedule import plan_schedule
from murai_show.show.plan_views import place_cameras, plan_filming
from murai_show.show.planned import (
    BankFacts,
    CanvasSpec,
    Facts,
    Monitor,
    Plan,
    PlannedBank,
    PlannedCamera,
    PlannedOutput,
    PlannedPlace,
    PlannedPlaylist,
    PlannedRule,
    PlannedView,
)
from murai_show.show.planned_booth import booth_overlays
from murai_show.show.rehearse import excuser
from murai_show.show.rules import (
    engine_notes,
    plan_bank,
    plan_place,
    plan_playlist,
    plan_playlists,
)
from murai_show.show.schedule_notes import schedule_notes
from murai_show.show.site import Site
from murai_show.show.tokens import check_tokens

__all__ = [
    "BankFacts",
    "CanvasSpec",
    "Facts",
    "Monitor",
    "Plan",
    "PlannedBank",
    "PlannedCamera",
    "PlannedOutput",
    "PlannedPlace",
    "PlannedPlaylist",
    "PlannedRule",
    "PlannedView",
    "plan_show",
]


def plan_show(
    file: Path,
    facts: Facts,
    environ: Mapping[str, str],
    *,
    rehearse: bool = False,
    cameras: Mapping[str, str] | None = None,
    copy: Path | None = None,
) -> Plan:
    """Read the show `file` and resolve it against the facts of this machine.

    `rehearse` puts stand-ins in place of what is missing; `cameras` maps a camera's name to the
    source that the command line gives it; `copy` is read as if it stood in the file's place.
    Raises ShowError with every problem of the file, or UsageError when there is no such file or
    `cameras` asks for what cannot be.
    """
    source = read_source(copy or file, facts.work)
    if copy is not None:
        source = replace(source, path=file.absolute())
    findings = Findings(source.shown)
    overrides = cameras or {}
    draft = read_draft(source, environ, findings, excuser(environ, rehearse, overrides))
    site = Site(draft, facts, findings, rehearse, overrides)
    check_overrides(site)
    bank = plan_bank(site)
    check_tokens(site, bank)
    playlists = plan_playlists(site, bank)
    playlist = plan_playlist(site, playlists)
    schedule = plan_schedule(site, bank, playlists, playlist)
    areas = plan_areas(site, bank, playlists)
    cues, cue_notes = plan_cues(site, bank, playlists)
    cue_times, time_notes = plan_cue_times(site, cues)
    control, control_notes = plan_control(site)
    filming = plan_filming(site, plan_cameras(site), bank)
    outputs, output_notes = plan_outputs(site)
    outputs = place_cameras(site, outputs, filming)
    overlays, overlay_notes = plan_overlays(site, bank, schedule)
    post, post_notes = plan_post(site, bank, environ)
    booth, booth_notes = plan_booth(site, outputs, cues, control)
    camera = filming.cameras[0] if filming else None
    expect = plan_expect(site, camera)
    degrade = plan_degrade(site, camera, expect)
    findings.done()
    head, play = draft.head, draft.play
    if not (head and play and filming and bank and playlist and schedule and outputs):
        raise AssertionError("a noun is missing and nothing says so")
    return Plan(
        show=head.show,
        title=head.title or head.show,
        source=source.path,
        config_hash=source.config_hash,
        place=plan_place(site),
        camera=filming.cameras[0],
        bank=bank,
        playlist=playlist,
        paint=play.paint,
        outputs=hang_overlays(site, outputs, (*overlays, *booth_overlays(booth))),
        metrics=None if head.metrics == "off" else head.metrics,
        notes=(
            *filming.notes,
            *engine_notes(site, bank),
            *schedule_notes(site, schedule),
            *cue_notes,
            *time_notes,
            *control_notes,
            *output_notes,
            *overlay_notes,
            *ladder_notes(degrade),
            *post_notes,
            *booth_notes,
        ),
        schedule=schedule,
        areas=areas,
        cues=cues,
        cue_times=cue_times,
        control=control,
        selfcheck=head.selfcheck,
        more_cameras=filming.cameras[1:],
        views=filming.views,
        view=filming.view,
        overlays=overlays,
        expect=expect,
        degrade=degrade,
        limits_flashes=draft.flashes != "off",
        post=post,
        booth=booth,
    )
