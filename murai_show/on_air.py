"""The show that is on air: what a plan names, opened; and how it becomes another while it runs.

What a newer plan needs is built first, on the thread of whoever asks, while the loop goes on with
the old.  Windows and OpenGL belong to the loop's thread: it opens them as errands, one between two
rounds.  Then the scene is exchanged by one assignment, and what nobody uses any more is closed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable
from concurrent.futures import CancelledError, Executor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from murai_show.board import Board
from murai_show.camera.slate import slate
from murai_show.errors import OutputError
from murai_show.filming import Cameras, Open, close
from murai_show.frame import Frame
from murai_show.loop.degraded import DegradedStylizer, Relief, relieved
from murai_show.loop.errands import Errands
from murai_show.loop.flashes import FlashLimiters
from murai_show.loop.run import Scene
from murai_show.loop.thread import OneThread
from murai_show.output import Stage, open_output
from murai_show.output.mask import read_mask
from murai_show.output.recording import Recording
from murai_show.output.sample import sampled
from murai_show.ports import Clock, Output, Resizable, Stylizer
from murai_show.practice import practice_frames
from murai_show.show.captions import captioned_look
from murai_show.show.changes import Changes, changes
from murai_show.show.plan import CanvasSpec, Plan, PlannedOutput
from murai_show.show.schema import (
    RecordingOutput,
    SnapshotOutput,
    StreamOutput,
    VirtualCameraOutput,
)
from murai_show.show.sizes import inside
from murai_show.show.timeline import MaskFile, look_of_all
from murai_show.style import ON_GPU, open_stylizer
from murai_show.style.collage import Collage

log = logging.getLogger(__name__)

LEAVING = 2.0  # seconds that the painter has to take up a newer scene


@dataclass(frozen=True, eq=False)
class Painter:
    """A stylizer and the one thread that it was built on and paints on; `collage`, which is part
    of it, knows the masks."""

    thread: Executor
    stylizer: Stylizer
    collage: Collage

    @property
    def on_gpu(self) -> bool:
        return self.stylizer.engine in ON_GPU

    def close(self) -> None:
        """Once its thread paints no more; that is waited for, but not for ever."""
        closing = self.thread.submit(self.stylizer.close)
        self.thread.shutdown(wait=False)
        if not wait([closing], timeout=LEAVING).done:
            log.warning("the painter hangs; it is left behind")


def open_painter(plan: Plan, clock: Clock, stop: threading.Event | None = None) -> Painter:
    """Raises BankError, OutputError for a mask, DeviceLostError when a GPU broke this process, and
    CancelledError when `stop` is set first: an engine may take a minute to build, and the end of a
    show does not wait.
    """
    thread = OneThread("painter")
    opening = thread.submit(_ready_painter, plan, clock)
    while stop is not None and not wait([opening], timeout=0.1).done:
        if stop.is_set():
            thread.submit(lambda: opening.exception() or opening.result()[0].close())
            thread.shutdown(wait=False)
            raise CancelledError
    try:
        return Painter(thread, *opening.result())
    except BaseException:
        thread.shutdown(wait=False)
        raise


def masks(plan: Plan) -> list[MaskFile]:
    """What areas are cut out with."""
    return [area.mask for area in plan.areas if area.mask is not None]


def _ready_painter(plan: Plan, clock: Clock) -> tuple[Stylizer, Collage]:
    """What paints, on the thread that it will paint on; on the show's ladder, if it has one.

    Warmed up for as many frames at once as the plan has shots: engines for several are built
    before the show, and not when two cameras first happen to film at the same moment.
    """
    stylizer = open_stylizer(plan.bank, plan.paint, practice_frames)
    assert isinstance(stylizer, Resizable)
    collage = Collage(stylizer, plan.paint, read_mask)
    collage.prepare(masks(plan))
    shots = 1 + len({output.camera for output in plan.outputs if output.camera})
    width, height = inside(plan.paint, plan.paint)
    blank = Frame(np.zeros((height, width, 3), np.uint8), 0.0, 0.0, 0, "warm-up")
    for count in range(2, shots + 1):
        collage.paint_all([blank] * count, look_of_all(collage.styles))
    if plan.degrade is None:
        return collage, collage
    filmed = getattr(plan.camera.spec, "size", plan.paint)
    foreseen = dict.fromkeys((filmed, plan.paint))  # the slate and views have the paint size
    relief = Relief(plan.degrade, plan.paint, clock)
    return DegradedStylizer(collage, relief, foreseen), collage


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
    recordings that are over, `flashes` what keeps its pictures from flashing.  `board` holds what
    was called, by whom ever.  Raises BankError, OutputError or DeviceLostError, and
    CancelledError when `stop` is set while the painter is built.
    """

    def __init__(
        self, plan: Plan, clock: Clock, errands: Errands, stop: threading.Event | None = None
    ) -> None:
        self.plan = plan
        self.board = Board(plan, clock.wall)
        self.films: tuple[Path, ...] = ()
        self.flashes = FlashLimiters(sampled)
        self.flashes.on = plan.limits_flashes
        self._clock, self._errands = clock, errands
        self._started = datetime.now().astimezone()
        self._hung: tuple[Hung, ...] = ()
        self._spare: list[Output] = []  # opened for a scene that is not there yet
        self._cameras = Cameras(clock)
        self._stages: list[Stage] = []  # the newest last; older ones while something is shown there
        with ExitStack() as stack:
            self._painter = open_painter(plan, clock, stop)
            undo = stack.enter_context(ExitStack())
            undo.callback(self._painter.close)
            self._filming = self._cameras.open(plan, self._painter.on_gpu)
            self.scene = self._scene(plan, self._painter, self._filming, ())
            undo.pop_all()
            stack.callback(self._dismiss)
            stack.callback(self._take_down)
            stage = self._open_stage(plan, self._painter)
            for planned in plan.outputs:
                self._hung += (Hung(planned, self._open(planned, stage), stage),)
            self.scene = self._scene(plan, self._painter, self._filming, self._hung)
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

    @property
    def writing(self) -> tuple[Path, ...]:
        """The films that are being written."""
        outputs = [h.output for h in self._hung] + list(self._spare)
        return tuple(o.files[-1] for o in outputs if isinstance(o, Recording) and o.files)

    # ---- a newer version, on any thread but the loop's ---------------------------------------

    def take(self, plan: Plan, touched: Collection[Path], stop: threading.Event) -> Changes:
        """Run `plan` from the next frame on.  What cannot be opened leaves the old part where it
        was and says so in one line.

        Raises MuraiError when `plan` cannot be painted or shown: nothing has changed then.  Raises
        CancelledError when the show ends meanwhile.
        """
        wanted = changes(self.plan, plan, touched)
        # Works out the day, which is kept: not in the loop's time.
        captioned_look(plan, self._clock.wall())
        with ExitStack() as undo:
            painter = self._painter
            if wanted.stylizer:
                painter = open_painter(plan, self._clock, stop)
                undo.callback(painter.close)
            painter.collage.prepare(masks(plan))
            hung = self._hang(plan, wanted, painter)
            filming = self._cameras.become(
                plan, wanted.filmed, self._filming, painter.on_gpu, self._hold, stop
            )
            shut, old = self._filming, self._painter
            undo.callback(lambda: close(filming.values(), self._filming.values()))
            before = self.scene
            gone = self._errands.ask(partial(self._exchange, plan, painter, filming, hung))
            undo.pop_all()
        before.left.wait(LEAVING)
        close(shut.values(), filming.values())
        if old is not painter:
            old.close()
        for output in gone:
            output.close()
        return wanted

    def _hold(self, name: str) -> None:
        """Let a camera's device go; its last frame is on show meanwhile."""
        scene, old = self.scene, self._filming[name]
        self._filming = self._cameras.held(self._filming, name)
        self.scene = self._scene(self.plan, self._painter, self._filming, self._hung)
        scene.left.wait(LEAVING)
        old.camera.close()

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
        self, plan: Plan, painter: Painter, filming: Open, hung: tuple[Hung, ...]
    ) -> list[Output]:
        """Make the newer plan the scene; the outputs that may be closed on any thread."""
        used = {h.output for h in hung}
        gone = [h for h in self._hung if h.output not in used]
        self.films += _films(h.output for h in gone)
        self.board.take(plan)
        self.scene = self._scene(plan, painter, filming, hung)
        self.plan = replace(
            plan,
            camera=filming[plan.camera.name].planned,
            more_cameras=tuple(filming[c.name].planned for c in plan.more_cameras),
            outputs=tuple(h.planned for h in hung),
        )
        self._painter, self._hung, self._filming = painter, hung, filming
        self.flashes.on = plan.limits_flashes
        self._spare.clear()
        workers = (RecordingOutput, SnapshotOutput, StreamOutput, VirtualCameraOutput)
        for h in gone:
            if not isinstance(h.planned.spec, workers):
                h.output.close()
        self._tidy()
        # These wait for a disk or a server, and have nothing of a window.
        return [h.output for h in gone if isinstance(h.planned.spec, workers)]

    def _tidy(self) -> None:
        """Free the canvases that nobody shows, and older stages on which nothing is left."""
        for stage in tuple(self._stages):
            here = [h.planned.canvas for h in self._hung if h.stage is stage]
            stage.keep({canvas for canvas in here if canvas is not None})
            if not here and stage is not self._stages[-1]:
                self._stages.remove(stage)
                stage.close()

    def _dismiss(self) -> None:
        close(self._filming.values(), ())
        self._painter.close()

    def _take_down(self) -> None:
        with ExitStack() as stack:
            for stage in self._stages:
                stack.callback(stage.close)
            for output in (*(h.output for h in self._hung), *self._spare):
                stack.callback(output.close)

    # ---- opening -----------------------------------------------------------------------------

    def _scene(self, plan: Plan, painter: Painter, filming: Open, hung: tuple[Hung, ...]) -> Scene:
        shots = self._cameras.shots(plan, filming, [h.planned for h in hung])
        calm = partial(slate, plan.camera.spec.slate, plan.paint)
        return Scene(
            painter.thread,
            relieved(shots.camera, painter.stylizer, calm),
            painter.stylizer,
            tuple(h.output for h in hung),
            partial(self.board.look_at, plan),
            {name: relieved(c, painter.stylizer, calm) for name, c in shots.beside.items()},
            shots.shows,
            shots.cameras,
            self._cameras.bell,
        )

    def _open_stage(self, plan: Plan, painter: Painter) -> Stage:
        self._stages.append(Stage(plan.outputs, cuda=0 if painter.on_gpu else None))
        return self._stages[-1]

    def _open(self, planned: PlannedOutput, stage: Stage) -> Output:
        if planned.canvas is not None:
            self._lay(stage, planned.canvas)
        title = self.plan.title or self.plan.show
        return open_output(planned, stage, title, self._started, self.board.press)


def _films(outputs: Iterable[Output]) -> tuple[Path, ...]:
    return tuple(
        file for output in outputs if isinstance(output, Recording) for file in output.files
    )
