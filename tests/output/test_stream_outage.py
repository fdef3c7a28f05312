"""A whole show that streams: the server is cut off, falls silent and comes back, and the wall
beside it never notices."""

from __future__ import annotations

import threading
import time
import urllib.request
from itertools import pairwise
from statistics import median

import pytest

from murai_show.app import run_show
from murai_show.output import stream as stream_module
from murai_show.output.memory import Memory
from murai_show.show.words import Address
from tests.output.listening import Mute, goal, listening
from tests.output.planning import a_canvas, an_output, until
from tests.plans import a_plan
from tests.ports import free_port


@pytest.fixture
def presented(monkeypatch) -> list[float]:
    """When the wall beside the stream was shown a picture."""
    times: list[float] = []
    show = Memory.show
    monkeypatch.setattr(
        Memory, "show", lambda *given: (times.append(time.monotonic()), show(*given))[1]
    )
    return times


def test_the_wall_beside_a_stream_never_waits(egl, presented, monkeypatch) -> None:
    monkeypatch.setattr(stream_module, "OPEN_WITHIN", 4.0)
    port, metrics, stop = free_port(), free_port(), threading.Event()
    outputs = (
        an_output("memory", fps=30),
        an_output("stream", a_canvas(160, 90), url=goal("rtmp", port), fps=20, bitrate="500k"),
    )
    plan = a_plan(outputs=outputs, metrics=Address("127.0.0.1", metrics))

    def scrape(name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0.0)

    def the_server_comes_and_goes() -> None:
        try:
            with listening("rtmp", port) as server:
                until(lambda: len(server.seen) >= 5, 60)
                server.cut()
                until(lambda: scrape("murai_output_connected") == 0.0)
            mute = Mute(port)
            try:
                until(lambda: len(mute.taken) >= 2, 60)  # each was waited for
            finally:
                mute.close()
            with listening("rtmp", port) as server:
                until(lambda: len(server.seen) >= 5, 60)
                until(lambda: scrape("murai_output_reconnects_total") == 1.0)
                until(lambda: scrape('murai_drops_total{name="my-stream",reason="offline"}') > 0)
            done.append(True)
        finally:
            stop.set()

    done: list[bool] = []
    server = threading.Thread(target=the_server_comes_and_goes)
    server.start()
    report = run_show(plan, 180.0, stop)
    server.join()
    assert done
    assert report.status.drops["my-stream", "offline"] > 0
    settled = presented[15:]  # shaders are compiled at the first
    gaps = [b - a for a, b in pairwise(settled)]
    assert median(gaps) == pytest.approx(1 / 30, rel=0.1)
    # A busy machine may hold back a turn; the server that says nothing is waited for 4 s each time.
    assert max(gaps) < 2.0
