"""A live server, scraped over a real socket, read by Prometheus's own tools where they are here."""

import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from murai_show.edge.metrics import Identity, MetricsServer
from murai_show.errors import MuraiError
from murai_show.loop.mailbox import Degraded, Mailbox, Status
from murai_show.loop.tally import Tally
from murai_show.ports import CameraHealth
from murai_show.show.timeline import Look
from murai_show.show.words import Address

IDENTITY = Identity(
    "up375",
    "0123456789ab",
    "0.1.0",
    "pytorch",
    ("starry", "wave"),
    {"taken": 4},
    broken={"painted": True, "frozen_after": False},
)


WAVE = Look((("wave", 1.0),))


def a_status(at: float = 100.0, look: Look = WAVE, presented: int = 7) -> Status:
    tally = Tally()
    for seconds in (0.003, 0.02, 0.4, 9.0):
        tally.painted(seconds)
        tally.presented("facade", seconds / 10, seconds)
    counts = tally.read()
    health = CameraHealth("live", 0.04, 123, 2, {"superseded": 5}, "", frozen=True)
    return Status(
        at,
        look,
        {"square": health},
        counts.painted,
        {"facade": presented} if presented else {},
        {("square", "superseded"): 5, ("film", "encoder busy"): 1},
        {"painter": 1},
        counts.seconds,
        counts.glass,
        recoveries=3,
        connected={"live": True},
        reconnects={"live": 2},
        flashes=5,
        degraded=Degraded(1, ("full", "paint 0.75", "slate")),
        painting=0.5,
    )


@pytest.fixture
def server():
    mailbox = Mailbox()
    server = MetricsServer(Address("127.0.0.1", 0), mailbox, lambda: IDENTITY, lambda: 101.0)
    yield server, mailbox
    server.close()


def get(server: MetricsServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{server.address}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (s.name, tuple(sorted(s.labels.items()))): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_a_scrape_says_what_the_status_says(server) -> None:
    running, mailbox = server
    mailbox.publish(a_status())
    code, text = get(running, "/metrics")
    assert code == 200
    found = samples(text)
    for name, labels, value in [
        ("murai_frames_total", {"stage": "captured", "name": "square"}, 123),
        ("murai_frames_total", {"stage": "painted", "name": "painter"}, 4),
        ("murai_frames_total", {"stage": "presented", "name": "facade"}, 7),
        ("murai_drops_total", {"name": "film", "reason": "encoder busy"}, 1),
        ("murai_errors_total", {"part": "painter"}, 1),
        ("murai_gpu_recoveries_total", {}, 3),
        ("murai_output_connected", {"output": "live"}, 1),
        ("murai_output_reconnects_total", {"output": "live"}, 2),
        ("murai_flashes_limited_total", {}, 5),
        ("murai_degraded_rung", {}, 1),
        ("murai_degraded_step", {"step": "paint 0.75"}, 1),
        ("murai_degraded_step", {"step": "slate"}, 0),
        ("murai_expect_broken", {"what": "painted"}, 1),
        ("murai_expect_broken", {"what": "frozen_after"}, 0),
        ("murai_reloads_total", {"result": "taken"}, 4),
        ("murai_reloads_total", {"result": "refused"}, 0),
        ("murai_camera_last_frame_age_seconds", {"camera": "square"}, 0.04),
        ("murai_camera_state", {"camera": "square", "state": "live"}, 1),
        ("murai_camera_state", {"camera": "square", "state": "slate"}, 0),
        ("murai_camera_frozen", {"camera": "square"}, 1),
        ("murai_painter_busy_seconds", {}, 0.5),
        ("murai_style_weight_ratio", {"style": "wave"}, 1),
        ("murai_style_weight_ratio", {"style": "starry"}, 0),
        ("murai_expected_lit", {}, 1),
        ("murai_glass_to_glass_seconds_count", {"output": "facade"}, 4),
        ("murai_glass_to_glass_seconds_bucket", {"output": "facade", "le": "0.025"}, 2),
        ("murai_glass_to_glass_seconds_bucket", {"output": "facade", "le": "+Inf"}, 4),
        ("murai_stage_seconds_sum", {"stage": "style"}, pytest.approx(9.423)),
    ]:
        assert found[name, tuple(sorted(labels.items()))] == value, name
    info = next(k for k in found if k[0] == "murai_show_info")
    assert dict(info[1])["config_hash"] == "0123456789ab"


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool (Debian: prometheus)")
@pytest.mark.parametrize("published", [True, False])
def test_promtool_finds_nothing_to_say(server, published: bool) -> None:
    running, mailbox = server
    if published:
        mailbox.publish(a_status())
    _, text = get(running, "/metrics")
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_health_before_the_loop_turns(server) -> None:
    running, _ = server
    assert get(running, "/livez") == (503, "the loop has not started\n")
    assert get(running, "/readyz")[0] == 503


def test_health_of_a_running_show(server) -> None:
    running, mailbox = server
    mailbox.publish(a_status())
    assert get(running, "/livez") == (200, "the loop last turned 1.0 s ago\n")
    assert get(running, "/readyz") == (200, "presenting\n")


def test_health_of_a_stuck_loop(server) -> None:
    running, mailbox = server
    mailbox.publish(a_status(at=90.0))
    assert get(running, "/livez") == (503, "the loop last turned 11.0 s ago\n")
    assert get(running, "/readyz")[0] == 503


def test_health_while_the_painter_hangs(server) -> None:
    """The presenter turns on, and shows one picture for ever."""
    running, mailbox = server
    mailbox.publish(replace(a_status(), painting=75.0))
    why = "the painter hangs: it has been at one picture for 75 s\n"
    assert get(running, "/livez") == (503, why)
    assert get(running, "/readyz") == (503, why)


def test_dark_by_plan_is_healthy(server) -> None:
    running, mailbox = server
    mailbox.publish(a_status(look=Look((), 0.0), presented=0))
    assert get(running, "/readyz") == (200, "dark by plan\n")
    assert samples(get(running, "/metrics")[1])["murai_expected_lit", ()] == 0


def test_nothing_presented_is_not_ready(server) -> None:
    running, mailbox = server
    mailbox.publish(a_status(presented=0))
    assert get(running, "/readyz") == (503, "nothing has been presented yet\n")


def test_other_paths_are_not_there(server) -> None:
    assert get(server[0], "/etc/passwd")[0] == 404


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(MuraiError, match=r"cannot listen on 127\.0\.0\.1:\d+: Address already"):
            MetricsServer(address, Mailbox(), lambda: IDENTITY, lambda: 0.0)


def test_ipv6() -> None:
    server = MetricsServer(Address("::1", 0), Mailbox(), lambda: IDENTITY, lambda: 0.0)
    try:
        assert get(server, "/livez")[0] == 503
    finally:
        server.close()
