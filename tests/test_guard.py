"""The show must go on: whole shows with a ladder, a limiter and promises, as people run them."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from murai_show.app import run_show
from murai_show.cli import main
from murai_show.errors import EngineError, PaceError
from murai_show.frame import Frame
from murai_show.loop.degraded import DegradedStylizer
from murai_show.loop.errands import Errands
from murai_show.on_air import OnAir
from murai_show.proof import check_pace, proof_of
from murai_show.show.guard import LadderSpec, Promise, parse_step, rungs_of
from murai_show.show.plan import Plan, PlannedBank
from murai_show.show.proof import prove
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style.collage import Collage
from murai_show.style.identity import IdentityStylizer
from murai_show.style.openvino import OpenvinoStylizer
from tests.banks import write_small_bank
from tests.loop.stand_ins import RealClock
from tests.plans import a_plan

SHOW = """\
murai: 1
show: small
cameras:
  bars: {kind: pattern, size: 640x360, fps: 240}
bank: {name: small, engine: pytorch}
playlists:
  all: {styles: [a, b], each: 1h}
play: {playlist: all, paint: 640x360}
outputs:
  wall: {kind: memory}
metrics: "off"
expect: {painted: PAINTED, frozen_after: 5s}
"""


@pytest.fixture
def murai(tmp_path: Path, monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """A working folder with a bank, and `murai-show` in it."""
    monkeypatch.chdir(tmp_path)
    write_small_bank(tmp_path / "models/small.safetensors")

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["murai-show", *words])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return call


def write_show(painted: float, more: str = "") -> None:
    Path("small.yaml").write_text(SHOW.replace("PAINTED", f"{painted:g}") + more)


def test_a_promise_that_this_machine_cannot_keep(murai, caplog) -> None:
    write_show(240)
    code, out, err = murai("plan", "small")
    assert code == 2
    assert out.startswith("show small")
    assert err.splitlines()[-1].startswith(
        "painted: 240 a second wanted, this machine paints 640x360 with pytorch in "
    )
    assert "or --force" in err
    code, _, err = murai("run", "small", "--for", "1s")
    assert code == 2
    assert "painted: 240 a second wanted" in err
    assert murai("plan", "small", "--force")[0] == 0
    assert "painted: 240 a second wanted" in caplog.text
    assert murai("check", "small.yaml")[0] == 0


def test_a_promise_that_is_kept_and_told(murai) -> None:
    write_show(0.2)
    code, out, _ = murai("plan", "small")
    assert code == 0
    assert "\npainted: 0.2 a second wanted, this machine paints" in out
    code, out, _ = murai("plan", "small", "--json")
    found = json.loads(out)
    assert found["proof"]["keeps"] is True
    assert found["proof"]["milliseconds"] > 0
    assert found["expect"] == {"painted": 0.2, "frozen_after": "5s"}
    code, out, _ = murai("run", "small", "--for", "2s", "--json")
    assert code == 0
    assert json.loads(out)["broken_seconds"] == {"frozen_after": 0.0}
    code, out, _ = murai("run", "small", "--for", "2s")
    assert "frozen_after never" in out


def test_a_ladder_that_keeps_it_is_enough(murai) -> None:
    """At a tenth of each side, a hundredth of the pixels are painted."""
    write_show(240, "degrade: [paint 0.1]\n")
    code, out, _ = murai("plan", "small")
    assert code == 0
    assert "the ladder keeps it at paint 0.1" in out


def test_a_rehearsal_and_force_only_say_it(caplog) -> None:
    proof = prove(a_plan(expect=Promise(painted=30.0)), 100.0)
    with pytest.raises(PaceError, match=r"10\.0 a second"):
        check_pace(proof, force=False)
    check_pace(proof, force=True)
    assert "10.0 a second" in caplog.text


def test_a_painter_that_cannot_be_had_refuses_nothing(monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise EngineError("there is no OpenVINO")

    monkeypatch.setattr("murai_show.proof.open_stylizer", broken)
    proof = proof_of(a_plan(expect=Promise(painted=30.0)))
    assert proof.keeps
    assert proof.sentence.endswith("is not known: there is no OpenVINO")


def test_nothing_promised_and_nothing_remembered_measures_nothing(monkeypatch) -> None:
    monkeypatch.setattr("murai_show.proof.open_stylizer", lambda *_: pytest.fail("it measured"))
    assert proof_of(a_plan()).milliseconds is None


class Slow(IdentityStylizer):
    """80 ms a picture at the paint size, in proportion to the pixels at others."""

    seconds = 0.080

    def __call__(self, frame: Frame, look: Look) -> Frame:
        time.sleep(self.seconds * (self.paint.width * self.paint.height) / (160 * 90))
        return super().__call__(frame, look)


def ladder(*steps: str, budget: float = 20.0, after: float = 1.0) -> LadderSpec:
    return LadderSpec(rungs_of(tuple(map(parse_step, steps))), budget, after, 30.0)


def slow_show(monkeypatch, **changed) -> Plan:
    monkeypatch.setattr(
        "murai_show.on_air.open_stylizer", lambda bank, paint, _: Slow(bank.styles, paint)
    )
    return a_plan(**changed)


def test_a_show_that_is_too_slow_goes_on_smaller(monkeypatch, caplog) -> None:
    plan = slow_show(
        monkeypatch, degrade=ladder("paint 0.5", "slate"), expect=Promise(frozen_after=3.0)
    )
    with caplog.at_level(logging.INFO):
        report = run_show(plan, 4.5, threading.Event())
    assert report.status.degraded is not None
    assert report.status.degraded.rung == 1
    assert report.broken == {"frozen_after": 0.0}
    assert report.status.errors == {}
    step = next(message for message in caplog.messages if message.startswith("degrade:"))
    assert step.startswith("degrade: step 1 of 2, paint 0.5: a picture takes ")


def test_without_a_ladder_nothing_stands_around_the_painter(monkeypatch) -> None:
    plan = slow_show(monkeypatch)
    air = OnAir(plan, RealClock(), Errands())
    try:
        assert type(air.scene.stylizer) is Collage
        assert type(air.scene.camera).__name__ == "Feed"
    finally:
        air.close()


def test_a_newer_version_with_another_ladder_or_none(monkeypatch) -> None:
    plan = slow_show(monkeypatch, degrade=ladder("paint 0.5"))
    errands, stop = Errands(), threading.Event()
    air = OnAir(plan, RealClock(), errands)
    over = threading.Event()

    def loop() -> None:
        while not over.is_set():
            errands.run_one()
            air.scene.left.set()
            time.sleep(0.001)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        assert isinstance(air.scene.stylizer, DegradedStylizer)
        inner = air.scene.camera.camera  # pyright: ignore - it is a DegradedCamera
        air.take(a_plan(degrade=ladder("slate")), (), stop)
        assert isinstance(air.scene.stylizer, DegradedStylizer)
        assert air.scene.stylizer.degraded.words == ("full", "slate")
        assert air.scene.camera.camera is inner  # pyright: ignore
        air.take(a_plan(limits_flashes=False), (), stop)
        assert type(air.scene.stylizer) is Collage
        assert air.scene.camera is inner
        assert not air.flashes.on
    finally:
        over.set()
        thread.join()
        air.close()


def test_openvino_has_every_size_compiled_before_it_is_needed(tmp_path, monkeypatch) -> None:
    """The real engine: what a step needs is there, and painting on any rung compiles nothing."""
    file = write_small_bank(tmp_path / "small.safetensors")
    plan = a_plan(
        bank=PlannedBank("small", file, "openvino", ("a", "b")),
        paint=Size(96, 64),
        degrade=ladder("paint 0.75", "paint 0.5"),
    )
    air = OnAir(plan, RealClock(), Errands())
    try:
        painter = air.scene.stylizer
        assert isinstance(painter, DegradedStylizer)
        monkeypatch.setattr(
            OpenvinoStylizer, "_compile", lambda *_: pytest.fail("compiled in the show")
        )
        filmed = Frame(np.zeros((90, 160, 3), np.uint8), 0.0, 0.0, 1, "bars")
        slate = Frame(np.zeros((64, 96, 3), np.uint8), 0.0, 0.0, 2, "bars")
        widths = []
        for rung in range(3):
            painter.relief.at = painter.relief.at.__class__(rung, 0.0, painter.relief.at.slice)
            for frame in (filmed, slate):
                paint = air.scene.painter.submit(painter, frame, Look((("a", 1.0),)))
                widths.append(paint.result().width)
        assert widths == [96, 96, 72, 72, 48, 48]
    finally:
        air.close()
