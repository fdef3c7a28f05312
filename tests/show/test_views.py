"""Views and cameras by the hour: what a plan makes of them, and what is filmed when."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murai_show.errors import ShowError, UsageError
from murai_show.show.plan import Plan, plan_show
from murai_show.show.report import plan_to_json, plan_to_text
from murai_show.show.shot import (
    Filmed,
    Inset,
    Tiles,
    Walk,
    cameras_in,
    composed,
    filmed_at,
    shot_at,
    turn_of,
)
from tests.show.machine import machine, write

SHOW = """\
murai: 1
show: wall
place: { lat: 45.5, lon: -73.5, tz: America/Montreal }
cameras:
  street: { kind: pattern }
  stage: { kind: pattern, fps: 25 }
  roof: { kind: pattern }
  attic: { kind: pattern }
views:
  corner: { kind: inset, camera: street, inset: stage, share: 0.25 }
  wall: { kind: side_by_side, cameras: [corner, roof, street], columns: 2, gap: 0.02 }
  round: { kind: turns, cameras: [street, corner, roof], each: 60s, fade: 6s }
  unseen: { kind: turns, cameras: [attic, street] }
bank: first
playlists:
  evening: { styles: [wave, starry], fade: 5s }
play: { playlist: evening, camera: street }
outputs:
  left: { kind: offscreen }
  right: { kind: offscreen, camera: wall }
"""


def plan_of(folder: Path, text: str = SHOW, **how: object) -> Plan:
    return plan_show(write(folder, text), machine(folder), {}, **how)  # pyright: ignore


def at(clock: str) -> float:
    """A time on 2026-11-23 in Montréal, POSIX seconds."""
    zone = ZoneInfo("America/Montreal")
    return datetime.fromisoformat(f"2026-11-23T{clock}").replace(tzinfo=zone).timestamp()


def test_only_what_is_shown_is_opened(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    assert [camera.name for camera in plan.cameras] == ["street", "stage", "roof"]
    assert [view.name for view in plan.views] == ["wall", "corner"]
    assert plan.films == "street"
    assert [(o.name, o.camera) for o in plan.outputs] == [("left", ""), ("right", "wall")]
    assert plan.outputs[1].canvas is not None
    assert plan.outputs[0].canvas != plan.outputs[1].canvas
    assert plan.notes[:3] == (
        "camera attic: nothing shows it, so it stays closed",
        "view round: nothing shows it",
        "view unseen: nothing shows it",
    )


def test_one_camera_is_planned_as_ever(tmp_path: Path) -> None:
    """No layer of composition, no canvas of its own."""
    text = SHOW.replace("camera: wall", "camera: street")
    plan = plan_of(tmp_path, text)
    assert (plan.more_cameras, plan.views, plan.view) == ((), (), "")
    assert [o.camera for o in plan.outputs] == ["", ""]
    assert composed(plan) == frozenset()
    assert shot_at(plan, 0.0) == Filmed("street")


def test_an_output_with_of_shows_what_the_other_shows(tmp_path: Path) -> None:
    text = SHOW + "  twin: { kind: offscreen, of: right }\n"
    left, right, twin = plan_of(tmp_path, text).outputs
    assert twin.camera == "wall"
    assert twin.canvas == right.canvas != left.canvas


def test_a_camera_by_default_is_every_outputs_but_those_with_of(tmp_path: Path) -> None:
    text = SHOW.replace("bank:", "defaults: { outputs: { camera: roof } }\nbank:")
    text += "  twin: { kind: offscreen, of: left }\n"
    assert [o.camera for o in plan_of(tmp_path, text).outputs] == ["roof", "wall", "roof"]


def test_views_are_shots_within_shots(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    corner = Inset(Filmed("street"), Filmed("stage"), "top_right", 0.25, 0.03, 0.0)
    found = shot_at(plan, 0.0, "wall")
    assert found == Tiles((corner, Filmed("roof"), Filmed("street")), 2, 0.02, "cover")
    assert list(cameras_in(found)) == ["street", "stage", "roof", "street"]


def test_play_may_film_a_view(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SHOW.replace("camera: street }\nout", "camera: round }\nout"))
    assert plan.films == plan.view == "round"
    assert plan.camera.name == "street"
    begun = 1_800_000_000.0 // 180 * 180
    assert shot_at(plan, begun + 30) == Filmed("street")
    assert isinstance(shot_at(plan, begun + 90), Inset)
    walk = shot_at(plan, begun + 63)
    assert isinstance(walk, Walk)
    assert dict(walk.parts)[Filmed("street")] == pytest.approx(0.5)


@given(
    st.floats(0, 4e9),
    st.integers(2, 5),
    st.sampled_from([1.0, 7.3, 60.0, 3600.0]),
    st.floats(0, 1),
)
def test_turns_go_round_without_a_jump(wall: float, count: int, each: float, part: float) -> None:
    names = tuple("abcde"[:count])
    fade = part * each
    mix = dict(turn_of(names, each, fade, wall))
    assert sum(mix.values()) == pytest.approx(1)
    slot = int(wall // each)
    assert set(mix) <= {names[slot % count], names[(slot - 1) % count]}
    if wall % each >= fade:
        assert set(mix) == {names[slot % count]}
    if fade > 0.5:  # smooth: never faster than 1.5 times the straight way
        soon = dict(turn_of(names, each, fade, wall + 0.01))
        moved = max(abs(mix.get(n, 0) - soon.get(n, 0)) for n in names)
        assert moved <= 1.5 * 0.01 / fade + 1e-5


SCHEDULE = """\
schedule:
  - default: dark
  - { from: "18:00", to: "23:00", play: evening, fade: 10m }
  - { from: "21:00", to: "22:00", play: evening, camera: corner, fade: 60s }
  - { from: "21:59:30", to: "22:30", play: evening, camera: roof, fade: 60s }
"""


def test_cameras_walk_where_rules_change(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SHOW.replace("outputs:", SCHEDULE + "outputs:"))
    assert {c.name for c in plan.cameras} == {"street", "stage", "roof"}
    assert composed(plan) >= {"street", "corner", "roof"}
    assert filmed_at(plan, at("20:30:00")) == (("street", 1.0),)
    assert dict(filmed_at(plan, at("21:00:30"))) == pytest.approx({"corner": 0.5, "street": 0.5})
    assert filmed_at(plan, at("21:01:00")) == (("corner", 1.0),)
    assert dict(filmed_at(plan, at("22:00:00"))) == pytest.approx({"corner": 0.5, "roof": 0.5})
    assert dict(filmed_at(plan, at("22:35:00"))) == pytest.approx({"roof": 0.5, "street": 0.5})
    shot = shot_at(plan, at("21:00:30"))
    assert isinstance(shot, Walk)
    assert {type(part) for part, _ in shot.parts} == {Inset, Filmed}


def test_the_dark_keeps_the_camera_that_was_on(tmp_path: Path) -> None:
    """The light goes out on the picture that it was on, and no crossfade disturbs it."""
    late = SCHEDULE.replace('"22:30"', '"23:00"')
    plan = plan_of(tmp_path, SHOW.replace("outputs:", late + "outputs:"))
    assert filmed_at(plan, at("22:59:59")) == (("roof", 1.0),)
    assert filmed_at(plan, at("23:00:01")) == (("roof", 1.0),)


def test_an_evening_of_cameras_never_jumps(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SHOW.replace("outputs:", SCHEDULE + "outputs:"))
    seconds = [at("17:50:00") + i for i in range(6 * 3600)]
    mixes = [dict(filmed_at(plan, wall)) for wall in seconds]
    for one, other in pairwise(mixes):
        moved = max(abs(one.get(n, 0) - other.get(n, 0)) for n in {*one, *other})
        assert moved <= 1.5 / 60 + 1e-9


def test_a_plan_says_what_shows_what(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, SHOW.replace("outputs:", SCHEDULE + "outputs:"))
    found = plan_to_json(plan)
    assert json.loads(json.dumps(found)) == found
    assert [c["name"] for c in found["cameras"]] == ["stage", "roof"]
    assert found["views"][1]["name"] == "wall"
    assert found["outputs"][1]["camera"] == "wall"
    text = plan_to_text(plan)
    assert "\ncamera stage\n" in text
    assert "\nview corner\n  kind          inset\n  camera        street\n" in text
    assert "21:00 to 22:00: evening, filmed by corner" in text
    assert (
        "\noutput right\n  kind          offscreen\n  fps           30\n  camera        wall\n"
        in text
    )


def test_every_camera_can_be_rehearsed_and_replaced(tmp_path: Path) -> None:
    text = SHOW.replace(
        "stage: { kind: pattern, fps: 25 }", 'stage: { kind: stream, url: "rtsp://cam/${PW}" }'
    )
    with pytest.raises(ShowError, match="PW"):
        plan_of(tmp_path, text)
    plan = plan_of(tmp_path, text, rehearse=True)
    assert plan.cameras[1].stands_for == "stream"
    assert any(note.startswith("camera stage: a still of") for note in plan.notes)
    plan = plan_of(tmp_path, text, cameras={"stage": "pattern"})
    assert plan.cameras[1].spec.kind == "pattern"
    with pytest.raises(UsageError, match="that is a view, replace the cameras that it shows"):
        plan_of(tmp_path, SHOW, cameras={"corner": "pattern"})


def test_where_a_gpu_paints_the_plan_says_who_decodes(tmp_path: Path) -> None:
    text = SHOW.replace("stage: { kind: pattern", "stage: { kind: v4l2, device: /dev/video7")
    text = text.replace("roof: { kind: pattern", "roof: { kind: v4l2, device: /dev/video8")
    text = (
        text.replace("camera: wall", "camera: corner") + "  top: { kind: memory, camera: roof }\n"
    )
    plan = plan_show(write(tmp_path, text), machine(tmp_path, gpu=True), {})
    noted = [note for note in plan.notes if "decodes" in note]
    assert noted == ["camera stage: it shares a picture with others, so the CPU decodes it"]


def test_many_views_in_a_row_are_refused_not_followed(tmp_path: Path) -> None:
    views = "".join(
        f"  v{i}: {{ kind: turns, cameras: [v{i + 1}, street] }}\n" for i in range(2000)
    )
    text = SHOW.replace("bank:", views + "  v2000: { kind: turns, cameras: [roof, street] }\nbank:")
    with pytest.raises(ShowError, match="a show has at most 64"):
        plan_of(tmp_path, text.replace("camera: wall", "camera: v0"))
