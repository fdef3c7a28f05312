"""The show that is on air: what a plan names, opened; and how it becomes another while it runs.

What a newer plan needs is built first, on the thread of whoever asks, while the loop goes on with
the old.  Windows and OpenGL belong to the loop's thread: it opens them as errands, one between two
rounds.  Then the scene is exchanged by one assignment, and what nobody uses any more is closed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from murai_show.camera import DECODED, open_camera, open_decoding
from murai_show.camera.slate import slate
from murai_show.errors import OutputError
from murai_show.frame import Frame
from murai_show.held import Held
from murai_show.loop.degraded import DegradedStylizer, Relief, Resizable, relieved
from murai_show.loop.errands import Errands
from murai_show.loop.flashes import FlashLimiter
from murai_show.loop.run import Scene
from murai_show.output import Stage, open_output
from murai_show.output.recording import Recording
from murai_show.output.sample import sampled
from murai_show.ports import Camera, Clock, Output, Stylizer
from murai_show.practice import practice_frames
from murai_show.show.changes import Changes, changes, same_device
from murai_show.show.plan import CanvasSpec, Plan, PlannedOutput
from murai_show.show.schema import RecordingOutput, SnapshotOutput
from murai_show.show.timeline import look_at
from murai_show.style import ON_GPU, open_stylizer

log = logging.getLogger(__name__)

PATIENCE = 6.0  # seconds that another camera has for its first picture before the old one stays
LEAVING = 2.0  # seconds that the painter has to take up a newer scene


@dataclass(frozen=True, eq=False)
class Painter:
    """A stylizer and the one thread that it was built on and paints on."""

    thread: ThreadPoolExecutor
    stylizer: Stylizer

    @property
    def on_gpu(self) -> bool:
        return self.stylizer.engine in ON_GPU

    def close(self) -> None:
        """Once its thread paints no more; that is waited for."""
        self.thread.submit(self.stylizer.close)
        self.thread.shutdown()


def open_painter(plan: Plan, clock: Clock, stop: threading.Event | None = None) -> Painter:
    """Raises BankError, DeviceLostError when a GPU broke this process, and CancelledError when
    `stop` is set first: an engine may take a minute to build, and the end of a show does not wait.
    """
    thread = ThreadPoolExecutor(1, "painter")
    opening = thread.submit(_open_stylizer, plan, clock)
    while stop is not None and not wait([opening], timeout=0.1).done:
        if stop.is_set():
            thread.submit(lambda: opening.exception() or opening.result().close())
            thread.shutdown(wait=False)
            raise CancelledError
    try:
        return Painter(thread, opening.result())
    except BaseException:
        thread.shutdown(wait=False)
        raise


def _open_stylizer(plan: Plan, clock: Clock) -> Stylizer:
    """What paints, on the thread that it will paint on; on the show's ladder, if it has one."""
    stylizer = open_stylizer(plan.bank, plan.paint, practice_frames)
    if plan.degrade is None:
        return stylizer
    assert isinstance(stylizer, Resizable)
    filmed = getattr(plan.camera.spec, "size", plan.paint)
    foreseen = dict.fromkeys((filmed, plan.paint))  # the slate has the paint size
    return DegradedStylizer(stylizer, Relief(plan.degrade, plan.paint, clock), foreseen)


@runtime_checkable
class Movable(Protocol):
    """What every output with a canvas can: go on with another of the same size."""

    def move(self, canvas: CanvasSpec) -> None: ...


@dataclass(frozen=True, eq=False)
class Hung:
    """An output that is open, as it was planned, and the stage that draws for it."""

    planned: PlannedOutput
    output: Output
    stage: Stage


class OnAir:
    """Built on the thread that owns windows and OpenGL, and closed there.

    `plan` is what really runs: where a newer version asked for what could not be had, it still
    names the old part.  `scene` is the slot that the loop reads.  `films` are the files of
    recordings that are over, `flashes` what keeps its pictures from flashing.  Raises BankError,
    OutputError or DeviceLostError.
    """

    def __init__(self, plan: Plan, clock: Clock, errands: Errands) -> None:
        self.plan = plan
        self.films: tuple[Path, ...] = ()
        self.flashes = FlashLimiter(sampled)
        self.flashes.on = plan.limits_flashes
        self._clock, self._errands = clock, errands
        self._started = datetime.now().astimezone()
        self._hung: tuple[Hung, ...] = ()
        self._spare: list[Output] = []  # opened for a scene that is not there yet
        self._stages: list[Stage] = []  # the newest last; older ones while something is shown there
        with ExitStack() as stack:
            self._painter = open_painter(plan, clock)
            undo = stack.enter_context(ExitStack())
            undo.callback(self._painter.close)
            camera = self._film(plan, self._painter)
            self.scene = _scene(plan, self._painter, camera, ())
            undo.pop_all()
            stack.callback(self._dismiss)
            stack.callback(self._take_down)
            stage = self._open_stage(plan, self._painter)
            for planned in plan.outputs:
                self._hung += (Hung(planned, self._open(planned, stage), stage),)
            self.scene = _scene(plan, self._painter, camera, self._hung)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Stop and free everything, in the reverse order of its making."""
        self._stack.close()

    @property
    def engine(self) -> str:
        return self._painter.stylizer.engine

    @property
    def recorded(self) -> tuple[Path, ...]:
        """The films of this run, those that are still being written last."""
        return (*self.films, *_films(h.output for h in self._hung))

    # ---- a newer version, on any thread but the loop's ---------------------------------------

    def take(self, plan: Plan, touched: Collection[Path], stop: threading.Event) -> Changes:
        """Run `plan` from the next frame on.  What cannot be opened leaves the old part where it
        was and says so in one line.

        Raises MuraiError when `plan` cannot be painted or shown: nothing has changed then.  Raises
        CancelledError when the show ends meanwhile.
        """
        wanted = changes(self.plan, plan, touched)
        look_at(
            plan, self._clock.wall()
        )  # works out the day, which is kept: not in the loop's time
        with ExitStack() as undo:
            painter = self._painter
            if wanted.stylizer:
                painter = open_painter(plan, self._clock, stop)
                undo.callback(painter.close)
            hung = self._hang(plan, wanted, painter)
            camera = None
            if wanted.camera or (plan.camera.spec.kind in DECODED and self._moves_gpu(painter)):
                camera = self._next_camera(plan, painter, stop)
            before, old = self.scene, self._painter
            gone = self._errands.ask(partial(self._exchange, plan, painter, camera, hung))
            undo.pop_all()
        before.left.wait(LEAVING)
        if camera is not None:
            before.camera.close()
        if old is not painter:
            old.close()
        for output in gone:
            output.close()
        return wanted

    def _moves_gpu(self, painter: Painter) -> bool:
        """Whether frames would lie in another memory than the newer painter reads."""
        return painter.on_gpu != self._painter.on_gpu

    def _next_camera(self, plan: Plan, painter: Painter, stop: threading.Event) -> Camera | None:
        """The camera that the newer plan names, filming; None when the old one stays.

        A device that only one can hold is let go first: its last frame is held meanwhile, as long
        as in an outage, and the slate is shown after that.
        """
        before, alone = self.plan.camera, same_device(self.plan.camera, plan.camera)
        if alone:
            self._hold()
        camera = self._film(plan, painter)
        patience = before.spec.hold if alone else PATIENCE
        filming = self._films_within(patience, camera, stop)
        if (filming or alone) and not stop.is_set():
            return camera
        trouble = camera.health(self._clock.monotonic()).trouble or "no picture came"
        camera.close()
        if stop.is_set():
            raise CancelledError
        log.warning(
            "camera %s: %s within %g s; the one before stays", plan.camera.name, trouble, patience
        )
        return None

    def _hold(self) -> None:
        scene = self.scene
        held = Held(scene.camera, self._clock.monotonic())
        self.scene = replace(scene, camera=held)
        scene.left.wait(LEAVING)
        scene.camera.close()

    def _films_within(self, patience: float, camera: Camera, stop: threading.Event) -> bool:
        """Whether a frame comes from `camera` in time."""
        slate = camera.newest(self._clock.monotonic()).number
        until = self._clock.monotonic() + patience
        while not stop.is_set() and self._clock.monotonic() < until:
            if camera.wait(slate, 0.1):
                return True
        return False

    def _hang(self, plan: Plan, wanted: Changes, painter: Painter) -> tuple[Hung, ...]:
        """The outputs of the newer plan, open, each an errand of its own.

        Raises OutputError when none of them is.
        """
        stage, anew = self._stages[-1], set(wanted.opened)
        if not stage.suits(plan.outputs):
            stage = self._errands.ask(partial(self._open_stage, plan, painter))
            anew |= {planned.name for planned in plan.outputs if planned.canvas}
        before = {h.planned.name: h for h in self._hung}
        unmoved = self._moves(plan, set(wanted.moved) - anew)
        found: list[Hung] = []
        for planned in plan.outputs:
            old = before.get(planned.name)
            try:
                if planned.name in anew:
                    output = self._errands.ask(partial(self._open, planned, stage))
                    self._spare.append(output)
                    found.append(Hung(planned, output, stage))
                elif old is not None:
                    found.append(old if planned.name in unmoved else replace(old, planned=planned))
            except OutputError as error:
                stays = "the one before stays" if old else "the show goes on without it"
                log.warning("output %s: %s; %s", planned.name, error, stays)
                found += [old] if old else []
        if not found:
            raise OutputError("none of the outputs can be opened")
        return tuple(found)

    def _moves(self, plan: Plan, names: Collection[str]) -> set[str]:
        """Put those outputs on their newer canvases; the names of those where that failed."""
        canvases = {o.name: o.canvas for o in plan.outputs if o.name in names}
        together: dict[tuple[Stage, CanvasSpec], list[Hung]] = {}
        for hung in self._hung:
            if (canvas := canvases.get(hung.planned.name)) is not None:
                together.setdefault((hung.stage, canvas), []).append(hung)
        failed: set[str] = set()
        for (stage, canvas), those in together.items():
            try:
                self._errands.ask(partial(self._move, stage, canvas, those))
            except OutputError as error:
                failed |= {hung.planned.name for hung in those}
                log.warning("output %s: %s; it stays as it was", ", ".join(sorted(failed)), error)
        return failed

    # ---- on the loop's thread ----------------------------------------------------------------

    def _move(self, stage: Stage, canvas: CanvasSpec, those: Collection[Hung]) -> None:
        """In one errand: no window may look at a canvas that has been freed."""
        anew = any(hung.planned.canvas == canvas for hung in those)
        self._lay(stage, canvas, anew=anew)
        for hung in those:
            assert isinstance(hung.output, Movable)
            hung.output.move(canvas)

    def _lay(self, stage: Stage, canvas: CanvasSpec, *, anew: bool = False) -> None:
        """Drivers compile at the first drawing: let that be no picture that anybody waits for."""
        if stage.lay(canvas, anew=anew):
            width, height = self.plan.paint
            pixels = np.zeros((height, width, 3), np.uint8)
            stage.draw(canvas, Frame(pixels, 0.0, 0.0, 0, "blank"), 1.0)

    def _exchange(
        self, plan: Plan, painter: Painter, camera: Camera | None, hung: tuple[Hung, ...]
    ) -> list[Output]:
        """Make the newer plan the scene; the outputs that may be closed on any thread."""
        used = {h.output for h in hung}
        gone = [h for h in self._hung if h.output not in used]
        self.films += _films(h.output for h in gone)
        self.scene = _scene(plan, painter, camera or self.scene.camera, hung)
        self.plan = replace(
            plan,
            camera=plan.camera if camera else self.plan.camera,
            outputs=tuple(h.planned for h in hung),
        )
        self._painter, self._hung = painter, hung
        self.flashes.on = plan.limits_flashes
        self._spare.clear()
        files = (RecordingOutput, SnapshotOutput)
        for h in gone:
            if not isinstance(h.planned.spec, files):
                h.output.close()
        self._tidy()
        # These wait for a disk, and have nothing of a window.
        return [h.output for h in gone if isinstance(h.planned.spec, files)]

    def _tidy(self) -> None:
        """Free the canvases that nobody shows, and older stages on which nothing is left."""
        for stage in tuple(self._stages):
            here = [h.planned.canvas for h in self._hung if h.stage is stage]
            stage.keep({canvas for canvas in here if canvas is not None})
            if not here and stage is not self._stages[-1]:
                self._stages.remove(stage)
                stage.close()

    def _dismiss(self) -> None:
        self.scene.camera.close()
        self._painter.close()

    def _take_down(self) -> None:
        with ExitStack() as stack:
            for stage in self._stages:
                stack.callback(stage.close)
            for output in (*(h.output for h in self._hung), *self._spare):
                stack.callback(output.close)

    # ---- opening -----------------------------------------------------------------------------

    def _film(self, plan: Plan, painter: Painter) -> Camera:
        decoded = plan.camera.spec.kind in DECODED
        decoding = open_decoding("nvdec" if painter.on_gpu and decoded else "software")
        return open_camera(plan.camera, self._clock, within=plan.paint, decoding=decoding)

    def _open_stage(self, plan: Plan, painter: Painter) -> Stage:
        self._stages.append(Stage(plan.outputs, cuda=0 if painter.on_gpu else None))
        return self._stages[-1]

    def _open(self, planned: PlannedOutput, stage: Stage) -> Output:
        if planned.canvas is not None:
            self._lay(stage, planned.canvas)
        return open_output(planned, stage, self.plan.title or self.plan.show, self._started)


def _scene(plan: Plan, painter: Painter, camera: Camera, hung: tuple[Hung, ...]) -> Scene:
    outputs = tuple(h.output for h in hung)
    camera = relieved(camera, painter.stylizer, partial(slate, plan.camera.spec.slate, plan.paint))
    return Scene(painter.thread, camera, painter.stylizer, outputs, partial(look_at, plan))


def _films(outputs: Iterable[Output]) -> tuple[Path, ...]:
    return tuple(output.path for output in outputs if isinstance(output, Recording))
