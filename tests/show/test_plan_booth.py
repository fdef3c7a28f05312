"""The booth, resolved: what it films, where it writes, what a person should know."""

from __future__ import annotations

from pathlib import Path

import pytest

from murai_show.show.changes import changes
from murai_show.show.plan import Plan, plan_show
from murai_show.show.planned_booth import COUNT, WORDS, PlannedBooth, PlannedGpio
from murai_show.show.report import plan_to_json, plan_to_text
from tests.show.machine import machine, write

SHOW = """\
murai: 1
show: plaza
cameras:
  hall: { kind: pattern }
  yard: { kind: pattern }
bank: first
playlists:
  evening: { styles: [wave, starry] }
play: { playlist: evening, camera: hall }
outputs:
  wall: { kind: offscreen }
  door: { kind: offscreen, camera: yard }
  desk: { kind: memory }
control: 127.0.0.1:9476
"""


def planned(folder: Path, booth: str) -> Plan:
    return plan_show(write(folder, SHOW + booth), machine(folder), {})


def booth_of(plan: Plan) -> PlannedBooth:
    assert plan.booth is not None
    return plan.booth


def test_a_show_without_a_booth_is_what_it_was(tmp_path: Path) -> None:
    plan = planned(tmp_path, "")
    assert plan.booth is None
    assert plan_to_json(plan)["booth"] is None
    assert "\nbooth" not in plan_to_text(plan)
    assert all(not output.canvas.overlays for output in plan.outputs if output.canvas)


def test_what_is_not_written_is_gentle(tmp_path: Path) -> None:
    plan = planned(tmp_path, "booth: { trigger: { key: space } }\n")
    booth = booth_of(plan)
    assert booth.picture == tmp_path / "portraits/plaza-{number}.png"
    assert (booth.default, booth.keep, booth.within) == ("deny", 30 * 86400.0, 20.0)
    assert (booth.countdown, booth.credit, booth.moderated, booth.post) == (3.0, True, False, ())
    assert booth.ask == "Shall your picture go\non the wall's feed?\nPress again for yes · {left}"
    assert all(len(line) <= 34 for line in booth.thanks.split("\n"))


def test_everything_that_is_written_is_planned(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        "booth:\n"
        "  trigger: { key: f5, every: 15m, http: true, gpio: { chip: gpiochip4, line: 17 } }\n"
        "  countdown: 5s\n"
        '  picture: "p/{show}/{date}/{time}-{number}.jpg"\n'
        "  credit: false\n"
        '  consent: { ask: "Yes?", default: allow, keep: 7d, within: 9s, thanks: T, gone: G }\n'
        "  moderate: operator\n"
        "  post: [club, museum, club]\n",
    )
    assert booth_of(plan) == PlannedBooth(
        picture=tmp_path / "p/plaza/{date}/{time}-{number}.jpg",
        key="f5",
        every=900.0,
        http=True,
        gpio=PlannedGpio("/dev/gpiochip4", 17, "falling"),
        countdown=5.0,
        credit=False,
        shot="",
        on=("wall",),
        ask="Yes?",
        thanks="T",
        gone="G",
        default="allow",
        within=9.0,
        keep=7 * 86400.0,
        moderated=True,
        post=("club", "museum"),
    )
    found = plan_to_json(plan)["booth"]
    assert found["post"] == ["club", "museum"]
    assert found["trigger"].startswith("key f5, every 15m, http")


@pytest.mark.parametrize(
    ("camera", "shot", "on"), [("", "", "wall"), ("hall", "", "wall"), ("yard", "yard", "door")]
)
def test_it_takes_what_an_output_shows_and_writes_there(
    tmp_path: Path, camera: str, shot: str, on: str
) -> None:
    wanted = f", camera: {camera}" if camera else ""
    plan = planned(tmp_path, f"booth: {{ trigger: {{ http: true }}{wanted} }}\n")
    assert (booth_of(plan).shot, booth_of(plan).on) == (shot, (on,))
    written = {o.name: o.canvas.overlays for o in plan.outputs if o.canvas is not None}
    assert written == {"wall": (), "door": ()} | {on: (COUNT, WORDS)}


@pytest.mark.parametrize(
    ("booth", "note"),
    [
        (
            "{ trigger: { every: 15m, http: true } }",
            "booth: what every 15m takes is deleted at once",
        ),
        (
            "{ trigger: { every: 15m }, consent: { default: allow } }",
            "booth: what every 15m takes is delivered without anybody's yes",
        ),
        (
            "{ trigger: { key: space } }",
            "booth: no output has a window in which key space could be pressed",
        ),
        (
            "{ trigger: { http: true } }",
            "booth: there is no button; an answer comes by POST /booth/consent/yes or no",
        ),
        (
            "{ trigger: { gpio: { line: 4 } }, consent: { default: allow } }",
            "booth: silence counts as a yes; in many countries that is no consent",
        ),
    ],
)
def test_what_is_allowed_and_perhaps_not_meant_is_said(
    tmp_path: Path, booth: str, note: str
) -> None:
    notes = planned(tmp_path, f"booth: {booth}\n").notes
    assert any(found.startswith(note) for found in notes)


def test_a_newer_booth_moves_no_camera_and_no_painter(tmp_path: Path) -> None:
    old = planned(tmp_path, "booth: { trigger: { key: space } }\n")
    new = planned(tmp_path, "booth: { trigger: { key: space }, countdown: 5s }\n")
    assert str(changes(old, new)) == "booth"
    without = planned(tmp_path, "")
    assert str(changes(old, without)) == "booth, output wall (moved)"


@pytest.mark.parametrize(
    ("names", "asked", "told"),
    [
        ("", ("feed", "museum"), ["feed", "museum"]),
        (", post: [museum]", ("museum",), ["museum"]),
    ],
)
def test_portraits_go_to_every_account_or_to_those_that_are_named(
    tmp_path: Path, names: str, asked: tuple[str, ...], told: list[str]
) -> None:
    accounts = "post:\n  feed: { kind: x }\n  museum: { kind: bluesky }\n"
    plan = planned(tmp_path, accounts + f"booth: {{ trigger: {{ key: space }}{names} }}\n")
    assert booth_of(plan).post == asked
    assert plan_to_json(plan)["booth"]["post"] == told


def test_without_accounts_portraits_are_files(tmp_path: Path) -> None:
    plan = planned(tmp_path, "booth: { trigger: { key: space } }\n")
    assert plan_to_json(plan)["booth"]["post"] == "nowhere, files are kept"
