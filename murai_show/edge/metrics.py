"""Prometheus metrics, /livez, /readyz and further pages over HTTP."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from socketserver import TCPServer, ThreadingMixIn
from types import MappingProxyType
from typing import Literal
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from murai_show.errors import MuraiError
from murai_show.loop.mailbox import Histogram, Mailbox, Status
from murai_show.show.words import Address

log = logging.getLogger(__name__)

STALE_SECONDS = 5.0
STUCK_SECONDS = 60.0  # at one picture; a network that is compiled for a new size takes less
Result = Literal["taken", "refused"]
CAMERA_STATES = ("connecting", "live", "held", "slate")


@dataclass(frozen=True)
class Identity:
    """Who runs.  A reload may change all but the version, so it is asked for at each scrape.  Names
    come from the show file; URLs are never labels.  `reloads` counts the newer versions of the show
    by what became of them, `cues` how often each cue ran; `panic` says that one is on, `broken`
    what of the show's expectations is."""

    show: str
    config_hash: str
    version: str
    engine: str
    styles: tuple[str, ...]
    reloads: Mapping[Result, int] = field(default_factory=dict)
    cues: Mapping[str, int] = field(default_factory=dict)
    panic: bool = False
    broken: Mapping[str, bool] = field(default_factory=dict)


class ShowCollector(Collector):
    """Turns the newest status into metrics at the moment of a scrape."""

    def __init__(self, mailbox: Mailbox, identity: Callable[[], Identity]) -> None:
        self._mailbox = mailbox
        self._identity = identity

    def collect(self) -> Iterator[Metric]:
        who = self._identity()
        info = InfoMetricFamily("murai_show", "The show that runs and the hash of its file.")
        info.add_metric(
            (),
            {
                "show": who.show,
                "config_hash": who.config_hash,
                "version": who.version,
                "engine": who.engine,
            },
        )
        yield info
        yield _reloads(who)
        yield from _cues(who)
        status = self._mailbox.newest()
        if status is not None:
            yield from _frames(status)
            yield from _cameras(status)
            yield from _look(status, who.styles)
            yield from _times(status)
            yield from _links(status)
            yield from _guard(status, who.broken)


def _guard(status: Status, broken: Mapping[str, bool]) -> Iterator[Metric]:
    if status.degraded is not None:
        rung, words = status.degraded.rung, status.degraded.words
        yield GaugeMetricFamily(
            "murai_degraded_rung", "Steps that the show has given up; 0 is the whole.", value=rung
        )
        step = GaugeMetricFamily(
            "murai_degraded_step", "1 for the step that the show stands on.", labels=("step",)
        )
        for number, word in enumerate(words):
            step.add_metric((word,), float(number == rung))
        yield step
    if broken:
        family = GaugeMetricFamily(
            "murai_expect_broken", "1 while the show is not what it should be.", labels=("what",)
        )
        for what, found in broken.items():
            family.add_metric((what,), float(found))
        yield family


def _reloads(who: Identity) -> Metric:
    reloads = CounterMetricFamily(
        "murai_reloads", "Newer versions of the running show, by result.", labels=("result",)
    )
    for result in ("taken", "refused"):
        reloads.add_metric((result,), who.reloads.get(result, 0))
    return reloads


def _cues(who: Identity) -> Iterator[Metric]:
    cues = CounterMetricFamily("murai_cues", "Times that a cue was called.", labels=("cue",))
    for name, count in who.cues.items():
        cues.add_metric((name,), count)
    yield cues
    yield GaugeMetricFamily(
        "murai_panic", "1 while the wall is dark by a panic.", value=float(who.panic)
    )


def _frames(status: Status) -> Iterator[Metric]:
    frames = CounterMetricFamily(
        "murai_frames", "Frames that passed a stage.", labels=("stage", "name")
    )
    for name, health in status.cameras.items():
        frames.add_metric(("captured", name), health.frames)
    frames.add_metric(("painted", "painter"), status.painted)
    for name, count in status.presented.items():
        frames.add_metric(("presented", name), count)
    yield frames
    drops = CounterMetricFamily(
        "murai_drops", "Frames and pictures thrown away, by reason.", labels=("name", "reason")
    )
    for (name, reason), count in status.drops.items():
        drops.add_metric((name, reason), count)
    yield drops
    errors = CounterMetricFamily(
        "murai_errors", "Errors that the show survived, by part.", labels=("part",)
    )
    for part, count in status.errors.items():
        errors.add_metric((part,), count)
    yield errors
    yield GaugeMetricFamily(
        "murai_painter_busy_seconds",
        "Seconds that the painter has been at the picture at hand; it grows while that hangs.",
        value=status.painting,
    )
    yield CounterMetricFamily(
        "murai_flashes_limited",
        "Flashes beyond three a second that were kept from the wall.",
        value=status.flashes,
    )
    yield CounterMetricFamily(
        "murai_gpu_recoveries",
        "Times the painter's GPU was out of memory, gave some back and went on.",
        value=status.recoveries,
    )


def _links(status: Status) -> Iterator[Metric]:
    connected = GaugeMetricFamily(
        "murai_output_connected", "1 while the output's server takes pictures.", labels=("output",)
    )
    again = CounterMetricFamily(
        "murai_output_reconnects",
        "Times the output's server was there again after a loss.",
        labels=("output",),
    )
    for name, count in status.reconnects.items():
        connected.add_metric((name,), float(status.connected[name]))
        again.add_metric((name,), count)
    yield from (connected, again)


def _cameras(status: Status) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "murai_camera_last_frame_age_seconds",
        "Seconds since the camera's last new frame.",
        labels=("camera",),
    )
    state = GaugeMetricFamily(
        "murai_camera_state", "1 for the state the camera is in.", labels=("camera", "state")
    )
    frozen = GaugeMetricFamily(
        "murai_camera_frozen",
        "1 while a live camera sends one picture over and over.",
        labels=("camera",),
    )
    again = CounterMetricFamily(
        "murai_camera_reconnects", "Times the camera was opened again.", labels=("camera",)
    )
    for name, health in status.cameras.items():
        if health.age is not None:
            age.add_metric((name,), health.age)
        for each in CAMERA_STATES:
            state.add_metric((name, each), float(health.state == each))
        frozen.add_metric((name,), float(health.frozen))
        again.add_metric((name,), health.reconnects)
    yield from (age, state, frozen, again)


def _look(status: Status, styles: tuple[str, ...]) -> Iterator[Metric]:
    weights = dict(status.look.mix)
    active = GaugeMetricFamily(
        "murai_style_weight_ratio", "Share of a style in the look of now.", labels=("style",)
    )
    for style in styles:
        active.add_metric((style,), weights.get(style, 0.0))
    yield active
    yield GaugeMetricFamily(
        "murai_expected_lit",
        "1 when the plan wants a picture now; dark by plan is healthy.",
        value=float(status.look.lit),
    )


def _times(status: Status) -> Iterator[Metric]:
    seconds = HistogramMetricFamily(
        "murai_stage_seconds", "Time that a stage takes for one frame.", labels=("stage",)
    )
    for stage, histogram in status.seconds.items():
        seconds.add_metric((stage,), _buckets(histogram), histogram.total)
    yield seconds
    glass = HistogramMetricFamily(
        "murai_glass_to_glass_seconds",
        "Time from capture to the first presentation of a frame.",
        labels=("output",),
    )
    for output, histogram in status.glass.items():
        glass.add_metric((output,), _buckets(histogram), histogram.total)
    yield glass


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Cumulative, as Prometheus wants them."""
    running = 0
    found: list[tuple[str, float]] = []
    for bound, count in zip((*map(str, histogram.bounds), "+Inf"), histogram.counts, strict=True):
        running += count
        found.append((bound, running))
    return found


def alive(status: Status | None, now: float) -> tuple[bool, str]:
    """Is the loop turning, and does its painter come back?  `now` in monotonic seconds."""
    if status is None:
        return False, "the loop has not started"
    age = now - status.at
    if status.painting > STUCK_SECONDS:
        return False, f"the painter hangs: it has been at one picture for {status.painting:.0f} s"
    return age < STALE_SECONDS, f"the loop last turned {age:.1f} s ago"


def ready(status: Status | None, now: float) -> tuple[bool, str]:
    """Is there a picture on the wall, or is the wall dark as planned?"""
    live, why = alive(status, now)
    if status is None or not live:
        return False, why
    if status.look.lit and not any(status.presented.values()):
        return False, "nothing has been presented yet"
    return True, "presenting" if status.look.lit else "dark by plan"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """As the base does, without its reverse DNS look-up: a kiosk offline would wait for it."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = 10  # a client that connects and says nothing frees its thread

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
        log.debug(format, *args)


_TEXT = ("Content-Type", "text/plain; charset=utf-8")
_NEW = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))

# A page gets what the client accepts, and gives a content type and its text.
Page = Callable[[str], tuple[str, str]]
_NONE: Mapping[str, Page] = MappingProxyType({})


class MetricsServer:
    """Serves /metrics, /livez, /readyz and `pages`, by path, from a thread of its own.

    Raises MuraiError when the address cannot be had.
    """

    def __init__(
        self,
        address: Address,
        mailbox: Mailbox,
        identity: Callable[[], Identity],
        now: Callable[[], float],
        further: Iterable[Collector] = (),
        pages: Mapping[str, Page] = _NONE,
    ) -> None:
        registry = CollectorRegistry()
        registry.register(ShowCollector(mailbox, identity))
        for collector in further:
            registry.register(collector)
        metrics = make_wsgi_app(registry)
        checks = {"/livez": alive, "/readyz": ready}
        there = "\n".join(("/metrics", *checks, *pages))

        def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            path = environ.get("PATH_INFO", "")
            if path == "/metrics":
                return metrics(environ, start)
            if path in checks:
                good, why = checks[path](mailbox.newest(), now())
                start("200 OK" if good else "503 Service Unavailable", [_TEXT])
                return [f"{why}\n".encode()]
            if path in pages:
                kind, text = pages[path](environ.get("HTTP_ACCEPT", ""))
                start("200 OK", [("Content-Type", kind), *_NEW])
                return [text.encode()]
            start("200 OK" if path == "/" else "404 Not Found", [_TEXT])
            return [f"{'there are' if path == '/' else 'try one of'}:\n{there}\n".encode()]

        kind = _Server6 if ":" in address.host else _Server
        try:
            self._server = make_server(address.host, address.port, answer, kind, _Quiet)
        except OSError as error:
            raise MuraiError(f"metrics: cannot listen on {address}: {error.strerror}") from None
        self.address = Address(address.host, self._server.server_port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=1.0)


class Listening:
    """The server of a running show, wherever its newest version wants it.  An address that cannot
    be had is said in one line: a show goes on without metrics, or with those where they were."""

    def __init__(
        self,
        mailbox: Mailbox,
        identity: Callable[[], Identity],
        now: Callable[[], float],
        further: Iterable[Collector] = (),
        pages: Mapping[str, Page] = _NONE,
    ) -> None:
        self._parts = (mailbox, identity, now, tuple(further), pages)
        self._wanted: Address | None = None
        self._server: MetricsServer | None = None

    def move(self, address: Address | None) -> None:
        """Serve at `address` from now on, nowhere when it is None."""
        if address == self._wanted:
            return
        before, self._server = self._server, None
        old = self._wanted
        if before is not None and (address is None or address.port == before.address.port):
            before.close()  # another host of the same port cannot be had before
            before = None
        if address is not None and not self._open(address):
            self._server = before
            if before is None and old is not None:
                self._open(old)
            return
        self._wanted = address
        if before is not None:
            before.close()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def _open(self, address: Address) -> bool:
        try:
            self._server = MetricsServer(address, *self._parts)
        except MuraiError as error:
            log.warning("%s; the show goes on without", error)
            return False
        log.info("metrics on http://%s/metrics", self._server.address)
        return True
