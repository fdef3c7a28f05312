"""Faults of a camera: the other one, and every output, go on."""

from __future__ import annotations

import random
import time
from io import BytesIO

import av
import numpy as np
import pytest

from murai_show.camera.live import live
from murai_show.errors import CameraError
from tests.camera.stand_ins import FakeWire
from tests.drills.stage import FPS, Night, Outcome, Stage, drill, moving
from tests.rtsp_server import RtspServer, nal_units

SEEDS = 8


def well_beside(night: Night, since: float) -> int:
    """Presentations lost; what the sound camera shows was new all the while."""
    fresh = [seen.at for seen in night.eyes.fresh("side", since)]
    lasted = night.eyes.seen["side"][-1].at - since
    assert len(fresh) > 0.3 * FPS * lasted, "the other camera's picture stood still"
    return night.lost(since)


@drill("camera unplugged", "its RTSP server drops every connection, closes its port, comes back")
def test_a_camera_is_unplugged_and_plugged_in(stage: Stage) -> Outcome:
    with stage.on_air() as night:
        begun = time.monotonic()
        stage.server.cut()
        night.wait(lambda: night.camera().state == "slate", "no slate")
        slate = time.monotonic()
        night.wait(lambda: night.eyes.fresh("wall", begun), "the slate is not on the wall")
        stage.server.start()
        back = time.monotonic()
        took = night.steady(back)
        night.wait(lambda: night.camera().state == "live", "it is back and nobody says so")
        lost = well_beside(night, begun)
        assert slate - begun < 10.0
    said = "last frame for `hold`, the slate, live again by itself; the other camera unmoved"
    return Outcome(said, took, lost)


@drill("camera stalls without an end", "the connection stays open and nothing comes any more")
def test_a_camera_stalls(stage: Stage) -> Outcome:
    with stage.on_air() as night:
        begun = time.monotonic()
        stage.server.silent.set()
        night.wait(lambda: night.camera().state == "slate", "silence was not noticed")
        stage.server.silent.clear()
        back = time.monotonic()
        took = night.steady(back)
        night.wait(lambda: night.camera().trouble == "", "it is back and nobody says so")
        lost = well_beside(night, begun)
    return Outcome("lost after `read_timeout`, then as above", took, lost)


class Rebooting(RtspServer):
    """Moves again when it is opened anew, as cameras do whose encoder outlives their sensor."""

    def _answer(self, method: str, url: str, fields: dict[str, str]) -> bytes:
        if method == "PLAY":
            self.units = [nal_units(unit) for unit in moving()]
        return super()._answer(method, url, fields)


@drill("camera frozen", "frames come at their rate, each the same picture, until it is opened anew")
def test_a_camera_freezes(stage: Stage) -> Outcome:
    stage.server = Rebooting(moving(), FPS)
    with stage.on_air() as night:
        stage.server.units = [stage.server.units[0]]
        begun = time.monotonic()
        night.wait(lambda: night.camera().frozen, "nobody noticed")
        noticed = time.monotonic()
        assert night.camera().state == "live", "frames came all the while"
        took = night.steady(noticed) + noticed - begun
        night.wait(lambda: not night.camera().frozen, "it moves and counts as frozen")
        assert night.camera().reconnects == 1
        assert sum("camera street: frozen: one picture" in line for line in night.ears.lines) == 1
        lost = well_beside(night, begun)
    said = "found after 5 `read_timeout`, said, `murai_camera_frozen`; opened anew after 10"
    return Outcome(said, took, lost)


def flipped(units: list[bytes], seed: int, share: float = 2e-3) -> list[bytes]:
    """`units` with some bits turned, start codes left alone: they are the network's."""
    draw = random.Random(seed)
    damaged = []
    for unit in units:
        nals = [bytearray(nal) for nal in nal_units(unit)]
        for nal in nals:
            for _ in range(max(1, int(8 * len(nal) * share))):
                place = draw.randrange(8 * len(nal))
                nal[place // 8] ^= 1 << place % 8
        damaged.append(b"".join(b"\0\0\0\1" + bytes(nal) for nal in nals))
    return damaged


@drill("H.264 damaged", f"seeded bit flips in every packet for a while, {SEEDS} seeds")
def test_a_stream_is_damaged(stage: Stage) -> Outcome:
    clean = [nal_units(unit) for unit in moving()]
    slowest = 0.0
    with stage.on_air() as night:
        begun = time.monotonic()
        for seed in range(SEEDS):
            stage.server.units = [nal_units(unit) for unit in flipped(moving(), seed)]
            shown = len(night.eyes.seen["wall"])
            night.wait(lambda n=shown: len(night.eyes.seen["wall"]) > n + 6, "the wall stands")
            stage.server.units = clean
            slowest = max(slowest, night.steady(time.monotonic()))
        night.wait(lambda: sum(night.camera().drops.get(w, 0) for w in ("corrupt", "geometry")) > 0,
                   "no damage was counted")  # fmt: skip
        lost = well_beside(night, begun)
        assert not any("Traceback" in line for line in night.ears.lines)
    said = "damaged pictures dropped and counted; new pictures all the while"
    return Outcome(said, slowest, lost)


def filmed(data: bytes) -> tuple[list[np.ndarray], FakeWire]:
    """The pixels of an elementary stream until its end, which is a loss like any other."""
    wire, found = FakeWire(), []
    container = av.open(BytesIO(data), "r", format="h264")
    pictures = live(container, "it", wire, 2.0)

    def film() -> None:
        for picture in pictures:
            found.append(picture.pixels)  # noqa: PERF401 - those before the error count

    with pytest.raises(CameraError, match="the stream ended"):
        film()
    return found, wire


def test_a_hundred_damaged_streams_end_in_whole_pictures() -> None:
    """What is given is whole, and what comes after the next clean key frame is to the bit what it
    would have been; at most a picture later, where damaged headers spoke of reordering."""
    units = moving()
    truth, _ = filmed(b"".join(units[10:40]))
    assert len(truth) >= 28
    counted = 0
    for seed in range(100):
        found, wire = filmed(b"".join([*flipped(units[:10], seed), *units[10:40]]))
        counted += sum(wire.drops.values())
        assert all(p.ndim == 3 and p.shape[2] == 3 for p in found)
        late = next(n for n in (0, 1) if np.array_equal(found[-1], truth[-1 - n]))
        for n in range(1, 20):
            assert np.array_equal(found[-n], truth[-n - late]), f"seed {seed}"
    assert counted > 100


def alike(painted: tuple[int, int], filmed: tuple[int, int]) -> bool:
    """Whether both have one aspect, but for what rounding to the painter's grid takes."""
    return abs(painted[0] / painted[1] / (filmed[0] / filmed[1]) - 1) < 0.2


@drill("size changes", "the stream goes on at 320x96, then at 96x160, without a word")
def test_a_stream_changes_its_size(stage: Stage) -> Outcome:
    slowest = 0.0
    with stage.on_air() as night:
        begun = time.monotonic()
        for size in ((320, 96), (96, 160)):
            stage.server.units = [nal_units(unit) for unit in moving(*size)]
            changed = time.monotonic()
            night.wait(lambda s=size: alike(night.eyes.seen["wall"][-1].size, s), "the old size")
            arrived = time.monotonic()
            slowest = max(slowest, night.steady(arrived) + arrived - changed)
        lost = well_beside(night, begun)
        assert night.camera().reconnects == 0
    return Outcome("scaled to the paint size from the next key frame on", slowest, lost)
