"""What must be built anew, over plans that differ anywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show.show.changes import Changes, changes, plan_files, same_device
from murai_show.show.guard import SLATE, LadderSpec, Promise, rungs_of
from murai_show.show.moments import Moment
from murai_show.show.plan import (
    CanvasSpec,
    Plan,
    PlannedBank,
    PlannedCamera,
    PlannedOutput,
    PlannedPlace,
    PlannedPlaylist,
    PlannedView,
)
from murai_show.show.planned_cues import CueTime, PlannedCue, PlannedStep
from murai_show.show.projection import ProjectionSpec, SurfaceSpec
from murai_show.show.schema import (
    Corners,
    FileCamera,
    MemoryOutput,
    OffscreenOutput,
    PatternCamera,
    RecordingOutput,
    V4l2Camera,
)
from murai_show.show.surface import Region
from murai_show.show.viewing import TurnsView
from murai_show.show.words import Address, Size
from tests.plans import a_plan

BANK = Path("/banks/one.safetensors")
CUE = PlannedCue("finale", 8, (PlannedStep(9, "hold", "hold", 0.0, 5.0),), 5.0)


SMALL = Size(64, 36)


def canvas(size: Size = SMALL, pin: float = 0.0, mask: Path | None = None) -> CanvasSpec:
    surface = SurfaceSpec("", size, "cover", "none", 0)
    projection = ProjectionSpec(surface, Region(0, 0, *size), mask=mask) if mask else None
    corners = Corners(top_left=(pin, pin))
    return CanvasSpec(size, "cover", corners, "none", 0, 1.0, 1.0, projection)


def offscreen(name: str, spec: CanvasSpec, fps: float = 30.0) -> PlannedOutput:
    noun = OffscreenOutput(kind="offscreen", fps=fps, size=str(spec.size))  # pyright: ignore
    return PlannedOutput(name, noun, spec)


cameras = st.sampled_from(
    [
        PlannedCamera("hall", PatternCamera(kind="pattern")),
        PlannedCamera("hall", PatternCamera(kind="pattern", fps=25)),
        PlannedCamera("quay", FileCamera(kind="file", path="/films/quay.mp4")),
        PlannedCamera("desk", V4l2Camera(kind="v4l2", device="/dev/video0")),
    ]
)
more_cameras = st.lists(
    st.sampled_from(
        [
            PlannedCamera("roof", PatternCamera(kind="pattern")),
            PlannedCamera("roof", FileCamera(kind="file", path="/films/roof.mp4")),
            PlannedCamera("yard", PatternCamera(kind="pattern")),
        ]
    ),
    max_size=2,
    unique_by=lambda camera: camera.name,
).map(tuple)
outputs = st.lists(
    st.one_of(
        st.builds(
            offscreen,
            st.sampled_from(["left", "right"]),
            st.builds(canvas, st.sampled_from([Size(64, 36), Size(32, 18)]), st.just(0.1)),
            st.sampled_from([30.0, 60.0]),
        ),
        st.builds(
            lambda name, keep: PlannedOutput(name, MemoryOutput(kind="memory", keep=keep), None),
            st.sampled_from(["left", "tap"]),
            st.integers(1, 2),
        ),
        st.builds(
            lambda file: PlannedOutput(
                "film", RecordingOutput(kind="recording"), canvas(), Path(file)
            ),
            st.sampled_from(["/a.mp4", "/b.mp4"]),
        ),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda output: output.name,
).map(tuple)
plans = st.builds(
    a_plan,
    camera=cameras,
    more_cameras=more_cameras,
    views=st.sampled_from(
        [(), (PlannedView("two", TurnsView(kind="turns", cameras=("hall", "roof"))),)]
    ),
    bank=st.builds(
        PlannedBank, st.just("one"), st.just(BANK), st.sampled_from(["identity", "pytorch"]),
        st.just(("a", "b")),
    ),
    paint=st.sampled_from([Size(160, 90), Size(80, 45)]),
    outputs=outputs,
    metrics=st.sampled_from([None, Address("127.0.0.1", 9475)]),
    control=st.sampled_from([None, Address("127.0.0.1", 9476)]),
    cues=st.sampled_from([(), (CUE,)]),
    cue_times=st.sampled_from([(), (CueTime(9, CUE, Moment("clock", 79200.0)),)]),
    place=st.builds(PlannedPlace, st.sampled_from([0.0, 45.0]), st.just(0.0), st.just("UTC")),
    expect=st.sampled_from([Promise(), Promise(painted=20.0)]),
    degrade=st.sampled_from([None, LadderSpec(rungs_of((SLATE,)), 20.0, 5.0, 30.0)]),
    limits_flashes=st.booleans(),
    playlist=st.builds(
        lambda each: PlannedPlaylist("all", ((("a", 1.0),),), each, 0.0, "listed"),
        st.sampled_from([1.0, 60.0]),
    ),
)  # fmt: skip


@given(plans)
def test_a_plan_is_not_changed_from_itself(plan: Plan) -> None:
    found = changes(plan, plan)
    assert not found
    assert str(found) == "nothing that runs"


@settings(max_examples=300)
@given(plans, plans)
def test_what_is_not_named_may_go_on_as_it_is(old: Plan, new: Plan) -> None:
    """Taking over all that is not named from the old plan gives the new one."""
    found = changes(old, new)
    names = [output.name for output in new.outputs]
    assert list(found.opened + found.moved) == sorted(found.opened + found.moved, key=lambda n: (
        n in found.moved, names.index(n)))  # fmt: skip
    assert set(found.closed) == {o.name for o in old.outputs} - set(names)
    before = {o.name: o for o in old.outputs}
    kept: dict[str, Any] = {}
    if not found.stylizer:
        kept |= {"bank": old.bank, "paint": old.paint, "degrade": old.degrade}
    films = {c.name: c for c in old.cameras}
    stay = {c.name: c if c.name in found.filmed else films[c.name] for c in new.cameras}
    kept["camera"] = stay[new.camera.name]
    kept["more_cameras"] = tuple(stay[c.name] for c in new.more_cameras)
    if not found.shots:
        kept["views"] = old.views
    if not found.metrics:
        kept["metrics"] = old.metrics
    if not found.control:
        kept["control"] = old.control
    if not found.guard:
        kept |= {"expect": old.expect, "limits_flashes": old.limits_flashes}
    if not found.looks:
        kept |= {"place": old.place, "playlist": old.playlist, "schedule": old.schedule}
        kept |= {"cues": old.cues, "cue_times": old.cue_times}
    touched = found.opened + found.moved
    kept["outputs"] = tuple(o if o.name in touched else before[o.name] for o in new.outputs)
    assert replace(new, **kept) == new


@given(plans, plans)
def test_what_is_named_is_another(old: Plan, new: Plan) -> None:
    """Nothing is built anew in vain."""
    found = changes(old, new)
    films = {camera.name: camera for camera in old.cameras}
    for camera in new.cameras:
        decoded = camera.spec.kind != "pattern" and old.paint != new.paint
        assert (camera.name in found.filmed) == (films.get(camera.name) != camera or decoded)
    assert set(found.shut) == set(films) - {camera.name for camera in new.cameras}
    assert found.shots == ((old.camera.name, old.views) != (new.camera.name, new.views))
    assert found.stylizer == (
        (old.bank, old.paint, old.degrade) != (new.bank, new.paint, new.degrade)
    )
    assert found.guard == ((old.expect, old.limits_flashes) != (new.expect, new.limits_flashes))
    assert found.metrics == (old.metrics != new.metrics)
    assert found.control == (old.control != new.control)
    before = {o.name: o for o in old.outputs}
    assert all(before.get(o.name) != o for o in new.outputs if o.name in found.opened)
    sizes = {o.name: o.canvas.size for o in old.outputs if o.canvas}
    for output in new.outputs:
        if output.name in found.moved:
            assert output.canvas is not None
            assert sizes[output.name] == output.canvas.size


def test_a_canvas_that_lies_otherwise_moves_and_one_of_another_size_opens() -> None:
    old = a_plan(outputs=(offscreen("left", canvas()), offscreen("right", canvas())))
    pinned = offscreen("left", canvas(pin=0.2))
    larger = offscreen("right", canvas(Size(128, 72)))
    found = changes(old, replace(old, outputs=(pinned, larger)))
    assert found == Changes(opened=("right",), moved=("left",))
    assert str(found) == "output right (opened), output left (moved)"


@pytest.mark.parametrize(
    ("touched", "named"),
    [
        (BANK, Changes(stylizer=True)),
        (BANK.with_suffix(".json"), Changes(stylizer=True)),
        (Path("/films/quay.mp4"), Changes(filmed=("quay",))),
        (Path("/masks/windows.png"), Changes(moved=("left",))),
        (Path("/nowhere/test.yaml"), Changes()),
    ],
)
def test_a_file_with_another_content_rebuilds_what_read_it(touched: Path, named: Changes) -> None:
    plan = a_plan(
        bank=PlannedBank("one", BANK, "pytorch", ("a", "b")),
        camera=PlannedCamera("quay", FileCamera(kind="file", path="/films/quay.mp4")),
        outputs=(
            offscreen("left", canvas(mask=Path("/masks/windows.png"))),
            offscreen("right", canvas()),
        ),
    )
    assert touched in plan_files(plan)
    assert changes(plan, plan, {touched}) == named


def test_only_a_device_of_this_machine_is_held_by_one_alone() -> None:
    video = PlannedCamera("a", V4l2Camera(kind="v4l2", device="/dev/video0"))
    again = PlannedCamera("b", V4l2Camera(kind="v4l2", device="/dev/video0", fps=25))
    other = PlannedCamera("a", V4l2Camera(kind="v4l2", device="/dev/video1"))
    bars = PlannedCamera("a", PatternCamera(kind="pattern"))
    assert same_device(video, again)
    assert not same_device(video, other)
    assert not same_device(bars, bars)
