"""A plan for programs and for people."""

from __future__ import annotations

from typing import Any, cast

from murai_show.show.caption import overlay_to_json
from murai_show.show.evening import rule_to_json
from murai_show.show.guard import degrade_words, expect_words
from murai_show.show.plan_post import account_to_json
from murai_show.show.planned import (
    CanvasSpec,
    Plan,
    PlannedArea,
    PlannedCamera,
    PlannedOutput,
    PlannedPlaylist,
    PlannedView,
)
from murai_show.show.planned_booth import booth_to_json
from murai_show.show.planned_cues import PlannedCue
from murai_show.show.projection import projection_to_json
from murai_show.show.schema import CanvasNoun
from murai_show.show.words import write_duration

Json = dict[str, Any]


def plan_to_json(plan: Plan) -> Json:
    """The plan as values of JSON, in the words of the show language.  URLs hold no passwords."""
    place, bank = plan.place, plan.bank
    return {
        "show": plan.show,
        "title": plan.title,
        "file": str(plan.source),
        "config_hash": plan.config_hash,
        "place": {"lat": place.lat, "lon": place.lon, "tz": place.tz},
        "paint": str(plan.paint),
        "metrics": str(plan.metrics) if plan.metrics else "off",
        "films": plan.films,
        "expect": expect_words(plan.expect),
        "degrade": degrade_words(plan.degrade),
        "flashes": "limit" if plan.limits_flashes else "off",
        "camera": _camera(plan.camera),
        "cameras": [_camera(camera) for camera in plan.more_cameras],
        "views": [_view(view) for view in plan.views],
        "bank": {
            "name": bank.name,
            "file": str(bank.file),
            "engine": bank.engine,
            "styles": list(bank.styles),
        },
        "playlist": _playlist(plan.playlist),
        "control": str(plan.control) if plan.control else "off",
        "schedule": [rule_to_json(rule) for rule in plan.schedule],
        "areas": [_area(area) for area in plan.areas],
        "cues": [cue_to_json(cue) for cue in plan.cues],
        "cue_times": [{"line": t.line, "when": t.when, "cue": t.cue.name} for t in plan.cue_times],
        "outputs": [_output(output) for output in plan.outputs],
        "overlays": [overlay_to_json(overlay) for overlay in plan.overlays],
        "booth": booth_to_json(plan.booth),
        "post": [account_to_json(account) for account in plan.post],
        "notes": list(plan.notes),
    }


def _camera(camera: PlannedCamera) -> Json:
    spec = camera.spec.model_dump(mode="json")
    return {"name": camera.name, "kind": spec.pop("kind"), "stands_for": camera.stands_for} | spec


def _view(view: PlannedView) -> Json:
    spec = view.spec.model_dump(mode="json", exclude_none=True)
    return {"name": view.name, "kind": spec.pop("kind")} | spec


def _playlist(playlist: PlannedPlaylist) -> Json:
    return {
        "name": playlist.name,
        "styles": [dict(mix) for mix in playlist.entries],
        "each": write_duration(playlist.each),
        "fade": write_duration(playlist.fade),
        "order": playlist.order,
    }


def _area(area: PlannedArea) -> Json:
    where = {"mask": str(area.mask.file)} if area.mask else {"wipe": area.wipe, "every": area.every}
    return {"name": area.name, "plays": area.playlist.words, "soft": area.soft} | where


def _output(output: PlannedOutput) -> Json:
    spec = output.spec.model_dump(mode="json")
    named: Json = {"name": output.name, "kind": spec.pop("kind"), "stands_for": output.stands_for}
    if "path" in spec:
        spec["path"] = str(output.file)
    # What an output draws is its canvas; with `of` that is another's.
    own = {key: value for key, value in spec.items() if key not in CanvasNoun.model_fields}
    own["camera"] = output.camera or None
    return named | own | {"canvas": _canvas(output.canvas) if output.canvas else None}


def _canvas(canvas: CanvasSpec) -> Json:
    found = _plain_canvas(canvas)
    return found | projection_to_json(canvas.projection) if canvas.projection else found


def _plain_canvas(canvas: CanvasSpec) -> Json:
    return {
        "size": str(canvas.size),
        "fit": canvas.fit,
        "corners": canvas.corners.model_dump(mode="json"),
        "mirror": canvas.mirror,
        "rotate": canvas.rotate,
        "brightness": canvas.brightness,
        "gamma": canvas.gamma,
    }


def plan_to_text(plan: Plan) -> str:
    """The plan as a page to read: a heading for each noun, its keys below it."""
    found = plan_to_json(plan)
    heads = ("films", "camera", "cameras", "views", "bank", "playlist")
    evening = ("schedule", "cues", "cue_times", "areas")
    nouns = (*heads, *evening, "outputs", "overlays", "booth", "post", "notes")
    lines = [f"show {plan.show}"]
    lines += _rows({k: v for k, v in found.items() if k not in (*nouns, "show")})
    if plan.films != plan.camera.name:
        lines += _rows({"films": plan.films})
    items = [("camera", found["camera"]), *(("camera", camera) for camera in found["cameras"])]
    items += [*(("view", view) for view in found["views"]), ("bank", found["bank"])]
    for noun, item in (*items, ("playlist", found["playlist"])):
        lines += ["", f"{noun} {item.pop('name')}", *_rows(item)]
    if len(plan.schedule) > 1 or not all(rule.playlist.name for rule in plan.schedule):
        lines += ["", "schedule"]
        lines += [
            f"  line {r.line:<8} {r.when}: {r.playlist.words}"
            + (f", filmed by {r.camera}" if r.camera else "")
            for r in plan.schedule
        ]
    lines += [f"  line {t.line:<8} {t.when}: cue {t.cue.name}" for t in plan.cue_times]
    for cue in plan.cues:
        lines += ["", f"cue {cue.name}", *_steps(cue)]
    for area in found["areas"]:
        lines += ["", f"area {area.pop('name')}", *_rows(area)]
    for output in found["outputs"]:
        lines += ["", f"output {output.pop('name')}", *_rows(output)]
    for overlay in found["overlays"]:
        lines += ["", f"overlay {overlay.pop('name')}", *_rows(overlay)]
    if found["booth"]:
        lines += ["", "booth", *_rows(found["booth"])]
    for account in found["post"]:
        rows = {k: " / ".join(v.split("\n")) if k == "caption" else v for k, v in account.items()}
        lines += ["", f"account {rows.pop('name')}", *_rows(rows)]
    return "\n".join([*lines, *(("", *plan.notes) if plan.notes else ())])


def cue_to_json(cue: PlannedCue) -> Json:
    """A cue in the words of the show language; `after` counts from the step before, `lasts` is a
    wait's timeout too."""
    return {
        "name": cue.name,
        "line": cue.line,
        "key": cue.key or None,
        "fade": write_duration(cue.fade),
        "end": "stay" if cue.stays else "release",
        "lasts": write_duration(cue.lasts),
        "steps": [
            {
                "line": step.line,
                "after": write_duration(step.delay),
                "does": step.does,
                "shows": step.words,
                "fade": write_duration(step.fade),
                "lasts": write_duration(step.lasts),
            }
            for step in cue.steps
        ],
    }


def _steps(cue: PlannedCue) -> list[str]:
    """A line for each step: where it stands, when it begins at the latest, what it does."""
    begins = anchor = 0.0
    rows: list[str] = []
    for step in cue.steps:
        begins = anchor + step.delay
        anchor = begins + step.lasts if step.stays else begins
        lasts = f", {write_duration(step.lasts)}" if step.lasts else ""
        rows.append(f"  line {step.line:<8} {write_duration(begins):<8}{step.words}{lasts}")
    key = f", key {cue.key}" if cue.key else ""
    rows.append(f"  {'then':<13} {'stays' if cue.stays else 'is released'}{key}")
    return rows


def _rows(values: Json, indent: str = "  ") -> list[str]:
    rows: list[str] = []
    for key, value in values.items():
        if key == "canvas" and value is not None:
            rows += [f"{indent}canvas", *_rows(value, indent + "  ")]
        elif not (key in ("stands_for", "camera") and not value):
            rows.append(f"{indent}{key:<{16 - len(indent)}}{_words(key, value)}".rstrip())
    return rows


def _words(key: str, value: Any) -> str:
    """One value on one line."""
    if key == "place":
        return f"{value['lat']:g}, {value['lon']:g}, {value['tz']}"
    if key in ("expect", "degrade") and value:
        parts = cast("dict[str, Any]", value).items()
        return "; ".join(f"{name} {_words(name, part)}" for name, part in parts)
    if key == "corners":
        points: list[list[float]] = list(value.values())
        return "  ".join(f"({x:g}, {y:g})" for x, y in points)
    if isinstance(value, list):
        return ", ".join(_entry(entry) for entry in cast("list[Any]", value))
    if value is None:
        return "waves" if key == "slate" else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _entry(entry: Any) -> str:
    """`wave`, or a mix: `starry 40% + wave 60%`."""
    if not isinstance(entry, dict):
        return str(entry)
    mix = cast("dict[str, float]", entry)
    if len(mix) == 1:
        return next(iter(mix))
    return " + ".join(f"{name} {weight:.0%}" for name, weight in mix.items())
