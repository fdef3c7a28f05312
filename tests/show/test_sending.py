"""The words of outputs that send and keep, and what a plan makes of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murai_show.errors import ShowError
from murai_show.show.changes import changes
from murai_show.show.plan import Plan, plan_show
from murai_show.show.report import plan_to_json, plan_to_text
from murai_show.show.schema import OffscreenOutput
from murai_show.show.secret import redacted
from murai_show.show.sending import (
    parse_bitrate,
    parse_bytes,
    parse_stream_url,
    write_bitrate,
    write_bytes,
)
from murai_show.show.words import FromEnviron, parse_duration, write_duration
from tests.show.machine import GOOD, machine, write

KEY = "live_4711_s3cret"
ENVIRON = {"KEY": KEY, "WORD": "pa55word", "WHOLE": f"rtmp://u:pa55word@h.org/live/{KEY}?x=y"}


def planned(tmp_path, outputs: str, rehearse: bool = False, **facts) -> Plan:
    text = GOOD.replace("  wall: { kind: offscreen }\n", outputs)
    return plan_show(write(tmp_path, text), machine(tmp_path, **facts), ENVIRON, rehearse=rehearse)


def told(tmp_path, outputs: str, **facts) -> str:
    with pytest.raises(ShowError) as error:
        planned(tmp_path, outputs, **facts)
    (problem,) = error.value.problems
    return problem.text


@given(st.integers(1_000_000, 10**15))
def test_amounts_are_read_as_they_are_written(amount) -> None:
    assert parse_bytes(write_bytes(amount)) == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [("20GB", 20 * 10**9), ("500 MB", 5 * 10**8), ("1.5TB", 15 * 10**11), ("16GiB", 16 << 30)],
)
def test_amounts(text, amount) -> None:
    assert parse_bytes(text) == amount
    assert write_bytes(amount) == text.replace(" ", "").replace("1.5TB", "1500GB")


@given(st.integers(100_000, 200_000_000))
def test_bit_rates_are_read_as_they_are_written(rate) -> None:
    assert parse_bitrate(write_bitrate(rate)) == rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [("4M", 4_000_000), ("2.5M", 2_500_000), ("800k", 8e5), ("105485.5k", 105_485_500)],
)
def test_bit_rates(text, rate) -> None:
    assert (parse_bitrate(text), write_bitrate(int(rate))) == (rate, text)


def test_days_are_durations() -> None:
    assert parse_duration("7d") == 7 * 86400
    assert parse_duration("1d12h") == 36 * 3600
    assert [write_duration(parse_duration(t)) for t in ("7d", "48h", "1d")] == ["7d", "2d", "24h"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"rtmp://h.org/live/{KEY[:8]}", "rtmp://h.org/live/***"),
        ("rtsp://h.org:8554/wall", "rtsp://h.org:8554/wall"),
        ("udp://239.0.0.1:5000?ttl=2", "udp://239.0.0.1:5000?***"),
        (FromEnviron(f"rtmp://h/live/{KEY}", "rtmp://h/live/${KEY}"), "rtmp://h/live/${KEY}"),
        (
            FromEnviron(f"rtmps://u:pa55word@h/{KEY}/wall", "rtmps://u:${WORD}@h/${KEY}/wall"),
            "rtmps://u:${WORD}@h/${KEY}/***",
        ),
        (FromEnviron(ENVIRON["WHOLE"], "${WHOLE}"), "rtmp://***@h.org/***"),
        (FromEnviron(f"srt://h:1?passphrase={KEY}", "srt://h:1?passphrase=${KEY}"),
         "srt://h:1?passphrase=${KEY}"),
    ],
)  # fmt: skip
def test_a_url_shows_no_secret(url, shown) -> None:
    found = parse_stream_url(url)
    assert str(found) == shown
    assert found.reveal() == str.__str__(url)
    assert repr(found) == f"Url({shown})"


def test_what_ffmpeg_says_is_told_without_secrets() -> None:
    """Of whoever's sentence: the user, the password, the query, the key of the stream."""
    url = parse_stream_url(FromEnviron(ENVIRON["WHOLE"], "${WHOLE}"))
    said = redacted(f"{ENVIRON['WHOLE']}: no stream {KEY} for u:pa55word", url)
    assert said == "rtmp://***@h.org/***: no stream *** for ***"


STREAM = "  live: { kind: stream, url: 'rtmp://h.org/live/${KEY}', bitrate: 6M }\n"


def test_a_plan_shows_no_secret(tmp_path) -> None:
    plan = planned(tmp_path, STREAM)
    spec = plan.outputs[0].spec
    assert (spec.url.reveal(), spec.bitrate, spec.keyframes) == (
        f"rtmp://h.org/live/{KEY}", 6_000_000, 2.0)  # fmt: skip
    for text in (json.dumps(plan_to_json(plan)), plan_to_text(plan), repr(plan)):
        assert "rtmp://h.org/live/${KEY}" in text
        assert KEY not in text
    assert plan_to_json(plan)["outputs"][0]["bitrate"] == "6M"


def test_srt_wants_an_ffmpeg_that_has_it(tmp_path) -> None:
    srt = "  live: { kind: stream, url: 'srt://h.org:9000' }\n"
    assert planned(tmp_path, srt).outputs, "check asks no FFmpeg"
    assert planned(tmp_path, srt, speaks=lambda protocol: protocol == "srt").outputs
    assert told(tmp_path, srt, speaks=lambda _: False).startswith(
        "url: srt: the FFmpeg inside PyAV is built without SRT here; send rtmp, rtsp, udp or tcp"
    )
    assert planned(tmp_path, STREAM, speaks=lambda _: False).outputs, "only SRT is asked for"


def test_a_virtual_camera_wants_its_device(tmp_path) -> None:
    output = "  cam: { kind: virtual_camera, device: /dev/video10 }\n"
    assert planned(tmp_path, output).outputs, "check looks for no device"
    assert planned(tmp_path, output, loopback=lambda _: "").outputs
    assert told(tmp_path, output, loopback=lambda _: "is not there; load the module") == (
        "device: '/dev/video10' is not there; load the module; "
        "murai-show run --rehearse plays the show without it"
    )


def test_a_rehearsal_sends_nothing(tmp_path) -> None:
    """And needs neither the key nor the device."""
    outputs = "  live: { kind: stream, url: 'rtmp://h.org/live/${UNSET_KEY}', size: 320x180 }\n"
    outputs += "  cam: { kind: virtual_camera, device: '${UNSET_DEVICE}', fps: 12 }\n"
    lacks = {"speaks": lambda _: False, "loopback": lambda _: "is not there"}
    plan = planned(tmp_path, outputs, rehearse=True, **lacks)
    live, cam = plan.outputs
    assert isinstance(live.spec, OffscreenOutput)
    assert isinstance(cam.spec, OffscreenOutput)
    assert (live.stands_for, cam.stands_for, cam.spec.fps) == ("stream", "virtual_camera", 12)
    assert str(live.canvas.size) == "320x180"
    assert any("stands in for stream" in note for note in plan.notes)


def test_a_rehearsal_tells_no_secret(tmp_path) -> None:
    plan = planned(tmp_path, STREAM, rehearse=True)
    note = "output live: an offscreen canvas stands in for stream rtmp://h.org/live/${KEY}"
    assert note in plan.notes


def test_another_key_is_another_stream(tmp_path) -> None:
    """Though both look the same to a reader."""
    one = planned(tmp_path, STREAM)
    other = replace(one.outputs[0], spec=one.outputs[0].spec.model_copy(
        update={"url": parse_stream_url(FromEnviron("rtmp://h.org/live/new",
                                                    "rtmp://h.org/live/${KEY}"))}))  # fmt: skip
    newer = replace(one, outputs=(other,))
    assert changes(one, newer).opened == ("live",)
    assert not changes(one, one)


def test_keeping_is_planned(tmp_path) -> None:
    output = "  film: { kind: recording, segment: 15m, keep: 7d, max: 20GB, free: 5GB }\n"
    plan = planned(tmp_path, output)
    spec = plan.outputs[0].spec
    assert (spec.segment, spec.keep, spec.max, spec.free) == (900, 604800, 20 * 10**9, 5 * 10**9)
    found = plan_to_json(plan)["outputs"][0]
    assert [found[k] for k in ("segment", "keep", "max", "free")] == ["15m", "7d", "20GB", "5GB"]


def test_the_hour_of_the_self_check(tmp_path) -> None:
    assert planned(tmp_path, "  wall: { kind: offscreen }\n").selfcheck == "12:00"
    text = GOOD.replace("show: wall", "show: wall\nselfcheck: off")
    assert plan_show(write(tmp_path, text), machine(tmp_path), {}).selfcheck == "off"
