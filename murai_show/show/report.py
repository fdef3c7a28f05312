"""A plan for programs and for people."""

from __future__ import annotations

from typing import Any, cast

from murai_show.show.evening import rule_to_json
from murai_show.show.guard import degrade_words, expect_words
from murai_show.show.planned import (
    CanvasSpec,
    Plan,
    PlannedCamera,
    PlannedOutput,
    PlannedPlaylist,
)
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
        "expect": expect_words(plan.expect),
        "degrade": degrade_words(plan.degrade),
        "flashes": "limit" if plan.limits_flashes else "off",
        "camera": _camera(plan.camera),
        "bank": {
            "name": bank.name,
            "file": str(bank.file),
            "engine": bank.engine,
            "styles": list(bank.styles),
        },
        "playlist": _playlist(plan.playlist),
        "schedule": [rule_to_json(rule) for rule in plan.schedule],
        "outputs": [_output(output) for output in plan.outputs],
        "notes": list(plan.notes),
    }


def _camera(camera: PlannedCamera) -> Json:
    spec = camera.spec.model_dump(mode="json")
    return {"name": camera.name, "kind": spec.pop("kind"), "stands_for": camera.stands_for} | spec


def _playlist(playlist: PlannedPlaylist) -> Json:
    return {
        "name": playlist.name,
        "styles": [dict(mix) for mix in playlist.entries],
        "each": write_duration(playlist.each),
        "fade": write_duration(playlist.fade),
        "order": playlist.order,
    }


def _output(output: PlannedOutput) -> Json:
    spec = output.spec.model_dump(mode="json")
    named: Json = {"name": output.name, "kind": spec.pop("kind"), "stands_for": output.stands_for}
    if "path" in spec:
        spec["path"] = str(output.file)
    # What an output draws is its canvas; with `of` that is another's.
    own = {key: value for key, value in spec.items() if key not in CanvasNoun.model_fields}
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
    nouns = ("camera", "bank", "playlist", "schedule", "outputs", "notes")
    lines = [f"show {plan.show}"]
    lines += _rows({k: v for k, v in found.items() if k not in (*nouns, "show")})
    for noun in ("camera", "bank", "playlist"):
        lines += ["", f"{noun} {found[noun].pop('name')}", *_rows(found[noun])]
    if len(plan.schedule) > 1 or not all(rule.playlist.name for rule in plan.schedule):
        lines += ["", "schedule"]
        lines += [f"  line {r.line:<8} {r.when}: {r.playlist.words}" for r in plan.schedule]
    for output in found["outputs"]:
        lines += ["", f"output {output.pop('name')}", *_rows(output)]
    return "\n".join([*lines, *(("", *plan.notes) if plan.notes else ())])


def _rows(values: Json, indent: str = "  ") -> list[str]:
    rows: list[str] = []
    for key, value in values.items():
        if key == "canvas" and value is not None:
            rows += [f"{indent}canvas", *_rows(value, indent + "  ")]
        elif not (key == "stands_for" and not value):
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
