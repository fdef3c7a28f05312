"""A show on air with a booth: pressed over real HTTP, seen on a real canvas, written to a disk."""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from murai_show import booth_on_air, edges
from murai_show.board import Board
from murai_show.booth_on_air import due, painted
from murai_show.cli import main
from murai_show.edge.booth.ledger import Entry, Ledger
from murai_show.edge.social.port import Portrait
from murai_show.frame import Frame
from murai_show.output.offscreen import Offscreen
from murai_show.show.timeline import AreaLook, Look, Wipe
from tests.ports import free_port
from tests.reloading import Running, Studio
from tests.test_cues import SECRET, address

SHOW = """\
murai: 1
show: plaza
title: Plaza
cameras:
  bars: {kind: pattern, size: 160x90, fps: 20}
bank: {name: small, engine: identity}
playlists:
  all: {styles: [a], each: 1h}
play: {playlist: all, paint: 160x90}
outputs:
  wall: {kind: memory, fps: 100, keep: 8}
  glass: {kind: offscreen, size: 320x180, fps: 20}
metrics: 127.0.0.1:0
control: 127.0.0.1:CONTROL
cues:
  dim: {fade: 0s, end: stay, steps: [{blackout: 0s}]}
booth:
  trigger: {http: true, key: space}
  countdown: 1s
  consent: {within: 60s, keep: 30d}
"""
PATIENT = 30.0


class Glass:
    """What was drawn on the canvas, with what was written over it: text → picture."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.drawn: dict[str, np.ndarray] = {}
        glass = self

        class Spy(Offscreen):
            def show(self, picture: Frame, look: Look, now: float) -> None:
                super().show(picture, look, now)
                text = " ".join(caption.text for caption in look.captions)
                bright = all(caption.opacity == 1.0 for caption in look.captions)
                if bright and text not in glass.drawn:
                    glass.drawn[text] = self._stage.read_rgba(self._canvas)[..., :3].copy()

        patch.setattr("murai_show.output.offscreen.Offscreen", Spy)

    def asked(self) -> str | None:
        """The question as it stood on the wall."""
        return next((text for text in self.drawn if text.startswith("Shall your")), None)


class Booth:
    """Somebody at the booth of a show that runs."""

    def __init__(self, running: Running) -> None:
        self.running = running

    def ask(self, method: str, path: str, token: str = SECRET) -> tuple[int, Any]:
        url = address(self.running, "control").replace("/cues", path)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(url, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def wait_for(self, state: str) -> Any:
        return until(lambda: self._in(state))

    def _in(self, state: str) -> Any:
        found = self.ask("GET", "/booth")[1]
        return found if found["state"] == state else None

    def shown(self) -> list[Frame]:
        """The last pictures on the wall."""
        wall = self.running.wall
        with wall.seen:
            seen = len(wall.shown)
            assert wall.seen.wait_for(lambda: len(wall.shown) > seen + 12, PATIENT)
            return [frame for name, frame, *_ in wall.shown[seen:] if name == "wall"]


def until(found: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENT
    while time.monotonic() < end:
        if (value := found()) not in (None, False):
            return value
        time.sleep(0.02)
    raise AssertionError("it never came")


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("MURAI_CONTROL_TOKEN", SECRET)
    for name in ("CREDENTIALS_DIRECTORY", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("murai_show.show.boothing.TELLING", 0.5)
    monkeypatch.setattr("murai_show.edge.jobs.LONGEST_SLEEP", 0.2)
    return Studio(tmp_path, monkeypatch)


@pytest.fixture
def delivered(monkeypatch: pytest.MonkeyPatch) -> list[Portrait]:
    found: list[Portrait] = []
    monkeypatch.setattr(edges, "keep_file", found.append)
    return found


def row(studio: Studio, number: int) -> Entry:
    ledger = Ledger(studio.folder / "state" / "murai-show" / "plaza")
    entry = ledger.find(number)
    ledger.close()
    assert entry is not None
    return entry


def samples(running: Running) -> dict[tuple[str, str], float]:
    text = urllib.request.urlopen(address(running, "metrics"), timeout=5).read().decode()
    return {
        (sample.name, sample.labels.get("outcome", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_portrait_from_the_press_to_its_delivery_and_one_that_is_denied(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, delivered: list[Portrait]
) -> None:
    glass = Glass(monkeypatch)
    begun = time.time()
    with studio.running(SHOW.replace("CONTROL", str(free_port()))) as running:
        booth = Booth(running)
        for token in ("", "another-token-0123"):
            assert booth.ask("POST", "/booth", token)[0] == 401
            assert booth.ask("GET", "/booth", token)[0] == 401
        assert booth.ask("GET", "/booth")[1]["state"] == "idle"
        assert booth.ask("POST", "/booth") == (200, {"done": "the countdown runs"})
        assert booth.ask("POST", "/booth")[0] == 409
        asked = booth.wait_for("asking")
        assert (asked["number"], asked["kept"]) == (1, None)

        picture = studio.folder / "portraits" / "plaza-1.png"
        found = np.asarray(Image.open(picture))
        held = booth.shown()
        assert len({id(frame) for frame in held}) == 1, "the wall shows the picture that was taken"
        width, height = held[-1].width, held[-1].height
        assert (width, found.shape[1]) == (160, 160)
        assert (found[:height] == held[-1].pixels).all()
        assert found.shape[0] > height, "there is no label"
        until(glass.asked)
        assert delivered == []

        done = booth.ask("POST", "/booth/consent/yes")
        assert done == (200, {"done": "the answer is yes"})
        portrait = until(lambda: delivered[0] if delivered else None)
        assert portrait.picture == picture
        assert (portrait.number, portrait.style) == (1, "a")
        assert begun <= portrait.taken <= time.time()
        assert portrait.expires == pytest.approx(portrait.taken + 30 * 86400)

        booth.wait_for("idle")
        assert len({id(frame) for frame in booth.shown()}) > 1, "the picture is live again"
        booth_answers_no(booth)
        assert not (studio.folder / "portraits" / "plaza-2.png").exists()
        assert picture.exists()
        counts = samples(running)
    assert len(delivered) == 1
    assert counts["murai_booth_shots_total", "delivered"] == 1
    assert counts["murai_booth_shots_total", "denied"] == 1
    assert counts["murai_booth_waiting", ""] == 0
    assert counts["murai_flashes_limited_total", ""] == 0
    assert (row(studio, 1).stage, row(studio, 1).answer) == ("delivered", "yes by people")
    assert (row(studio, 2).stage, row(studio, 2).answer) == ("denied", "no by people")
    plain, count = glass.drawn[""], glass.drawn["1"]
    white = (count > 240).all(-1) & ~(plain > 240).all(-1)
    middle = white[45:135, 120:200]
    assert middle.mean() > 0.1, "nobody reads that from ten metres"
    assert white[:, :80].mean() < 0.02
    question = glass.drawn[glass.asked() or "not asked"]
    letters = (question[100:] > 240).all(-1) & ~(plain[100:] > 240).all(-1)
    assert letters.mean() > 0.03, "about 0.05, by the digits of the seconds that are left"


def booth_answers_no(booth: Booth) -> None:
    assert booth.ask("POST", "/booth/consent/no") == (409, {"error": "nobody is asked at present"})
    booth.ask("POST", "/booth")
    assert booth.wait_for("asking")["number"] == 2
    assert booth.ask("POST", "/booth/consent/no") == (200, {"done": "the answer is no"})
    booth.wait_for("idle")


def test_in_the_dark_nobody_is_taken(studio: Studio, delivered: list[Portrait]) -> None:
    with studio.running(SHOW.replace("CONTROL", str(free_port()))) as running:
        booth = Booth(running)
        booth.ask("POST", "/booth")
        booth.wait_for("asking")
        assert booth.ask("POST", "/cue/dim")[0] == 200
        booth.wait_for("idle")
        assert booth.ask("POST", "/booth")[0] == 409
        picture = studio.folder / "portraits" / "plaza-1.png"
        until(lambda: not picture.exists())
    assert row(studio, 1).answer == "no by dark"
    assert delivered == []


def test_whoever_is_asked_when_the_show_ends_has_not_said_yes(studio: Studio) -> None:
    with studio.running(SHOW.replace("CONTROL", str(free_port()))) as running:
        Booth(running).ask("POST", "/booth")
        Booth(running).wait_for("asking")
        picture = studio.folder / "portraits" / "plaza-1.png"
        assert picture.exists()
    assert not picture.exists()
    assert row(studio, 1).stage == "denied"


def test_the_operator_lets_it_out_from_a_terminal_and_over_http(
    studio: Studio,
    delivered: list[Portrait],
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(booth_on_air, "TIDY_EVERY", 1)
    show = SHOW.replace("CONTROL", str(free_port())) + "  moderate: operator\n"
    with studio.running(show) as running:
        booth = Booth(running)
        for number in (1, 2, 3):
            booth.ask("POST", "/booth")
            assert booth.wait_for("asking")["number"] == number
            booth.ask("POST", "/booth/consent/yes")
            booth.wait_for("idle")
        assert delivered == []
        assert booth.ask("GET", "/booth")[1]["waiting"] == 3
        assert booth.ask("POST", "/booth/1/approve") == (200, {"done": "portrait 1 is approved"})
        assert [portrait.number for portrait in delivered] == [1]
        assert booth.ask("POST", "/booth/9/deny")[0] == 409
        assert booth.ask("POST", "/booth/x/deny")[0] == 404
        code, out, _ = terminal("list")
        assert (code, [line.split()[3] for line in out.splitlines()]) == (
            0,
            ["delivered", "waiting", "waiting"],
        )
        assert terminal("approve", "2")[:2] == (0, "portrait 2 is approved")
        until(lambda: len(delivered) == 2)
        assert terminal("deny", "3")[:2] == (0, "portrait 3 is denied and deleted")
        assert not (studio.folder / "portraits" / "plaza-3.png").exists()
        assert terminal("deny", "3")[2] == "portrait 3 is denied and deleted"
        _, out, _ = terminal("show", "2", "--json")
        assert json.loads(out)["stage"] in ("agreed", "delivered")
    assert terminal("approve")[2] == "approve needs a portrait's number, such as 12"
    assert [portrait.number for portrait in delivered] == [1, 2]


Terminal = Callable[..., tuple[int, str, str]]


@pytest.fixture
def terminal(studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys) -> Terminal:
    """`murai-show booth plaza …` where the show is."""
    monkeypatch.chdir(studio.folder)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["murai-show", "booth", "plaza", *words])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        found = capsys.readouterr()
        return code, found.out.strip(), found.err.strip()

    return run


def test_a_key_in_a_window_starts_it_and_answers(
    studio: Studio, delivered: list[Portrait], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a display's window tells the board; `space` is a key of no cue."""
    boards: list[Board] = []
    made = Board.__init__

    def remembered(self: Board, *words: Any) -> None:
        made(self, *words)
        boards.append(self)

    monkeypatch.setattr(Board, "__init__", remembered)
    monkeypatch.setattr("murai_show.show.boothing.UNREAD", 0.2)
    with studio.running(SHOW.replace("CONTROL", str(free_port()))) as running:
        booth, (board,) = Booth(running), boards
        board.press("x")
        assert booth.ask("GET", "/booth")[1]["state"] == "idle"
        board.press("space")
        asked = booth.wait_for("asking")
        until(lambda: booth.ask("GET", "/booth")[1]["seconds"] < asked["seconds"] - 0.3)
        board.press("space")
        until(lambda: len(delivered) == 1)
    assert row(studio, 1).by == "key"


def test_a_disk_that_takes_no_picture_costs_a_session_and_not_the_show(studio: Studio) -> None:
    (studio.folder / "portraits").write_text("a file, where the folder should be")
    with studio.running(SHOW.replace("CONTROL", str(free_port()))) as running:
        booth = Booth(running)
        for number in (1, 2):
            booth.ask("POST", "/booth")
            booth.wait_for("counting")
            booth.wait_for("idle")
            assert row(studio, number).stage == "denied"
        assert len({id(frame) for frame in booth.shown()}) > 1
        said = [line for line in running.ears.lines if "cannot be written" in line]
        assert len(said) == 1, "each failure is the same failure"


def test_a_newer_version_of_the_show_has_another_booth_or_none(studio: Studio) -> None:
    show = SHOW.replace("CONTROL", str(free_port()))
    with studio.running(show) as running:
        booth = Booth(running)
        line = running.take(show.replace("countdown: 1s", "countdown: 30s"))
        assert "booth" in line
        until(lambda: booth.ask("POST", "/booth")[0] == 200)
        assert booth.ask("GET", "/booth")[1]["seconds"] > 20
        running.take(show.partition("booth:")[0])
        error = {"error": "the show has no booth that is open"}
        until(lambda: booth.ask("GET", "/booth") == (404, error))
        running.take(show)
        until(lambda: booth.ask("GET", "/booth")[0] == 200)


def test_a_newer_version_does_not_change_what_somebody_is_being_asked(
    studio: Studio, delivered: list[Portrait], monkeypatch: pytest.MonkeyPatch
) -> None:
    show = SHOW.replace("CONTROL", str(free_port())).replace("within: 60s", "within: 5s")
    with studio.running(show) as running:
        booth = Booth(running)
        booth.ask("POST", "/booth")
        booth.wait_for("asking")
        running.take(show.replace("within: 5s", "within: 5s, default: allow"))
        booth.wait_for("idle")
    assert row(studio, 1).answer == "no by silence"
    assert delivered == []


def test_a_picture_that_is_not_painted_is_none_of_the_booth_s() -> None:
    wave, plain = (("wave", 1.0),), (("plain", 1.0),)
    area = AreaLook(Wipe("right", 0.5), 0.0, plain)
    assert painted(Look(wave))
    assert painted(Look((("plain", 0.3), ("wave", 0.7))))
    assert not painted(Look(plain))
    assert not painted(Look(wave, areas=(area,)))


def test_the_clock_takes_one_at_each_whole_multiple_whatever_happens_to_it() -> None:
    quarter = 900.0
    looks = [quarter * 4 - 2 + second for second in range(0, 2000, 3)]
    taken = [b for a, b in pairwise(looks) if due(a, b, quarter)]
    assert [int(at // quarter) for at in taken] == [4, 5, 6]
    assert not due(5 * quarter + 10, 4 * quarter + 10, quarter), "the clock was set back"
    assert due(quarter - 1, 9 * quarter + 1, quarter), "asleep: one, and not nine"


def test_the_clock_presses_while_the_wall_is_lit_and_default_decides(
    studio: Studio, delivered: list[Portrait], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock itself is the machine's: here every second is a whole multiple."""
    monkeypatch.setattr(booth_on_air, "due", lambda *_: not once.is_set() and not once.set())
    once = threading.Event()
    show = SHOW.replace("CONTROL", str(free_port())).replace(
        "trigger: {http: true, key: space}", "trigger: {every: 15m}"
    )
    with studio.running(show) as running:
        picture = studio.folder / "portraits" / "plaza-1.png"
        Booth(running).wait_for("telling")
        until(lambda: not picture.exists())
        assert Booth(running).ask("POST", "/booth")[0] == 404
    assert row(studio, 1).answer == "no by schedule"
    assert delivered == []
