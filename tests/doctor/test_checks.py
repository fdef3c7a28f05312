"""What each check finds, on machines that are made up, and on this one."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from murai_show.doctor import (
    access,
    clock,
    devices,
    drawing,
    filming,
    machine,
    painting,
    program,
    service,
    storage,
)
from murai_show.doctor.clock import Kept
from murai_show.doctor.devices import Device, Format
from murai_show.doctor.verdict import Case, Verdict
from murai_show.show.planned import CanvasSpec, Monitor, PlannedCamera, PlannedOutput, PlannedPlace
from murai_show.show.schema import (
    Corners,
    DisplayOutput,
    FileCamera,
    PatternCamera,
    RecordingOutput,
    StreamCamera,
    StreamOutput,
    V4l2Camera,
)
from murai_show.show.words import Address, Size
from tests.plans import a_plan
from tests.rtsp_server import RtspServer, encode

NOWHERE = Case(None, Path("/"))


def a_case(work: Path = Path("/"), metrics: str = "", **changed: Any) -> Case:
    return Case(a_plan(**changed), work, metrics)


def only(verdicts: Iterable[Verdict]) -> Verdict:
    (verdict,) = verdicts
    return verdict


def a_canvas() -> CanvasSpec:
    return CanvasSpec(Size(1920, 1080), "cover", Corners(), "none", 0, 1.0, 2.2)


# ---- program and painting ---------------------------------------------------------------------


def test_an_extra_is_a_warning_only_where_the_show_asks_for_it(monkeypatch) -> None:
    monkeypatch.setitem(program.EXTRAS, "cpu", (("no_such_module",), "painting faster"))
    monkeypatch.setitem(program.EXTRAS, "nvidia", (("no.such_module",), "painting on a GPU"))
    bank = a_plan().bank
    found = {v.name: v for v in program.extras(a_case(bank=replace(bank, engine="pytorch")))}
    assert found["extra cpu"].state == "warn"
    assert "pip install 'murai-show[cpu]'" in found["extra cpu"].mend
    assert "nvidia (painting on a GPU)" in found["extras"].found
    assert "extra cpu" not in {v.name for v in program.extras(NOWHERE)}


@pytest.mark.parametrize(
    ("flags", "word", "state"),
    [
        ("avx2 avx512f avx512_vnni amx_int8", "AMX", "ok"),
        ("avx2 avx512f avx512_vnni", "AVX-512 with VNNI", "ok"),
        ("avx2 avx_vnni", "AVX2 with VNNI", "ok"),
        ("avx2", "AVX2 without VNNI", "ok"),
        ("sse4_2", "neither AVX2", "warn"),
    ],
)
def test_what_the_processor_computes_is_said_in_words(
    tmp_path: Path, flags: str, word: str, state: str
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"model name\t: Tiny 9\nflags\t\t: {flags}\n\nmodel name\t: Tiny 9\n")
    plan = a_plan()
    case = Case(replace(plan, bank=replace(plan.bank, engine="openvino")), tmp_path)
    verdict = only(painting.processor(case, cpuinfo))
    assert verdict.state == state
    assert verdict.found.startswith(f"Tiny 9: {word}")


def test_a_gpu_that_the_show_wants_and_that_is_not_here(monkeypatch) -> None:
    monkeypatch.setattr(painting, "find_gpu", lambda: None)
    monkeypatch.setattr(painting, "_has_card", lambda: False)
    bank = replace(a_plan().bank, engine="tensorrt")
    assert only(painting.gpu(a_case(bank=bank))).state == "bad"
    assert only(painting.gpu(NOWHERE)).state == "skip"
    monkeypatch.setattr(painting, "_has_card", lambda: True)
    assert "driver" in only(painting.gpu(NOWHERE)).found


# ---- displays ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "there", "state", "word"),
    [
        ("HDMI-1", (Monitor("HDMI-1", Size(1920, 1080)),), "ok", "HDMI-1"),
        (None, (Monitor("DP-1", Size(1920, 1080)),), "ok", "DP-1"),
        ("HDMI-1", (Monitor("HDMI-1", Size(1280, 720)),), "warn", "blurred"),
        ("HDMI-1", (Monitor("DP-1", Size(1280, 720)),), "bad", "no monitor is called HDMI-1"),
        (None, (), "bad", "no monitor here"),
    ],
)
def test_a_display_and_its_monitor(wanted, there, state: str, word: str) -> None:
    spec = DisplayOutput(kind="display", monitor=wanted)
    verdict = drawing.fits(PlannedOutput("wall", spec, a_canvas()), there)
    assert (verdict.state, word in verdict.found) == (state, True)
    assert bool(verdict.mend) == (state != "ok")


# ---- cameras ----------------------------------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch) -> None:
    """Cameras of a test answer at once."""
    monkeypatch.setattr(filming, "WATCHED", 0.5)
    monkeypatch.setattr(filming, "REFUSED", 0.5)


class Uvc:
    """Answers ioctl as a driver does: `formats` by their name, with the sizes that each has."""

    def __init__(self, card: str, formats: dict[str, list[Size]], films: bool = True) -> None:
        self.card, self.formats, self.films = card, formats, films

    def __call__(self, _opened: int, request: int, found: bytearray) -> int:
        if request == devices._QUERYCAP:
            caps = devices._DEVICE_CAPS | 1
            facts = (b"uvc", self.card.encode(), b"usb", 0, caps, int(self.films))
            found[:] = devices._CAPABILITY.pack(*facts)
        elif request == devices._ENUM_FMT:
            index = devices._FORMAT.unpack(found)[0]
            if index >= len(self.formats):
                raise OSError(errno.EINVAL, "Invalid argument")
            code = int.from_bytes(list(self.formats)[index].encode(), "little")
            found[:] = devices._FORMAT.pack(index, 1, 0, b"words", code)
        else:
            index, code, *_ = devices._FRAME_SIZE.unpack(found)
            sizes = self.formats[code.to_bytes(4, "little").decode()]
            if index >= len(sizes):
                raise OSError(errno.EINVAL, "Invalid argument")
            found[:] = devices._FRAME_SIZE.pack(index, code, 1, *sizes[index], 0, 0, 0, 0)
        return 0


def test_what_a_camera_films_in() -> None:
    sizes = [Size(640, 480), Size(1920, 1080), Size(1280, 720)]
    camera = Uvc("HD Pro Webcam C920", {"YUYV": sizes[:1], "MJPG": sizes, "H264": []})
    found = devices.device(Path("/dev/video0"), 3, camera)
    assert found == Device(
        Path("/dev/video0"),
        "HD Pro Webcam C920",
        (Format("YUYV", Size(640, 480)), Format("MJPG", Size(1920, 1080)), Format("H264", None)),
    )
    assert devices.device(Path("/dev/video1"), 3, Uvc("metadata", {}, films=False)) is None


def test_the_structures_are_as_long_as_the_kernel_says() -> None:
    """The length of an argument is in the number of its ioctl, bits 16 to 29."""
    for request, layout in (
        (devices._QUERYCAP, devices._CAPABILITY),
        (devices._ENUM_FMT, devices._FORMAT),
        (devices._ENUM_FRAMESIZES, devices._FRAME_SIZE),
    ):
        assert request >> 16 & 0x3FFF == layout.size


def test_devices_are_named_so_that_cables_may_be_swapped(tmp_path: Path) -> None:
    (tmp_path / "v4l/by-id").mkdir(parents=True)
    (tmp_path / "video0").touch()
    (tmp_path / "video1").touch()
    (tmp_path / "v4l/by-id/usb-C920").symlink_to(tmp_path / "video0")
    camera = Uvc("C920", {"MJPG": [Size(1280, 720)]})

    def open_(path: Path) -> int:
        if path.name == "video1":
            raise PermissionError(errno.EACCES, "Permission denied")
        return os.open(path, os.O_RDONLY)

    found = list(filming.devices(NOWHERE, lambda: devices.cameras(tmp_path, open_, camera)))
    assert found[0].state == "ok"
    assert found[0].found == f"{tmp_path}/v4l/by-id/usb-C920: MJPG to 1280x720"
    assert found[1].state == "warn"
    assert "usermod" in found[1].mend


def test_a_camera_that_films_says_how(hasty) -> None:
    spec = PatternCamera(kind="pattern", size="160x90", fps=30)
    verdict = only(filming.camera(a_case(), PlannedCamera("bars", spec)))
    assert verdict.state == "ok"
    assert verdict.found.startswith("pattern: 160x90 at ")


def test_a_network_camera_says_its_codec(hasty) -> None:
    """A real one, over RTSP, that wants a password."""
    server = RtspServer(encode(320, 180, 50), user="guard", password="gate-pa55word").start()
    try:
        url = f"rtsp://guard:gate-pa55word@127.0.0.1:{server.port}/main"
        spec = StreamCamera(kind="stream", url=url)
        verdict = only(filming.camera(a_case(), PlannedCamera("gate", spec)))
    finally:
        server.cut()
    assert verdict.state == "ok", verdict
    assert f"rtsp://***@127.0.0.1:{server.port}/main: 320x180 at 2" in verdict.found
    assert " in h264, first after " in verdict.found


def test_a_camera_that_refuses_is_not_waited_for_long(hasty) -> None:
    began = time.monotonic()
    spec = V4l2Camera(kind="v4l2", device="/dev/video97")
    verdict = only(filming.camera(a_case(), PlannedCamera("street", spec)))
    assert (verdict.state, verdict.found) == ("bad", "/dev/video97 is not there")
    assert verdict.mend.startswith("plug it in")
    assert time.monotonic() - began < filming.PATIENCE


def test_a_camera_that_the_running_show_holds_is_not_opened() -> None:
    metrics = (
        'murai_camera_state{camera="street",state="connecting"} 0.0\n'
        'murai_camera_state{camera="street",state="live"} 1.0\n'
        'murai_camera_state{camera="door",state="live"} 0.0\n'
        'murai_camera_state{camera="door",state="slate"} 1.0\n'
    )
    spec = V4l2Camera(kind="v4l2", device="/dev/video97")
    found = {
        name: only(filming.camera(a_case(metrics=metrics), PlannedCamera(name, spec)))
        for name in ("street", "door")
    }
    assert found["street"].state == "ok"
    assert found["door"].found == "slate in the running show, which holds it"


# ---- disk -------------------------------------------------------------------------------------


def recorded(folder: Path, **keys: Any) -> PlannedOutput:
    spec = RecordingOutput(kind="recording", fps=30, crf=20, **keys)
    return PlannedOutput("film", spec, a_canvas(), folder / "{show}-{date}-{time}.mp4")


def test_a_film_takes_what_its_pixels_take() -> None:
    day = storage.per_day(recorded(Path("/tmp")), 3600)
    assert day == pytest.approx(0.25 / 8 * 1920 * 1080 * 30 * 3600)
    assert storage.per_day(replace_crf(recorded(Path("/tmp")), 26), 3600) == pytest.approx(day / 2)
    assert storage.bound(recorded(Path("/tmp"), keep="7d"), 10.0) == pytest.approx(70)
    assert storage.bound(recorded(Path("/tmp"), keep="7d", max="2MB"), 10e6) == 2e6
    assert storage.bound(recorded(Path("/tmp")), 10.0) is None


def replace_crf(output: PlannedOutput, crf: int) -> PlannedOutput:
    return replace(output, spec=output.spec.model_copy(update={"crf": crf}))


@pytest.mark.parametrize(
    ("free", "keys", "state", "words"),
    [
        (10**13, {}, "ok", "enough for 60 days"),
        (3 * 10**11, {}, "warn", "full in 1.8 days"),
        (3 * 10**11, {"max": "20GB"}, "ok", "deletes the oldest in time"),
        (3 * 10**11, {"keep": "7d"}, "warn", "full in 1.8 days"),
        (5 * 10**8, {"max": "100MB"}, "bad", "less than 1.0 GB"),
        (4 * 10**9, {"max": "100MB", "free": "5GB"}, "bad", "less than 5.0 GB"),
    ],
)
def test_how_long_the_disk_lasts(
    tmp_path: Path, monkeypatch, free: int, keys: dict[str, str], state: str, words: str
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    verdict = only(storage.room(a_case(tmp_path, outputs=(recorded(tmp_path, **keys),))))
    assert (verdict.state, words in verdict.found) == (state, True), verdict


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path / "films")
    (tmp_path / "films").mkdir()
    case = a_case(tmp_path, outputs=(recorded(tmp_path / "films"),))
    verdict = only(storage.rights(case))
    assert (verdict.name, verdict.state) == ("folder of film", "bad")
    assert str(tmp_path / "films") in verdict.mend
    assert only(storage.rights(a_case(tmp_path))).state == "ok"


# ---- machine ----------------------------------------------------------------------------------

NOON = 1_795_435_200.0


@pytest.mark.parametrize(
    ("kept", "now", "state", "words"),
    [
        (Kept(True, 0.0001, 0.012), NOON, "ok", "kept right to 12 ms"),
        (Kept(True, 0.0, 4.0), NOON, "warn", "right to 4.0 s only"),
        (Kept(False, 0.0, 16.0), NOON, "warn", "nothing keeps it right"),
        (None, NOON, "skip", "does not tell"),
        (Kept(True, 0.0, 0.01), 1_000_000_000.0, "bad", "2001"),
    ],
)
def test_the_clock(kept: Kept | None, now: float, state: str, words: str) -> None:
    verdict = clock.judged(kept, now, a_case())
    assert (verdict.state, words in verdict.found) == (state, True), verdict


def test_the_kernel_is_asked_for_its_clock() -> None:
    kept = clock.asked_kernel()
    assert kept is None or (abs(kept.offset) < 1.0 and 0 <= kept.most <= 100)


def test_a_show_goes_by_the_clock_of_its_place(tmp_path: Path) -> None:
    local = tmp_path / "localtime"
    zone = tmp_path / "zoneinfo/Europe/Berlin"
    zone.parent.mkdir(parents=True)
    zone.touch()
    local.symlink_to(zone)
    there = a_case(place=PlannedPlace(45.5, -73.5, "America/Montreal"))
    words = "the show goes by America/Montreal, the machine's own is Europe/Berlin"
    assert only(clock.zone(there, local)).found == words
    nowhere = a_case(place=PlannedPlace(0, 0, "UTC", known=False))
    assert only(clock.zone(nowhere, local)).state == "warn"


@pytest.mark.parametrize(
    ("governor", "driver", "prefers", "state"),
    [
        ("performance", "acpi-cpufreq", "", "ok"),
        ("powersave", "acpi-cpufreq", "", "warn"),
        ("powersave", "intel_pstate", "balance_performance", "ok"),
        ("powersave", "intel_pstate", "power", "warn"),
        ("", "", "", "skip"),
    ],
)
def test_a_processor_that_saves_power(
    tmp_path: Path, governor: str, driver: str, prefers: str, state: str
) -> None:
    folder = tmp_path / "cpu0/cpufreq"
    folder.mkdir(parents=True)
    (folder / "scaling_governor").write_text(governor)
    (folder / "scaling_driver").write_text(driver)
    if prefers:
        (folder / "energy_performance_preference").write_text(prefers)
    assert only(machine.governor(NOWHERE, tmp_path)).state == state


def test_a_processor_that_was_too_hot(tmp_path: Path) -> None:
    count = tmp_path / "cpu0/thermal_throttle/core_throttle_count"
    count.parent.mkdir(parents=True)
    count.write_text("17\n")
    verdict = only(machine.heat(NOWHERE, tmp_path))
    assert verdict.state == "warn"
    assert "slowed down 17 times" in verdict.found


# ---- secrets, ports, streams ------------------------------------------------------------------


def test_secrets_that_others_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "murai-show"
    folder.mkdir()
    token = folder / "control_token"
    token.write_text("0123456789abcdef-secret")
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    case = a_case(control=Address("127.0.0.1", 0))
    token.chmod(0o644)
    found = list(access.credentials(case, environ))
    assert [v.state for v in found] == ["bad", "bad"]
    assert f"chmod 600 {token}" in found[0].mend
    token.chmod(0o600)
    assert [v.state for v in access.credentials(case, environ)] == ["ok", "ok"]
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    token.unlink()
    found = list(access.credentials(case, environ))
    assert [v.state for v in found] == ["bad", "skip"]
    assert "openssl rand" in found[0].mend


def test_a_port_that_is_free_taken_or_the_shows_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address("127.0.0.1", server.getsockname()[1])
        assert access.port("metrics", address, runs=False).state == "bad"
        assert access.port("metrics", address, runs=True).state == "ok"
    assert access.port("metrics", address, runs=False).state == "ok"
    assert access.port("metrics", Address("192.0.2.1", 9475), runs=False).state == "bad"


def test_a_stream_and_its_server() -> None:
    def judged(url: str) -> Verdict:
        spec = StreamOutput(kind="stream", url=url)
        return only(access.stream(NOWHERE, PlannedOutput("live", spec, None)))

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert judged(f"rtmp://127.0.0.1:{port}/live/abc").state == "ok"
    verdict = judged(f"rtmp://127.0.0.1:{port}/live/sekret")
    assert verdict.state == "warn"
    assert "Connection refused" in verdict.found
    assert "sekret" not in verdict.found + verdict.mend
    assert judged("udp://127.0.0.1:5000").state == "skip"


# ---- service ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "state", "mend"),
    [
        ("LoadState=not-found", "skip", "murai-show install"),
        ("LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNRestarts=0", "ok", ""),
        (
            "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNRestarts=9",
            "warn",
            "journalctl",
        ),
        (
            "LoadState=loaded\nActiveState=active\nUnitFileState=disabled",
            "warn",
            "systemctl enable",
        ),
        ("LoadState=loaded\nActiveState=failed\nUnitFileState=enabled", "bad", "journalctl"),
        (
            "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled",
            "warn",
            "systemctl start",
        ),
    ],
)
def test_the_unit(tmp_path: Path, monkeypatch, facts: str, state: str, mend: str) -> None:
    """A program called systemctl that answers as systemd 252 does."""
    tool = tmp_path / "systemctl"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{facts}\nEND\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    verdict = only(service.unit(a_case(), booted=tmp_path))
    assert verdict.state == state
    assert verdict.mend.startswith(mend)


def test_a_journal_that_is_forgotten(tmp_path: Path) -> None:
    assert only(service.journal(NOWHERE, tmp_path, tmp_path / "journal")).state == "warn"
    (tmp_path / "journal").mkdir()
    assert only(service.journal(NOWHERE, tmp_path, tmp_path / "journal")).state == "ok"
    assert only(service.journal(NOWHERE, tmp_path / "no", tmp_path)).state == "skip"


def test_file_cameras_are_opened_too(tmp_path: Path, hasty) -> None:
    spec = FileCamera(kind="file", path=str(tmp_path / "gone.mp4"))
    verdict = only(filming.camera(a_case(), PlannedCamera("film", spec)))
    assert verdict.state == "bad"
    assert "gone.mp4" in verdict.found
