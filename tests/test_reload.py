"""A running show whose file is saved again and again: real files, real threads, no sleeps."""

from __future__ import annotations

import re
import sys
import threading
import urllib.request
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from murai_show.app import Live, make_plan
from murai_show.cli import main
from murai_show.edge.metrics import Result
from murai_show.edge.watch import stamps
from murai_show.errors import UsageError
from murai_show.held import Held
from murai_show.ports import Camera
from murai_show.reload import EMPTY_LOOKS, Reload
from murai_show.show.changes import Changes
from murai_show.show.plan import Monitor, Plan, PlannedBank
from murai_show.show.words import Size
from murai_show.style.identity import IdentityStylizer
from tests.banks import write_small_bank
from tests.reloading import Studio

SHOW = """\
murai: 1
show: plaza
cameras:
  bars: {kind: pattern, size: 160x90, fps: 10}
bank: {name: small, engine: identity}
playlists:
  all: {styles: [a], each: 1h}
play: {playlist: all, paint: 160x90}
outputs:
  wall: {kind: memory, fps: 100, keep: 8}
metrics: "off"
"""


@pytest.fixture
def studio(tmp_path: Path, monkeypatch) -> Studio:
    return Studio(tmp_path, monkeypatch)


def changed(*pairs: tuple[str, str]) -> str:
    text = SHOW
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


GOOD = [
    changed(("[a]", "[b]")),
    changed(("[a]", "[a, b]"), ("1h", "2s, fade: 1s")),
    changed(("[a]", "[a, b]"), ("1h", "700ms, fade: 100ms, order: shuffle")),
    SHOW + "schedule: [{default: all}, {from: '10:00', to: '10:01', style: b}]\n",
    SHOW + "place: {lat: 45.5, lon: -73.5, tz: America/Montreal}\n",
    changed(("[a]", "[{a: 1, b: 2}]")),
    changed(("paint: 160x90", "paint: 80x45")),
    changed(("metrics", "  side: {kind: memory, fps: 50}\nmetrics")),
    changed(("fps: 100", "fps: 120")),
    changed(("[a]", "[b, a]")),
]
BROKEN = [
    (changed(("outputs", "ouputs")), "plaza.yaml:9:1: unknown key 'ouputs' in the show; did you"),
    (changed(("[a]", "[c]")), "plaza.yaml:7:18: styles, entry 1: no style 'c' in bank small"),
    (changed(("playlist: all", "playlist: al")), "plaza.yaml:8:18: no playlist 'al'"),
    (SHOW[: len(SHOW) // 2], "the show needs the key 'play'"),
    ("", "plaza.yaml:1:1: the file is empty"),
]


def test_fifty_edits_ten_of_them_broken_and_no_frame_lost(studio: Studio) -> None:
    """Frames come ten a second and are presented a hundred times: one that is not on the wall was
    lost by the reload."""
    good = broken = 0
    with studio.running(SHOW) as show:
        for number in range(50):
            mark = f"# edit {number}\n"
            if number % 5 == 4:
                text, sentence = BROKEN[broken % len(BROKEN)]
                said = show.refuse(mark * bool(broken % 2) + text)
                line = int(sentence.split(":")[1]) if sentence.startswith("plaza") else None
                if line is not None and broken % 2:
                    sentence = sentence.replace(f":{line}:", f":{line + 1}:", 1)
                assert sentence in said or not text, said
                broken += 1
            else:
                show.take(GOOD[good % len(GOOD)] + mark)
                good += 1
        show.wall.wait_for(30)
    assert (good, broken) == (40, 10)
    numbers = show.wall.numbers()
    assert len(numbers) > 20
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert show.report is not None
    assert show.report.status.errors == {}
    assert sum("is on: " in line for line in show.ears.lines) == 1 + good
    assert sum("not taken" in line for line in show.ears.lines) == broken
    # Planning costs tens of milliseconds; none of that is the loop's.
    assert max(show.errands.spent) < 1 / 60


def test_a_style_is_on_at_the_next_frame_and_nothing_is_built(studio: Studio) -> None:
    with studio.running(SHOW) as show:
        said = show.take(changed(("[a]", "[b]")))
    assert said.endswith(": looks")
    assert re.search(r"plaza: version [0-9a-f]{12} is on", said)


def test_the_same_again_changes_nothing(studio: Studio) -> None:
    with studio.running(SHOW) as show:
        show.refuse(SHOW + "typo: 1\n")
        assert show.take(SHOW).endswith(": nothing that runs")


def test_an_output_comes_goes_and_is_opened_anew_alone(studio: Studio) -> None:
    """The other output is the same object throughout: it is never closed."""
    side = changed(("metrics", "  side: {kind: memory, fps: 50}\nmetrics"))
    with studio.running(SHOW) as show:
        assert show.take(side).endswith(": output side (opened)")
        show.wall.wait_for(3, "side")
        assert show.take(side.replace("fps: 50", "fps: 60")).endswith(": output side (opened)")
        show.wall.wait_for(3, "side")
        assert show.take(SHOW).endswith(": output side (closed)")
        show.wall.wait_for(30)
    assert [name for name, *_ in show.wall.shown[-20:]] == ["wall"] * 20


def test_another_paint_size_is_on_the_wall(studio: Studio) -> None:
    with studio.running(SHOW) as show:
        assert show.take(changed(("paint: 160x90", "paint: 80x45"))).endswith(": bank")
        show.wall.wait_for(30)
    assert show.wall.shown[-1][1].width == 80


def test_another_camera_is_on_once_it_films(studio: Studio) -> None:
    """No slate is shown between two good cameras."""
    with studio.running(SHOW) as show:
        assert show.take(changed(("size: 160x90, fps: 10", "size: 128x72, fps: 20"))).endswith(
            ": camera bars (opened)"
        )
        show.wall.wait_for(30)
    widths = [frame.width for _, frame, _, _ in show.wall.shown]
    assert set(widths[3:]) == {160, 128}
    assert widths == sorted(widths, reverse=True)
    first = next(frame for _, frame, _, _ in show.wall.shown if frame.width == 128)
    assert first.number > 1  # 1 is its slate


def test_a_device_that_only_one_can_hold_is_let_go_first(studio: Studio, monkeypatch) -> None:
    """Its last frame is on the wall until the device films again; no slate comes between."""
    held: list[str] = []

    class Noted(Held):
        def __init__(self, before: Camera, now: float) -> None:
            super().__init__(before, now)
            held.append(self.health(now).state)

    monkeypatch.setattr("murai_show.filming.same_device", lambda old, new: True)
    monkeypatch.setattr("murai_show.filming.Held", Noted)
    with studio.running(SHOW) as show:
        said = show.take(changed(("160x90, fps: 10", "128x72, fps: 20")))
        assert said.endswith(": camera bars (opened)")
        show.wall.wait_for(30)
    assert held == ["held"]
    widths = [frame.width for _, frame, _, _ in show.wall.shown]
    assert set(widths[3:]) == {160, 128}
    assert widths == sorted(widths, reverse=True)


def test_a_camera_that_does_not_come_leaves_the_old_one(studio: Studio, monkeypatch) -> None:
    monkeypatch.setattr("murai_show.filming.PATIENCE", 0.3)
    stream = 'kind: stream, url: "rtsp://eve:s3cret@127.0.0.1:1/x"'
    bad = changed(("kind: pattern, size: 160x90, fps: 10", stream), ("[a]", "[b]"))
    monkeypatch.setenv("PW", "s3cret")
    with studio.running(SHOW) as show:
        show.take(bad.replace("s3cret", "${PW}"))
        show.wall.wait_for(30)
    line = next(line for line in show.ears.lines if "the one before stays" in line)
    assert line.startswith("camera bars: ")
    assert not any("s3cret" in line for line in show.ears.lines)
    numbers = show.wall.numbers()
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_a_bank_that_changes_on_disk_is_read_again(studio: Studio) -> None:
    """And with it the styles that a show may name."""
    text = changed(("engine: identity", "engine: pytorch"))
    with studio.running(text) as show:
        write_small_bank(studio.folder / "models/small.safetensors", ("a", "b", "c"))
        assert show.ears.wait_for(" is on: ").endswith(": bank")
        assert show.take(text.replace("[a]", "[c]")).endswith(": looks")
        show.wall.wait_for(30)
    assert show.report is not None
    assert show.report.status.errors == {}


def test_the_show_ends_while_a_painter_is_being_built(studio: Studio, monkeypatch) -> None:
    """Building an engine may take a minute; the painter that comes too late is closed."""
    building, built, closed = threading.Event(), threading.Event(), threading.Event()

    class Late(IdentityStylizer):
        def close(self) -> None:
            closed.set()

    def slowly(bank: PlannedBank, paint: Size, practice: object) -> IdentityStylizer:
        building.set()
        assert built.wait(30)
        return Late(bank.styles, paint)

    with studio.running(SHOW) as show:
        monkeypatch.setattr("murai_show.on_air.open_stylizer", slowly)
        show.save(changed(("paint: 160x90", "paint: 80x45")))
        assert building.wait(10)
        show.wall.wait_for(30)  # and until then nobody waits for it
    assert show.report is not None  # the show is over, the building is not
    assert not closed.is_set()
    built.set()
    assert closed.wait(10)
    assert not any("could not be looked at" in line for line in show.ears.lines)


def test_a_bank_that_is_damaged_is_not_taken(studio: Studio) -> None:
    text = changed(("engine: identity", "engine: pytorch"))
    bank = studio.folder / "models/small.safetensors"
    whole = bank.read_bytes()
    with studio.running(text) as show:
        bank.write_bytes(whole[:1000])
        assert "the bank cannot be read" in show.ears.wait_for("not taken")
        show.wall.wait_for(30)
        bank.write_bytes(whole)
        assert show.ears.wait_for(" is on: ").endswith(": bank")
    assert show.report is not None
    assert show.report.status.errors == {}


def test_a_file_that_is_gone_is_said_and_taken_when_it_is_back(studio: Studio) -> None:
    with studio.running(SHOW) as show:
        show.file.unlink()
        assert "no show file 'plaza'" in show.ears.wait_for("not taken")
        show.take(changed(("[a]", "[b]")))


def test_an_alignment_beside_the_show_moves_the_canvas_and_opens_nothing(studio: Studio) -> None:
    face = "  face: {kind: offscreen, size: 64x36}\n"
    film = "  film: {kind: recording, of: face, path: film.mp4}\n"
    text = changed(("metrics", f"{face}{film}metrics"))
    align = "align: plaza\noutputs:\n  face:\n    corners: {top_left: [0.1, 0.1]}\n"
    with studio.running(text) as show:
        (studio.folder / "plaza.align.yaml").write_text(align)
        said = show.ears.wait_for(" is on: ", "not taken")
        assert said.endswith("output face (moved), output film (moved)")
        show.wall.wait_for(60)
    assert show.report is not None
    assert show.report.status.errors == {}
    assert [file.name for file in show.report.files] == ["film.mp4"]
    assert show.report.status.presented["film"] > 10


def test_overlays_are_taken_at_once_and_nothing_is_opened(studio: Studio) -> None:
    face = "  face: {kind: offscreen, size: 64x36}\n"
    film = "  film: {kind: recording, of: face, path: film.mp4}\n"
    bare = changed(("metrics", f"{face}{film}metrics"))
    name = "overlays:\n  name: {kind: title, text: one, on: face}\n"
    with studio.running(bare) as show:
        said = show.take(bare + name)
        assert said.endswith(": looks, output face (moved), output film (moved)")
        show.wall.wait_for(30)
        assert show.take(bare + name.replace("one", "two")).endswith(": looks")
        show.wall.wait_for(30)
        said = show.take(bare + name.replace("one", "two, at: bottom, size: 0.3"))
        assert said.endswith(": looks, output face (moved), output film (moved)")
        show.wall.wait_for(30)
        assert "did you mean clock" in show.refuse(bare + name.replace("title", "clok"))
        show.wall.wait_for(30)
    assert show.report is not None
    assert show.report.status.errors == {}
    assert [file.name for file in show.report.files] == ["film.mp4"]
    assert not [line for line in show.ears.lines if "overlay" in line and "left out" in line]


def test_canvases_can_be_added_to_a_show_without_any(studio: Studio) -> None:
    text = changed(("metrics", "  face: {kind: offscreen, size: 64x36}\nmetrics"))
    with studio.running(SHOW) as show:
        assert show.take(text).endswith(": output face (opened)")
        show.wall.wait_for(60)
        assert show.take(text.replace("64x36", "32x18")).endswith(": output face (opened)")
        assert show.take(SHOW).endswith(": output face (closed)")
        assert show.take(text).endswith(": output face (opened)")
        show.wall.wait_for(30)
    assert show.report is not None
    assert show.report.status.errors == {}
    assert show.report.status.presented["face"] > 10


def test_an_output_that_cannot_be_opened_leaves_the_old_one(studio: Studio) -> None:
    (studio.folder / "taken").write_text("a file where a folder would be")
    text = changed(("metrics", "  pic: {kind: snapshot, size: 64x36, path: a/b.png}\nmetrics"))
    with studio.running(text) as show:
        said = show.take(text.replace("a/b.png", "taken/b.png"))
        assert "output pic (opened)" in said
        # It names the old file still: the next version tries again.
        (studio.folder / "taken").unlink()
        assert "output pic (opened)" in show.take(text.replace("a/b.png", "taken/b.png") + "# 2\n")
    lines = [line for line in show.ears.lines if "the one before stays" in line]
    assert len(lines) == 1
    assert lines[0].startswith("output pic: ")


def scrape(url: str) -> dict[tuple[str, ...], float]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {
            (s.name, *map("=".join, sorted(s.labels.items()))): s.value
            for f in families
            for s in f.samples
        }


def test_metrics_tell_and_move(studio: Studio) -> None:
    text = SHOW.replace('"off"', "127.0.0.1:0")
    with studio.running(text) as show:
        heard = next(line for line in show.ears.lines if "metrics on" in line)
        url = heard.split()[-1]
        said = show.take(text.replace("[a]", "[b]"))
        show.refuse(text + "typo: 1\n")
        found = scrape(url)
        assert found["murai_reloads_total", "result=taken"] == 1
        assert found["murai_reloads_total", "result=refused"] == 1
        info = next(key for key in found if key[0] == "murai_show_info")
        assert f"config_hash={said.split()[2]}" in info
        show.save(text.replace("127.0.0.1:0", '"[::1]:0"'))
        moved = show.ears.wait_for("metrics on").split()[-1]
        assert moved.startswith("http://[::1]:")
        show.ears.wait_for(" is on: ")
        assert scrape(moved)["murai_reloads_total", "result=taken"] == 2
        with pytest.raises(OSError, match="refused"):
            scrape(url)


def test_a_file_that_moves_while_it_is_read_is_left_for_the_next_look(tmp_path: Path) -> None:
    """What was read may be half of one version: right or wrong, nothing is said about it."""
    write_small_bank(tmp_path / "models/small.safetensors")
    file = tmp_path / "plaza.yaml"
    file.write_text(SHOW)
    plan = make_plan("plaza", {}, tmp_path, displays=False)
    counts: dict[Result, int] = {"taken": 0, "refused": 0}
    taken: list[object] = []

    class Air:
        def __init__(self) -> None:
            self.plan = plan

        def take(self, plan: Plan, touched: object, stop: object) -> Changes:
            taken.append(plan)
            return Changes()

    def replan(*, monitors: object) -> Plan:
        if saves:
            file.write_text(saves.pop())
        return make_plan("plaza", {}, tmp_path, displays=False)

    air: Any = Air()
    reload = Reload(
        file, stamps([file]), air, replan, (), lambda: (), taken.append, counts, threading.Event()
    )
    for text in (SHOW + "# whole\n", SHOW + "typo: 1\n"):
        saves = [text]
        assert reload.settled(stamps(reload.files())) is None
    assert (taken, counts) == ([], {"taken": 0, "refused": 0})
    assert reload.settled(stamps(reload.files())) is not None
    assert counts == {"taken": 0, "refused": 1}


def test_a_show_that_is_empty_for_a_moment_is_being_saved(tmp_path: Path) -> None:
    """An editor that saves in place may be held up between emptying the file and writing it."""
    write_small_bank(tmp_path / "models/small.safetensors")
    file = tmp_path / "plaza.yaml"
    file.write_text(SHOW)
    counts: dict[Result, int] = {"taken": 0, "refused": 0}
    air: Any = SimpleNamespace(
        plan=make_plan("plaza", {}, tmp_path, displays=False), take=lambda *_: Changes()
    )

    def replan(*, monitors: object) -> Plan:
        return make_plan("plaza", {}, tmp_path, displays=False)

    stop = threading.Event()
    reload = Reload(file, stamps([file]), air, replan, (), lambda: (), lambda _: None, counts, stop)
    for text, taken in ((SHOW + "# more\n", 1), (SHOW, 2)):
        file.write_text("")
        for _ in range(EMPTY_LOOKS - 1):
            assert reload.settled(stamps(reload.files())) is None
        file.write_text(text)
        assert reload.settled(stamps(reload.files())) is not None
        assert counts == {"taken": taken, "refused": 0}
    file.write_text("")
    looks = [reload.settled(stamps(reload.files())) for _ in range(EMPTY_LOOKS)]
    assert looks[:-1] == [None] * (EMPTY_LOOKS - 1)
    assert looks[-1] is not None
    assert counts == {"taken": 2, "refused": 1}


def test_a_monitor_that_came_meanwhile_is_asked_for(tmp_path: Path) -> None:
    """The window system is asked again before a show is refused for what it lacked."""
    write_small_bank(tmp_path / "models/small.safetensors")
    file = tmp_path / "plaza.yaml"
    file.write_text(SHOW)
    plan = make_plan("plaza", {}, tmp_path, displays=False)
    came = (Monitor("HDMI-2", Size(64, 36)),)
    planned: list[Plan] = []
    counts: dict[Result, int] = {"taken": 0, "refused": 0}

    class Air:
        def __init__(self) -> None:
            self.plan = plan

        def take(self, plan: Plan, touched: object, stop: object) -> Changes:
            planned.append(plan)
            return Changes()

    air: Any = Air()
    replan = partial(make_plan, "plaza", {}, tmp_path, displays=True)
    file.write_text(SHOW.replace("memory, fps: 100, keep: 8", "display, monitor: HDMI-2"))
    stop = threading.Event()
    reload = Reload(
        file, stamps([file]), air, replan, (), lambda: came, lambda _: None, counts, stop
    )
    assert reload.settled(stamps(reload.files())) is not None
    assert counts == {"taken": 1, "refused": 0}
    assert planned[0].outputs[0].canvas is not None
    assert planned[0].outputs[0].canvas.size == (64, 36)


@pytest.mark.parametrize(
    ("words", "replans", "keeps"),
    [((), True, True), (("--no-reload",), False, True), (("--rehearse",), True, False)],
)
def test_the_command_line_says_whether_a_show_goes_with_its_file(
    studio: Studio, monkeypatch, words: tuple[str, ...], replans: bool, keeps: bool
) -> None:
    found: list[Live] = []

    def run_show(plan: Plan, seconds: object, stop: object, live: Live, vigil: object) -> None:
        found.append(live)
        raise UsageError("enough")

    monkeypatch.setattr("murai_show.app.run_show", run_show)
    monkeypatch.chdir(studio.folder)
    (studio.folder / "plaza.yaml").write_text(SHOW)
    monkeypatch.setattr(sys, "argv", ["murai-show", "run", "plaza", *words])
    with pytest.raises(SystemExit):
        main()
    (live,) = found
    assert live.show == studio.folder / "plaza.yaml"
    assert (live.replan is not None) == replans
    assert (live.keep_after is not None) == keeps


def test_a_link_that_is_set_to_another_file_is_a_newer_version(studio: Studio) -> None:
    with studio.running(SHOW) as show:
        release = studio.folder / "release-2.yaml"
        release.write_text(SHOW.replace("[a]", "[b]"))
        link = studio.folder / "link"
        link.symlink_to(release)
        link.replace(show.file)
        assert show.ears.wait_for(" is on: ").endswith(": looks")
        release.write_text(SHOW)
        assert show.ears.wait_for(" is on: ").endswith(": looks")
