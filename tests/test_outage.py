"""A whole show, as its own process, whose network camera is pulled out and put back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.banks import write_small_bank
from tests.plans import DATA, REPOSITORY
from tests.rtsp_server import RtspServer, encode
from tests.test_cli import fetch, frames, wait_until

SHOW = """\
murai: 1
show: outage
cameras:
  crowd:
    kind: stream
    url: rtsp://eve:${CAM_PASSWORD}@127.0.0.1:PORT/crowd
    hold: 300ms
    read_timeout: 500ms
bank: {name: small, engine: identity}
playlists:
  all: {styles: [a], each: 1h}
play: {playlist: all, paint: 160x96}
outputs:
  wall: {kind: offscreen, size: 160x96}
  film: {kind: recording, of: wall, path: film.mp4}
metrics: 127.0.0.1:0
"""


def samples(url: str) -> dict[tuple[str, ...], float]:
    return {
        (s.name, *sorted(s.labels.values())): s.value
        for family in text_string_to_metric_families(fetch(url))
        for s in family.samples
    }


def test_a_camera_is_cut_and_comes_back_and_the_wall_never_stops(tmp_path: Path) -> None:
    server = RtspServer(encode(160, 96, 50), 25, "eve", "s3cret-w0rd").start()
    write_small_bank(tmp_path / "models/small.safetensors")
    (tmp_path / "outage.yaml").write_text(SHOW.replace("PORT", str(server.port)))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CAM_PASSWORD": "s3cret-w0rd"}
    show = subprocess.Popen(
        [sys.executable, "-m", "murai_show", "run", "outage.yaml"],
        cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert show.stderr is not None
        heard = []
        for line in show.stderr:
            heard.append(line)
            if "http://" in line:
                break
        url = heard[-1].split()[-1]

        def stands(state: str) -> bool:
            return samples(url).get(("murai_camera_state", "crowd", state)) == 1

        def presented() -> float:
            return samples(url).get(("murai_frames_total", "presented", "wall"), 0.0)

        wait_until(lambda: stands("live"))
        server.cut()
        before = presented()
        wait_until(lambda: stands("slate"))
        dark = presented()
        assert dark > before
        wait_until(lambda: presented() > dark + 10)
        server.start()
        wait_until(lambda: stands("live"))
        back = presented()
        wait_until(lambda: presented() > back + 10)
        assert samples(url)["murai_camera_reconnects_total", "crowd"] == 1
        page = fetch(url)
        show.send_signal(signal.SIGTERM)
        out, err = show.communicate(timeout=20)
    finally:
        show.kill()
    assert show.returncode == 0, err
    for text in (out, err, page, *heard):
        assert "s3cret" not in text
    pictures = frames(tmp_path / "film.mp4")
    grey = [bool(np.ptp(p.mean(2)[:, 4]) < 12) for p in pictures]  # the camera's, flat in a column
    assert grey[-1], "the film does not end on the camera"
    assert not all(grey), "the slate is not in the film"


@pytest.mark.skipif(not (DATA / "clips").is_dir(), reason="../shared/data/clips is not here")
def test_the_demo_films_a_real_clip(tmp_path: Path) -> None:
    clip = DATA / "clips/bikes.mp4"
    ran = subprocess.run(
        [sys.executable, "-m", "murai_show", "run", "demo", "--for", "3s",
         "--camera", f"hall={clip}", "--json"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True, text=True, check=True, timeout=300,  # engines are built
    )  # fmt: skip
    assert '"painted": ' in ran.stdout
    assert len(frames(next((tmp_path / "recordings").iterdir()))) > 1
