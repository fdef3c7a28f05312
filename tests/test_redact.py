"""Secrets stay out of words, in every form that programs write them in."""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show import redact
from murai_show.redact import redacted, remember, scrubbed, scrubbed_values
from murai_show.show.plan import plan_show
from murai_show.support import without_values
from tests.show.machine import machine

SECRET = 'hunter2/With+Signs&"More"é'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        re.sub("%..", lambda sign: sign[0].lower(), quote(SECRET, safe="")),
        quote_plus(SECRET),
        json.dumps(SECRET),
        repr(SECRET),
    ],
)
def test_each_form_is_hidden(form: str) -> None:
    remember(SECRET)
    assert "hunter2" not in redacted(f"before {form} behind").lower()


@settings(deadline=None)  # a busy machine is no fault
@given(st.binary(max_size=9), st.text(min_size=8, max_size=30), st.binary(max_size=9))
def test_base64_hides_it_wherever_it_begins(before: bytes, secret: str, behind: bytes) -> None:
    redact._forms_of.clear()
    remember(secret)
    raw = before + secret.encode() + behind
    for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
        text = redacted(alphabet(raw).decode())
        assert redact.HIDDEN in text
        # What is left is too little to know a secret of eight characters by.
        assert len(text.replace(redact.HIDDEN, "")) <= 4 * (len(before) + len(behind) + 8) / 3 + 4


def test_a_short_word_spoils_no_sentence() -> None:
    remember("live")
    assert redacted("live again") == "live again"


def test_a_secret_that_was_percent_encoded_is_hidden_as_it_is_meant() -> None:
    remember("pass%2Fword%40home")
    assert redacted("login pass/word@home") == "login ***"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rtsp://guard:a/b@c@10.0.0.7/main", "rtsp://***@10.0.0.7/main"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: ***"),
        ('{"Authorization": "OAuth a=\\"1\\", b"}', '{"Authorization": ***'),
        ("sent Bearer abcdefghijklmnop123", "sent Bearer ***"),
        ("http://h/x?user=a&api_key=abc&b=2", "http://h/x?user=a&api_key=***&b=2"),
        ('access_token_secret = "q1w2e3"', 'access_token_secret = "***"'),
        ('"consumer_secret": "abcd1234"', '"consumer_secret": "***"'),
        ("X-API-KEY: 12345", "X-API-KEY: ***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----.", "***."),
    ],
)
def test_what_looks_like_a_secret_goes(text: str, found: str) -> None:
    assert scrubbed(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "password: must be in the environment",
        "control: it stays closed: the token in /etc/token is not its owner's alone",
        "url: ${CAM_URL:-http://h/x?token=${T}}",
        "password=${CAM_PASSWORD}",
        "metrics on http://127.0.0.1:9475/metrics",
        "tokens: { crowd: { scream: 0.5 } }",
        "key: space",
    ],
)
def test_a_sentence_stays(text: str) -> None:
    assert scrubbed(text) == text


@pytest.mark.parametrize(
    "piece",
    ["x", "a-", "x_", "token", "token ", "token-: ", "://", "://a", "?key=", "bearer ", " ", "=",
     "authorization: ", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "1", "password: 1", "\\n\"'"],
)  # fmt: skip
def test_a_line_of_any_words_is_scrubbed_in_the_time_of_its_length(piece: str) -> None:
    """A log is written by the threads of the show.  What is quadratic takes minutes for these."""
    began = time.process_time()
    scrubbed(piece * (200_000 // len(piece)))
    without_values(piece * (200_000 // len(piece)))
    assert time.process_time() - began < 5


def test_values_of_json_are_scrubbed_at_every_depth() -> None:
    remember(SECRET)
    found = scrubbed_values({SECRET: [1, None, True, {"a": (SECRET, Path("/tmp") / SECRET)}]})
    assert "hunter2" not in json.dumps(found)
    assert found["***"][:3] == [1, None, True]


SHOW = """\
murai: 1
show: small
cameras:
  gate:
    kind: stream
    url: rtsp://guard:${GATE}@10.0.0.7/main
  door:
    kind: stream
    url: ${DOOR_URL}
  roof:
    kind: stream
    url: http://10.0.0.9/x?channel=${CHANNEL}&token=${ROOF}
bank: {name: first, engine: pytorch}
playlists:
  all: {styles: [wave]}
play: {playlist: all, camera: gate}
outputs:
  wall: {kind: memory}
  live: {kind: stream, url: "rtmp://host/live/${STREAM}"}
  more: {kind: stream, url: "${WHOLE}"}
"""


def test_what_a_show_takes_from_the_environment_is_remembered(tmp_path: Path) -> None:
    show = tmp_path / "small.yaml"
    show.write_text(SHOW)
    environ = {
        "GATE": "gate-pa55word",
        "DOOR_URL": "rtsp://guard:door-pa55word@10.0.0.8/main",
        "ROOF": "roof-pa55word",
        "CHANNEL": "channel-number-one",
        "STREAM": "stream-pa55word",
        "WHOLE": "rtmp://host/live/whole-pa55word",
    }
    plan_show(show, machine(tmp_path), environ)
    for name in ("gate", "door", "roof", "stream", "whole"):
        assert redacted(f"{name}-pa55word") == "***", name
    assert redacted("channel-number-one") == "channel-number-one"
    assert redacted("10.0.0.8 guard stream host live") == "10.0.0.8 guard stream host live"
