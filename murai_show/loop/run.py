"""The frame loop.  It receives finished objects and asks no configuration.

Two loops run beside each other, because a slow painter must never block a fast canvas: the
painter's, in a thread, turns the newest frame into a picture; the presenter's, on the main thread
that owns the windows, shows the newest picture on every output at that output's own rate.

What they work with may be exchanged while they turn: both read one slot, the scene, once a round.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field

import numpy as np

from murai_show.errors import DeviceLostError, OutputError
from murai_show.frame import Frame
from murai_show.loop.errands import Errands
from murai_show.loop.flashes import Dimmer, Undimmed
from murai_show.loop.mailbox import Mailbox, Status
from murai_show.loop.pacing import next_due
from murai_show.loop.tally import Tally
from murai_show.ports import Camera, Clock, Output, Stylizer
from murai_show.show.timeline import Look, Mix

log = logging.getLogger(__name__)

PUBLISH_SECONDS = 0.25
RETRY_SECONDS = 1.0  # a lost output or a failing painter is tried again after this long


# What is presented, at no light, before anything was painted.
NIGHT = Frame(np.zeros((16, 16, 3), np.uint8), 0.0, 0.0, 0, "night")


class Easel:
    """One slot between painter and presenter: the newest picture wins.  `since` is when it came,
    in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self.picture: Frame | None = None
        self.since = 0.0

    def put(self, picture: Frame, now: float) -> None:
        self.since = now  # first: a presenter in between sees an old picture a little younger
        self.picture = picture


@dataclass(frozen=True, eq=False)
class Scene:
    """What films, paints and shows at one moment, and in what look.  Built and owned by `app`.

    `painter` has one thread, the one that built the stylizer: engines are tied to a thread, and
    OpenMP, once two threads have pools, lets workers sleep between the layers of a network, which
    costs a third of the rate on two cores.  `left` is set once the painter works with a later
    scene, and what only this one has may be closed.
    """

    painter: Executor
    camera: Camera
    stylizer: Stylizer
    outputs: Sequence[Output]
    look_at: Callable[[float], Look]
    left: threading.Event = field(default_factory=threading.Event, init=False)


@dataclass(frozen=True)
class Parts:
    """All that the loop works with.  `scene` gives the newest one and never waits; `errands` are
    what other threads ask of the presenter's, `flashes` says how bright a picture may be shown."""

    scene: Callable[[], Scene]
    clock: Clock
    mailbox: Mailbox
    tally: Tally
    errands: Errands = field(default_factory=Errands)
    flashes: Dimmer = field(default_factory=Undimmed)


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
    """Newest frame, look, paint, as long as the painter is the scene's.  A frame is painted once,
    unless the mix moved on meanwhile."""
    scene = parts.scene()
    mine = scene.painter
    done: tuple[Camera, int, Mix] | None = None
    failing = False
    while not stop.is_set() and scene.painter is mine:
        try:
            look = scene.look_at(parts.clock.wall())
            begun = parts.clock.monotonic()
            frame = scene.camera.newest(begun)
            if not look.lit or done == (scene.camera, frame.number, look.mix):
                scene.camera.wait(frame.number, 0.02)
                continue
            taken = parts.clock.monotonic()
            if done is None or done[:2] != (scene.camera, frame.number):
                parts.tally.spent("slot", max(0.0, begun - frame.captured))
                parts.tally.spent("develop", taken - begun)  # a held frame's age is no waiting
            picture = scene.stylizer(frame, look)
            ended = parts.clock.monotonic()
            easel.put(picture, ended)
            done = (scene.camera, frame.number, look.mix)
            parts.tally.painted(ended - taken)
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
            before, scene = scene, parts.scene()
            if before is not scene:
                before.left.set()


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
                if not present(parts, output, easel, look, shown):
                    due[output.name] = now + RETRY_SECONDS
            if output.over:
                return
        if now >= publish:
            parts.mailbox.publish(status(parts, look, now))
            publish = now + PUBLISH_SECONDS
        stop.wait(max(0.0, min(*due.values(), publish) - parts.clock.monotonic()))


def present(
    parts: Parts, output: Output, easel: Easel, look: Look, shown: dict[str, Frame | None]
) -> bool:
    """Show what is on the easel on `output`; False when the output is lost.

    A show that begins in the dark has nothing there yet: its outputs are dark and alive.

    `shown` holds the last picture of each output, None for one that is lost: a loss is logged once.
    """
    since, picture = easel.since, easel.picture
    if picture is None and look.lit:
        return True
    picture = picture or NIGHT
    begun = parts.clock.monotonic()
    before = shown.get(output.name, picture)
    try:
        output.show(picture, parts.flashes.permitted(picture, look.light, begun), begun)
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
    health = scene.camera.health(now)
    drops = {(scene.camera.name, reason): n for reason, n in health.drops.items()}
    for output in scene.outputs:
        drops |= {(output.name, reason): n for reason, n in output.drops.items()}
    return Status(
        now,
        look,
        {scene.camera.name: health},
        counts.painted,
        counts.presented,
        drops,
        counts.errors,
        counts.seconds,
        counts.glass,
        getattr(scene.stylizer, "recoveries", 0),  # a GPU's painter counts them, no other has any
        parts.flashes.limited,
        getattr(scene.stylizer, "degraded", None),  # where a ladder's is
    )
