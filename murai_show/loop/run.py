"""The frame loop.  It receives finished objects and asks no configuration.

Two loops run beside each other, because a slow painter must never block a fast canvas: the
painter's, in a thread, turns the newest frame into a picture; the presenter's, on the main thread
that owns the windows, shows the newest picture on every output at that output's own rate.

What they work with may be exchanged while they turn: both read one slot, the scene, once a round.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from murai_show.bell import Bell
from murai_show.errors import DeviceLostError, OutputError
from murai_show.frame import Frame
from murai_show.loop.errands import Errands
from murai_show.loop.flashes import Dimmers, Undimmed
from murai_show.loop.mailbox import Mailbox, Status
from murai_show.loop.pacing import next_due
from murai_show.loop.shutter import Shutter
from murai_show.loop.tally import Tally
from murai_show.ports import Batching, Camera, Clock, Connected, Output, Stylizer
from murai_show.show.timeline import Look

log = logging.getLogger(__name__)

PUBLISH_SECONDS = 0.25
RETRY_SECONDS = 1.0  # a lost output or a failing painter is tried again after this long
PAUSE_SECONDS = 0.02  # without a newer frame: a fade that goes on shall not wait longer
MAIN = ""  # the shot of all outputs that have none of their own


# What is presented, at no light, before anything was painted.
NIGHT = Frame(np.zeros((16, 16, 3), np.uint8), 0.0, 0.0, 0, "night")


class Easel:
    """One slot for each shot between painter and presenter: its newest picture wins."""

    def __init__(self) -> None:
        self._slots: dict[str, tuple[Frame, float]] = {}

    def put(self, picture: Frame, now: float, shot: str = MAIN) -> None:
        self._slots[shot] = (picture, now)

    def newest(self, shot: str = MAIN) -> tuple[Frame | None, float]:
        """The picture and when it came, in seconds of the monotonic clock.  Until a shot's first is
        there it is the main one's: an output is given another camera without going dark."""
        return self._slots.get(shot) or self._slots.get(MAIN, (None, 0.0))

    def keep(self, shots: Mapping[str, Camera]) -> None:
        """Let go of the pictures of all other shots."""
        for shot in set(self._slots) - set(shots):
            del self._slots[shot]


@dataclass(frozen=True, eq=False)
class Scene:
    """What films, paints and shows at one moment, and in what look.  Built and owned by `app`.

    `painter` has one thread, the one that built the stylizer: engines are tied to a thread, and
    OpenMP, once two threads have pools, lets workers sleep between the layers of a network, which
    costs a third of the rate on two cores.  `left` is set once the painter works with a later
    scene, and what only this one has may be closed.

    `camera` is what all outputs show, but for those in `shows`, by name: they show one of `beside`.
    `cameras` are those whose health is told, where they are not `camera` itself; with more than one
    of them, each rings `bell` when it has a newer frame.
    """

    painter: Executor
    camera: Camera
    stylizer: Stylizer
    outputs: Sequence[Output]
    look_at: Callable[[float], Look]
    beside: Mapping[str, Camera] = field(default_factory=dict)
    shows: Mapping[str, str] = field(default_factory=dict)
    cameras: Sequence[Camera] = ()
    bell: Bell = field(default_factory=Bell)
    left: threading.Event = field(default_factory=threading.Event, init=False)

    @cached_property
    def shots(self) -> Mapping[str, Camera]:
        """All that is painted."""
        return {MAIN: self.camera, **self.beside}


@dataclass(frozen=True)
class Parts:
    """All that the loop works with.  `scene` gives the newest one and never waits; `errands` are
    what other threads ask of the presenter's, `flashes` says how bright a picture may be shown,
    `shutter` which one is held."""

    scene: Callable[[], Scene]
    clock: Clock
    mailbox: Mailbox
    tally: Tally
    errands: Errands = field(default_factory=Errands)
    flashes: Dimmers = field(default_factory=Undimmed)
    shutter: Shutter = field(default_factory=Shutter)


def run_loop(parts: Parts, stop: threading.Event, until: float | None = None) -> None:
    """Run until `stop` is set, an output is closed by a person, or `until` (monotonic) is past.

    Raises DeviceLostError when the painter's device is lost: only a new process can mend that.
    """
    easel = Easel()
    painting: Future[None] = Future()
    parts.scene().painter.submit(relay, parts, easel, stop, painting)
    try:
        present_loop(parts, easel, stop, until)
    finally:
        stop.set()
        parts.errands.close()
        wait([painting], timeout=1.5)
    if painting.done():
        painting.result()


def relay(parts: Parts, easel: Easel, stop: threading.Event, over: Future[None]) -> None:
    """Paint on this thread until another scene has a painter of its own, and hand over to that.

    `over` is told when nobody paints any more, and why.
    """
    try:
        paint_loop(parts, easel, stop)
        if not stop.is_set():
            parts.scene().painter.submit(relay, parts, easel, stop, over)
            return
    except BaseException as error:  # noqa: BLE001 - it belongs to the thread that waits for `over`
        stop.set()
        over.set_exception(error)
    else:
        over.set_result(None)


def paint_loop(parts: Parts, easel: Easel, stop: threading.Event) -> None:
    """Newest frames, look, paint, as long as the painter is the scene's.  A frame is painted once,
    unless the mix moved on meanwhile; then once for each time that an output can show it."""
    scene = parts.scene()
    mine = scene.painter
    done: dict[str, tuple[Camera, int, object]] = {}
    last: dict[str, float] = {}
    failing = False
    while not stop.is_set() and scene.painter is mine:
        try:
            look = scene.look_at(parts.clock.wall())
            begun = parts.clock.monotonic()
            frames = {shot: camera.newest(begun) for shot, camera in scene.shots.items()}
            now = {s: (scene.shots[s], frame.number, look.painting) for s, frame in frames.items()}
            tick = 1.0 / max(output.fps for output in scene.outputs)
            due = [
                shot
                for shot in frames
                if shot not in done
                or done[shot][:2] != now[shot][:2]
                or (done[shot] != now[shot] and begun - last[shot] >= tick)
            ]
            if not look.lit or not due:
                parts.tally.turned(begun)
                rest(scene, frames)
                continue
            taken = parts.clock.monotonic()
            for shot in due:
                if shot not in done or done[shot][:2] != now[shot][:2]:
                    parts.tally.spent("slot", max(0.0, begun - frames[shot].captured))
                    parts.tally.spent("develop", taken - begun)  # a held frame's age is no waiting
            parts.tally.painting = taken
            pictures = paint(scene.stylizer, [frames[shot] for shot in due], look)
            ended = parts.clock.monotonic()
            for shot, picture in zip(due, pictures, strict=True):
                easel.put(picture, ended, shot)
                done[shot], last[shot] = now[shot], taken
                parts.tally.painted(ended - taken)
            parts.tally.turned(ended)
            failing = False
        except DeviceLostError:
            stop.set()
            raise
        except Exception:  # a thread's root: the last picture stays, the show goes on
            parts.tally.failed("painter")
            if not failing:
                log.exception("the painter failed; the last picture stays, trying again")
            failing = True
            stop.wait(RETRY_SECONDS)
        finally:
            parts.tally.painting = None
            before, scene = scene, parts.scene()
            if before is not scene:
                before.left.set()
                easel.keep(scene.shots)


def paint(stylizer: Stylizer, frames: Sequence[Frame], look: Look) -> Sequence[Frame]:
    """`frames` painted, several of them in one call where the stylizer can."""
    if len(frames) > 1 and isinstance(stylizer, Batching):
        return stylizer.paint_all(frames, look)
    return [stylizer(frame, look) for frame in frames]


def rest(scene: Scene, frames: Mapping[str, Frame]) -> None:
    """Sleep until some shot has a newer frame than in `frames`, or a fade may have moved on."""
    if len(frames) == 1:
        scene.camera.wait(frames[MAIN].number, PAUSE_SECONDS)
        return

    def newer() -> bool:
        return any(shot.wait(frames[name].number, 0.0) for name, shot in scene.shots.items())

    scene.bell.wait_for(newer, PAUSE_SECONDS)


def present_loop(parts: Parts, easel: Easel, stop: threading.Event, until: float | None) -> None:
    """Show the newest picture on each output when it is due, and publish how the show is."""
    publish = parts.clock.monotonic()
    due: dict[str, float] = {}
    shown: dict[str, Frame | None] = {}
    while not stop.is_set():
        parts.errands.run_one()
        scene, now = parts.scene(), parts.clock.monotonic()
        if until is not None and now >= until:
            return
        look = scene.look_at(parts.clock.wall())
        due = {output.name: due.get(output.name, now) for output in scene.outputs}
        shown = {name: picture for name, picture in shown.items() if name in due}
        for output in scene.outputs:
            if now >= due[output.name]:
                due[output.name] = next_due(due[output.name], now, output.fps)
                shot = scene.shows.get(output.name, MAIN)
                if not present(parts, output, easel, shot, look, shown):
                    due[output.name] = now + RETRY_SECONDS
            if output.over:
                return
        if now >= publish:
            parts.mailbox.publish(status(parts, look, now))
            publish = now + PUBLISH_SECONDS
        stop.wait(max(0.0, min(*due.values(), publish) - parts.clock.monotonic()))


def present(
    parts: Parts,
    output: Output,
    easel: Easel,
    shot: str,
    look: Look,
    shown: dict[str, Frame | None],
) -> bool:
    """Show the picture of `shot` that is on the easel on `output`; False when the output is lost.

    A show that begins in the dark has nothing there yet: its outputs are dark and alive.

    `shown` holds the last picture of each output, None for one that is lost: a loss is logged once.
    """
    picture, since = easel.newest(shot)
    if picture is None and look.lit:
        return True
    begun = parts.clock.monotonic()
    picture = parts.shutter.through(shot, picture, begun) if picture is not None else NIGHT
    before = shown.get(output.name, picture)
    light = parts.flashes.of(shot).permitted(picture, look.light, begun)
    try:
        output.show(picture, look if light == look.light else replace(look, light=light), begun)
    except OutputError as error:
        parts.tally.failed(f"output {output.name}")
        if before is not None:
            log.warning("output %s: lost: %s; the others go on", output.name, error)
        shown[output.name] = None
        return False
    ended = parts.clock.monotonic()
    if before is None:
        log.info("output %s: is back", output.name)
    # A frame that is held is painted again when the look moves on: its age is no latency.
    first = before is None or before.number != picture.number or output.name not in shown
    first = first and picture is not NIGHT
    shown[output.name] = picture
    if first:
        parts.tally.spent("easel", max(0.0, begun - since))
    parts.tally.presented(output.name, ended - begun, ended - picture.captured if first else None)
    return True


def status(parts: Parts, look: Look, now: float) -> Status:
    """How the show is, for the edges."""
    scene, counts = parts.scene(), parts.tally.read()
    cameras = {camera.name: camera.health(now) for camera in scene.cameras or [scene.camera]}
    drops = {(name, reason): n for name, h in cameras.items() for reason, n in h.drops.items()}
    for output in scene.outputs:
        drops |= {(output.name, reason): n for reason, n in output.drops.items()}
    sent = [output for output in scene.outputs if isinstance(output, Connected)]
    since = parts.tally.painting
    return Status(
        now,
        look,
        cameras,
        counts.painted,
        counts.presented,
        drops,
        counts.errors,
        counts.seconds,
        counts.glass,
        getattr(scene.stylizer, "recoveries", 0),  # a GPU's painter counts them, no other has any
        {output.name: output.connected for output in sent},
        {output.name: output.reconnects for output in sent},
        parts.flashes.limited,
        getattr(scene.stylizer, "degraded", None),  # where a ladder's is
        counts.turned,
        0.0 if since is None else max(0.0, now - since),
    )
