"""Reading a show: YAML 1.2, the environment, secrets, defaults."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show.errors import ShowError, UsageError
from murai_show.show.findings import Findings
from murai_show.show.load import LARGEST, Draft, read_draft, read_source
from murai_show.show.plan import plan_show
from murai_show.show.report import plan_to_json, plan_to_text
from murai_show.show.schema import Show
from murai_show.show.tree import read_tree, resolve
from murai_show.show.variables import is_secret
from tests.show.machine import GOOD, SHOWS, machine, write


def problems(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ShowError) as caught:
        plan_show(write(folder, text), machine(folder), environ or {})
    return str(caught.value).split("\n")


def draft_of(path: Path, environ: Mapping[str, str] | None = None) -> Draft:
    findings = Findings(path.name)
    draft = read_draft(read_source(path, path.parent), environ or {}, findings)
    findings.done()
    return draft


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20:00", "20:00"),
        ("18:30", "18:30"),
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("1_000", "1_000"),
        ("0755", 755),
        ("0o17", 15),
        ("0x1F", 31),
        ("-3", -3),
        ("1.", 1.0),
        (".5e1", 5.0),
        ("true", True),
        ("~", None),
        ("", None),
        ("2024-01-01", "2024-01-01"),
        ("9" * 19, "9" * 19),
        ("1280x720", "1280x720"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_every_value_knows_where_it_stands() -> None:
    tree = read_tree("a:\n  b: [x, {c: 'd'}]\n", Findings("f"))
    node, found = tree.find("a", "b", 1, "c")
    assert found
    assert (node.value, node.at, node.named) == ("d", (2, 14), (2, 11))
    assert tree.find("a", "b", 7)[0].at == (2, 6)


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "wall.yaml"
    path.write_bytes(("\ufeff" + GOOD.replace("\n", "\r\n")).encode())
    assert plan_show(path, machine(tmp_path), {}).show == "wall"


def test_a_file_over_a_mebibyte(tmp_path: Path) -> None:
    said = problems(tmp_path, GOOD + "#" * LARGEST)
    assert said == ["wall.yaml:1:1: the file is over 1 MiB; a show is a few KiB of text"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "plaza.yaml")
    with pytest.raises(
        UsageError, match=r"plazza.yaml: no such show file; did you mean plaza.yaml"
    ):
        plan_show(tmp_path / "plazza.yaml", machine(tmp_path), {})
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        plan_show(tmp_path, machine(tmp_path), {})


def test_deep_and_long_lists_are_read_in_time(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "murai: 1\nshow: " + "[" * 100_000)) == 1


# --- the environment ------------------------------------------------------------------------------


def title(folder: Path, written: str, environ: Mapping[str, str]) -> str:
    text = GOOD.replace("show: wall", f"show: wall\ntitle: {written}")
    return plan_show(write(folder, text), machine(folder), environ).title


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("${A}", "one"),
        ("a ${A} and ${B:-two}", "a one and two"),
        ("${A:-other}", "one"),
        ("${EMPTY:-other}", "other"),
        ("x${EMPTY}", "x"),
        ('"${B:-}x"', "x"),
        ("$${A}", "${A}"),
        ("$A $", "$A $"),
        ('"${NUMBER}"', "7"),
    ],
)
def test_variables(tmp_path: Path, written: str, found: str) -> None:
    environ = {"A": "one", "EMPTY": "", "NUMBER": "7"}
    assert title(tmp_path, written, environ) == found


def test_an_unquoted_variable_is_read_like_any_unquoted_value(tmp_path: Path) -> None:
    text = GOOD.replace("{ kind: pattern }", "\n    kind: pattern\n    fps: ${FPS:-25}")
    assert plan_show(write(tmp_path, text), machine(tmp_path), {}).camera.spec.fps == 25
    plan = plan_show(write(tmp_path, text), machine(tmp_path), {"FPS": "50"})
    assert plan.camera.spec.fps == 50
    said = problems(tmp_path, text, {"FPS": "fast"})
    sentence = (
        "fps: the value of ${FPS} is not a number; write one such as 30 or 0.5, without quotes"
    )
    assert said == [f"wall.yaml:6:10: {sentence}"]


@pytest.mark.parametrize("written", ["${", "${}", "${1A}", "${A B}", "${A-b}", "${A:b}", "${A"])
def test_a_broken_variable(tmp_path: Path, written: str) -> None:
    said = problems(tmp_path, GOOD.replace("show: wall", f"show: wall\ntitle: {written}"))
    right = "write ${NAME}, ${NAME:-default}, or $${ for the signs"
    assert said == [f"wall.yaml:3:8: a ${{ that is no variable; {right}"]


def test_a_control_character_in_the_environment(tmp_path: Path) -> None:
    text = GOOD.replace("show: wall", "show: wall\ntitle: ${A}")
    said = problems(tmp_path, text, {"A": "a\x1b[2Jb"})
    assert said == ["wall.yaml:3:8: the value of ${A} holds a control character; set it anew"]


STREAM = GOOD.replace(
    "{ kind: pattern }", "\n    kind: stream\n    url: rtsp://guard:${CAM_PASSWORD}@10.0.0.7/main"
)
letters = st.text("abcdefghijklmnopqrstuvwxyz0123456789%", max_size=20).map("Zq7{}".format)


@given(secret=letters)
@settings(deadline=None, max_examples=25)
def test_a_secret_of_the_environment_is_in_no_report(
    tmp_path_factory: pytest.TempPathFactory, secret: str
) -> None:
    folder = tmp_path_factory.mktemp("show")
    environ = {"CAM_PASSWORD": secret}
    plan = plan_show(write(folder, STREAM), machine(folder), environ)
    assert plan.camera.spec.url.reveal() == f"rtsp://guard:{secret}@10.0.0.7/main"  # type: ignore[union-attr]
    shown = repr(plan) + str(plan_to_json(plan)) + plan_to_text(plan)
    rehearsal = plan_show(write(folder, STREAM), machine(folder), environ, rehearse=True)
    shown += repr(rehearsal) + plan_to_text(rehearsal)
    assert secret not in shown
    assert "rtsp://guard:${CAM_PASSWORD}@10.0.0.7/main" in shown


PLACES = [
    "murai: ${S}\n",
    "show: ${S}\n",
    "place: { lat: 1, lon: 2, tz: '${S}' }\n",
    "cameras:\n  a: { kind: '${S}' }\n",
    "cameras:\n  a: { kind: file, path: '${S}' }\n",
    "cameras:\n  a: { kind: v4l2, device: '${S}' }\n",
    "cameras:\n  a: { kind: stream, url: '${S}' }\n",
    "cameras:\n  a: { kind: stream, url: '${S}://h/' }\n",
    "cameras:\n  a: { kind: still, photos: ['${S}'], slate: '${S}', size: '${S}' }\n",
    "cameras:\n  a: { kind: pattern, hold: '${S}', seed: '${S}' }\n",
    "bank: ${S}\n",
    "bank: ${S}.safetensors\n",
    "bank: { name: first, engine: '${S}' }\n",
    "playlists:\n  a: { styles: ['${S}', { wave: '${S}' }], order: '${S}', each: '${S}' }\n",
    "play: ${S}\n",
    "play: { playlist: '${S}', camera: '${S}', paint: '${S}' }\n",
    "outputs:\n  a: { kind: recording, path: '${S}', of: '${S}' }\n",
    "outputs:\n  a: { kind: recording, path: '{${S}}.mp4' }\n",
    "outputs:\n  a: { kind: recording, path: '${S}.mp4', fit: '${S}' }\n",
    "outputs:\n  a: { kind: display, monitor: '${S}', corners: { top_left: ['${S}', 1] } }\n",
    "defaults: ${S}\n",
    "defaults: { cameras: '${S}', outputs: { kind: '${S}' } }\n",
    "metrics: ${S}\n",
]


@pytest.mark.parametrize("secret", ["Hunter2 hunter2", "987654321"])
@pytest.mark.parametrize("place", PLACES)
def test_a_secret_in_the_wrong_place_is_not_repeated(
    tmp_path: Path, place: str, secret: str
) -> None:
    if secret.isdigit() and ("show:" in place or "seed:" in place):
        place = place.replace("show: ${S}", "title: ${S}").replace("seed: '${S}'", "seed: -1")
    key = place.split(":")[0]
    lines = GOOD.splitlines(keepends=True)
    start = next((i for i, line in enumerate(lines) if line.startswith(f"{key}:")), len(lines))
    end = start + 1
    while end < len(lines) and lines[end].startswith(" "):
        end += 1
    text = "".join([*lines[:start], place, *lines[end:]])
    facts = machine(tmp_path, monitors=())
    with pytest.raises(ShowError) as caught:
        plan_show(write(tmp_path, text), facts, {"S": secret})
    for word in secret.lower().split():
        assert word not in repr(caught.value.problems).lower()


# --- secrets in the file --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    ["password", "camPassword", "api_key", "apiKey", "X-API-KEY", "bearer", "tokens", "auth_token"],
)
def test_keys_that_hold_secrets(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize("key", ["monitor", "keep", "monkey", "author", "passage", "sign", "path"])
def test_keys_that_do_not(key: str) -> None:
    assert not is_secret(key)


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("defaults: { cameras: { password: 1234 } }", 34),
        ("x: { tokens: [hunter2] }", 15),
        ("title: http://h/?api_key=hunter2", 8),
        ("title: see http://u:hunter2@h/", 8),
        ("title: srt://h?passphrase=hunter2&x=1", 8),
        ("title: rtsp://u:${A}hunter2@h/", 8),
    ],
)
def test_a_secret_in_the_file_is_refused(tmp_path: Path, line: str, column: int) -> None:
    said = problems(tmp_path, GOOD.replace("show: wall", f"show: wall\n{line}"), {"A": "a"})
    assert any(
        s.startswith(f"wall.yaml:3:{column}: ") and "put it into the environment" in s for s in said
    )
    assert "hunter2" not in str(said)


def test_styles_may_be_called_what_they_like(tmp_path: Path) -> None:
    text = GOOD.replace("[wave, starry]", "[{ secret: 0.5, wave: 0.5 }]")
    facts = machine(tmp_path)
    banks = {"first": facts.banks["first"].__class__(Path("/b"), ("secret", "wave"))}
    plan = plan_show(write(tmp_path, text), machine(tmp_path, banks=banks), {})
    assert plan.playlist.entries == ((("secret", 0.5), ("wave", 0.5)),)


# --- defaults -------------------------------------------------------------------------------------

DEFAULTS = """\
murai: 1
show: wall
defaults:
  cameras: { hold: 9s, device: /dev/video7, fps: 12 }
  playlists: { each: 10s, fade: 1s, styles: [wave] }
  outputs: { size: 640x360, corners: { top_left: [0.1, 0.1], top_right: [0.9, 0.1] }, crf: 30 }
cameras:
  door: { kind: v4l2, fps: 15 }
  hall: { kind: file, path: hall.mp4 }
bank: first
playlists:
  all: {}
  some: { styles: [starry, kandinsky], fade: 2s }
play: { playlist: some, camera: door }
outputs:
  wall: { kind: offscreen, corners: { top_left: [0.2, 0.2] } }
  film: { kind: recording, of: wall }
  last: { kind: memory }
"""


def test_defaults_reach_the_items_that_know_the_key(tmp_path: Path) -> None:
    (tmp_path / "hall.mp4").touch()
    draft: Any = draft_of(write(tmp_path, DEFAULTS))
    door, hall = draft.cameras["door"], draft.cameras["hall"]
    assert (door.device, door.hold, door.fps, hall.hold) == ("/dev/video7", 9, 15, 9)
    assert draft.playlists["all"].styles == ("wave",)
    assert draft.playlists["some"].styles == ("starry", "kandinsky")  # lists replace
    assert (draft.playlists["some"].each, draft.playlists["some"].fade) == (10, 2)
    corners = draft.outputs["wall"].corners  # maps merge
    assert (corners.top_left, corners.top_right) == ((0.2, 0.2), (0.9, 0.1))
    assert draft.outputs["film"].crf == 30
    assert draft.outputs["film"].size is None  # it takes the canvas of another
    plan = plan_show(tmp_path / "wall.yaml", machine(tmp_path), {})
    assert plan.outputs[0].canvas == plan.outputs[1].canvas


def test_a_wrong_default_is_blamed_where_it_stands(tmp_path: Path) -> None:
    said = problems(tmp_path, DEFAULTS.replace("fps: 12", "hold: 1s").replace("hall.mp4", "x"))
    assert said[0] == "wall.yaml:4:45: hold stands here twice, first in line 4; keep one of them"
    said = problems(tmp_path, DEFAULTS.replace("10s", "10").replace("hall.mp4", "x"))
    assert said[0] == "wall.yaml:5:22: each: 10 has no unit; write s, m or h behind it, such as 90s"


# --- the nouns and the whole ----------------------------------------------------------------------


@pytest.mark.parametrize("path", SHOWS, ids=lambda path: path.stem)
def test_the_nouns_one_by_one_are_the_whole_show(path: Path) -> None:
    draft = draft_of(path)
    whole = Show.model_validate(draft.root.bare())
    assert draft.head is not None
    assert {k: getattr(whole, k) for k in ("show", "title", "place", "metrics")} == {
        k: getattr(draft.head, k) for k in ("show", "title", "place", "metrics")
    }
    for noun in ("cameras", "bank", "playlists", "play", "outputs"):
        assert getattr(whole, noun) == getattr(draft, noun)


def test_a_broken_camera_is_not_also_missing(tmp_path: Path) -> None:
    text = GOOD.replace("{ kind: pattern }", "{ kind: patern }").replace(
        "play: evening", "play: { playlist: evening, camera: hall }"
    )
    assert len(problems(tmp_path, text)) == 1


def test_nothing_is_printed_while_reading(tmp_path: Path, capsys: Any) -> None:
    with contextlib.suppress(ShowError):
        plan_show(write(tmp_path, "a: &b\nc: *b\n"), machine(tmp_path), {})
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("lines", ["defaults:", "defaults:\n  cameras:\n  outputs: {}"])
def test_empty_defaults_are_none(tmp_path: Path, lines: str) -> None:
    text = GOOD.replace("show: wall", f"show: wall\n{lines}")
    assert plan_show(write(tmp_path, text), machine(tmp_path), {}).show == "wall"
