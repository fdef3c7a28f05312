"""The archive for who helps: everything that helps, and not one secret in any form."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from murai_show import redact
from murai_show.support import Request, counted, learn_secrets, without_values, write_archive
from tests.banks import write_small_bank
from tests.plans import REPOSITORY, a_plan
from tests.ports import free_port

SECRETS = {
    "CAM_PASSWORD": "canary-cam%2Fpa55word",
    "STREAM_KEY": "canary-stream-k3y",
    "WHOLE_URL": "rtsp://guard:canary-whole-pa55@127.0.0.1:9/x?token=canary-query-t0ken",
}
TOKEN = "canary-control-t0ken-0123456789"
FILES = {
    "x": "consumer_key = canary-consumer-k3y\naccess_token_secret: 'canary/access+s3cret'\n",
    "bluesky": '{"handle": "wall.example", "app_password": "canary-app-pa55"}',
    "control_token": f"{TOKEN}\n",
}
VALUES = (
    "canary-cam%2Fpa55word",
    "canary-cam/pa55word",
    "canary-stream-k3y",
    "canary-whole-pa55",
    "canary-query-t0ken",
    TOKEN,
    "canary-consumer-k3y",
    "canary/access+s3cret",
    "canary-app-pa55",
)
SHOW = """\
murai: 1
show: canary
cameras:
  gate: {kind: stream, url: "rtsp://guard:${CAM_PASSWORD}@127.0.0.1:9/main", open_timeout: 1s}
  whole: {kind: stream, url: "${WHOLE_URL}", open_timeout: 1s}
views:
  both: {kind: side_by_side, cameras: [gate, whole]}
bank: {name: small, engine: identity}
playlists:
  all: {styles: [a]}
play: {playlist: all, camera: both, paint: 160x90}
outputs:
  wall: {kind: memory}
  live: {kind: stream, size: 160x90, url: "rtmp://127.0.0.1:9/live/${STREAM_KEY}"}
metrics: "127.0.0.1:METRICS"
control: "127.0.0.1:CONTROL"
"""


def forms(secret: str) -> set[str]:
    """The ways in which programs write a secret.  Of base64 what is the same at each place."""
    found = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    found |= {json.dumps(secret)[1:-1], secret[::-1], secret.encode().hex()}
    for before in (b"", b"a", b"ab"):
        whole = base64.b64encode(before + secret.encode()).decode()
        found.add(whole[4:-4])
    return found


def leaks(text: str) -> list[str]:
    return [form for secret in VALUES for form in forms(secret) if form in text]


def members(archive: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as opened:
        return {
            info.name.partition("/")[2]: (opened.extractfile(info) or io.BytesIO()).read().decode()
            for info in opened.getmembers()
        }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_small_bank(tmp_path / "models/small.safetensors")
    text = SHOW.replace("METRICS", str(free_port())).replace("CONTROL", str(free_port()))
    (tmp_path / "canary.yaml").write_text(text)
    secrets = tmp_path / ".config/murai-show"
    secrets.mkdir(parents=True)
    for name, content in FILES.items():
        (secrets / name).write_text(content)
        (secrets / name).chmod(0o600)
    state = tmp_path / ".local/state/murai-show/canary/outbox"
    state.mkdir(parents=True)
    with sqlite3.connect(state / "outbox.sqlite") as database:
        database.execute("create table items (state text, caption text)")
        rows = [("posted", "Ada, 7 years old"), ("queued", "Bob"), ("posted", "Eve")]
        database.executemany("insert into items values (?, ?)", rows)
    return tmp_path


def careless(folder: Path) -> None:
    """A journal in which some library wrote every secret, in every way."""
    lines = [f"rtsp://guard:{secret}@h Authorization: {secret}" for secret in VALUES]
    for secret in VALUES:
        basic = base64.b64encode(f"guard:{secret}".encode()).decode()
        lines += [secret, quote(secret, safe=""), quote_plus(secret), basic, json.dumps(secret)]
    (folder / "journalctl").write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
    (folder / "journalctl").chmod(0o755)


def test_a_real_night_with_failing_cameras_leaks_nothing(home: Path) -> None:
    """The show runs, its cameras and its stream refuse, and the archive is made meanwhile."""
    tools = home / "bin"
    tools.mkdir()
    careless(tools)
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "MURAI_"))},
        **SECRETS,
        "HOME": str(home),
        "PYTHONPATH": str(REPOSITORY),
        "PATH": f"{tools}:{os.environ['PATH']}",
        "MURAI_LOG": "json",
        "SOME_API_KEY": "canary-app-pa55",
    }
    program = [sys.executable, "-m", "murai_show"]
    run = subprocess.Popen(
        [*program, "-v", "run", "canary.yaml"],
        cwd=home,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        metrics = (home / "canary.yaml").read_text().partition('metrics: "')[2].partition('"')[0]
        wait_for(f"http://{metrics}/readyz")
        packed = subprocess.run(
            [*program, "support", "canary.yaml", "--out", "s.tar.gz"],
            cwd=home,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        run.send_signal(signal.SIGTERM)
        log, _ = run.communicate(timeout=20)
    assert stat.S_IMODE((home / "s.tar.gz").stat().st_mode) == 0o600
    found = members((home / "s.tar.gz").read_bytes())
    assert {"doctor.json", "show.yaml", "plan.json", "versions.txt", "log.txt"} <= set(found)
    assert "murai_show_info" in found["metrics.txt"]
    assert set(found) == {line.split()[0] for line in packed.stdout.splitlines()[:-1]}
    doctor = {v["name"]: v for v in json.loads(found["doctor.json"])["verdicts"]}
    assert doctor["camera gate"]["state"] == doctor["camera whole"]["state"] == "bad"
    assert doctor["port of metrics"]["found"].endswith("the show runs already, and listens")
    assert "canary.yaml" in doctor["show file"]["found"]
    (counts,) = json.loads(found["state.json"]).values()
    assert counts == {"items": {"posted": 2, "queued": 1}}
    assert "Ada" not in "".join(found.values())
    lost = [e for e in map(json.loads, filter(is_json, log.splitlines())) if "lost" in e["event"]]
    assert {e["args"][0] for e in lost} >= {"gate", "whole"}
    assert leaks(log) == []
    assert leaks(packed.stdout + packed.stderr) == []
    assert {name: leaks(text) for name, text in found.items() if leaks(text)} == {}


def is_json(line: str) -> bool:
    return line.startswith("{")


def wait_for(url: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} never answered")


def test_the_forms_that_are_looked_for_are_found_where_they_leak() -> None:
    """The canary sings: each form is seen in a text that has it."""
    for secret in VALUES:
        for form in forms(secret):
            assert leaks(f"before {form} behind"), form


def test_secrets_of_files_and_variables_are_learned(home: Path) -> None:
    environ = {**SECRETS, "HOME": str(home)}
    learn_secrets(environ)
    for secret in VALUES:
        assert secret not in redact.redacted(f"a {secret} b")


def test_a_broken_show_is_packed_without_its_passwords(home: Path) -> None:
    show = home / "broken.yaml"
    show.write_text("cameras:\n  a: {password: swordfish, fps: 30}\n  api_key: 'opensesame'\n")
    target = home / "b.tar.gz"
    write_archive(Request(show, None, {"good": False}, {"HOME": str(home)}), target)
    found = members(target.read_bytes())["show.yaml"]
    assert found == "cameras:\n  a: {password: ***, fps: 30}\n  api_key: ***\n"


def test_what_the_show_takes_from_the_environment_stays_readable() -> None:
    text = "url: rtsp://h/${NAME}\ntoken: ${TOKEN}\ntokens: { crowd: { wave: 1 } }\n"
    assert without_values(text) == text


def test_an_archive_that_is_there_is_not_written_over(home: Path) -> None:
    target = home / "there.tar.gz"
    target.write_text("mine")
    with pytest.raises(FileExistsError):
        write_archive(Request(home / "canary.yaml", a_plan(), {}, {}), target)
    assert target.read_text() == "mine"


def test_a_database_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(b"no database, but long enough to be taken for one" * 40)
    assert counted(path) == {"trouble": "file is not a database"}
