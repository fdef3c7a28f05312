"""A network camera is pulled out of a running show and put back: what does the wall show?

A clip is served over RTSP on loopback, filmed by a real `murai-show run`, cut for some seconds and
served again.  The table says, twice a second, how the camera stood and how many pictures had been
presented; the recording is kept, so that it can be looked at.

    python bench/outage.py CLIP.mp4 [--before 8] [--cut 5] [--after 8] [--out folder] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from fractions import Fraction
from pathlib import Path

import av
from prometheus_client.parser import text_string_to_metric_families

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.rtsp_server import RtspServer  # noqa: E402 - the server is the tests' own

SHOW = """\
murai: 1
show: outage
cameras:
  crowd: {kind: stream, url: "rtsp://127.0.0.1:PORT/crowd", hold: 2s, read_timeout: 1s}
bank: first
playlists:
  all: {styles: [wave, starry, kandinsky, delaunay], each: 5s, fade: 1s}
play: {playlist: all, paint: 480x272}
outputs:
  wall: {kind: offscreen, size: 1280x720}
  film: {kind: recording, of: wall, path: "outage-{time}.mp4"}
metrics: 127.0.0.1:0
"""


def access_units(clip: Path) -> tuple[list[bytes], int]:
    """The clip's first 20 s again as H.264 without B-frames, and its frame rate."""
    with av.open(str(clip)) as film:
        video = film.streams.video[0]
        rate = video.average_rate or Fraction(25)
        fps = round(float(rate))
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = video.width, video.height, "yuv420p"
        encoder.framerate, encoder.time_base = Fraction(fps), 1 / rate
        encoder.options = {"preset": "veryfast", "tune": "zerolatency", "g": "25", "bf": "0"}
        units: list[bytes] = []
        for number, frame in enumerate(film.decode(video)):
            if number == 20 * fps:
                break
            frame.pts = number
            units += [bytes(p) for p in encoder.encode(frame.reformat(format="yuv420p"))]
        return units + [bytes(p) for p in encoder.encode(None)], fps


def scrape(url: str) -> dict[str, object]:
    """How the camera stands and how much was presented."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback
        families = text_string_to_metric_families(answer.read().decode())
    found: dict[str, object] = {}
    for sample in (s for family in families for s in family.samples):
        if sample.name == "murai_camera_state" and sample.value:
            found["state"] = sample.labels["state"]
        if sample.name == "murai_frames_total" and sample.labels["name"] in ("painter", "wall"):
            found[sample.labels["stage"]] = int(sample.value)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("clip", type=Path)
    for name, default in (("before", 8.0), ("cut", 5.0), ("after", 8.0)):
        options.add_argument(f"--{name}", type=float, default=default)
    options.add_argument("--out", type=Path, default=Path("recordings"))
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    server = RtspServer(*access_units(given.clip)).start()
    (given.out / "outage.yaml").write_text(SHOW.replace("PORT", str(server.port)))
    show = subprocess.Popen(
        [sys.executable, "-m", "murai_show", "run", "outage.yaml"],
        cwd=given.out,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert show.stderr is not None
    url = next(w for line in show.stderr for w in line.split() if w.startswith("http://"))
    rows: list[dict[str, object]] = []
    while scrape(url).get("painted", 0) == 0:
        time.sleep(0.1)
    begun = time.monotonic()
    end = given.before + given.cut + given.after
    cut = back = False
    while (now := time.monotonic() - begun) < end:
        if not cut and now >= given.before:
            server.cut()
            cut = True
        if not back and now >= given.before + given.cut:
            server.start()
            back = True
        rows.append({"s": round(now, 1), "served": not cut or back, **scrape(url)})
        time.sleep(0.5)
    show.send_signal(signal.SIGTERM)
    _, log = show.communicate(timeout=20)
    if given.json:
        print(json.dumps({"rows": rows, "log": log}))
        return
    page = (
        "{s:5.1f} s  served {served!s:5}  {state:10}  painted {painted:4}  presented {presented:4}"
    )
    for row in rows:
        print(page.format(**row))
    print(log)


if __name__ == "__main__":
    main()
