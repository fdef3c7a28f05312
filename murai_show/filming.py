"""The cameras that are on air: each opened once, whoever shows it, and the shots made of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from murai_show.bell import Bell
from murai_show.camera import DECODED, DecoderName, Decoding, View, open_camera, open_decoding
from murai_show.held import Held
from murai_show.ports import Camera, Clock
from murai_show.show.changes import same_device
from murai_show.show.plan import Plan, PlannedCamera, PlannedOutput
from murai_show.show.shot import composed, shot_at, walks
from murai_show.show.sizes import inside

log = logging.getLogger(__name__)

PATIENCE = 6.0  # seconds that another camera has for its first picture before the old one stays


@dataclass(frozen=True, eq=False)
class Filming:
    """A camera that is open, as it was planned, and where it is decoded."""

    planned: PlannedCamera
    camera: Camera
    decoding: DecoderName


Open = Mapping[str, Filming]  # by the name that the plan has for it


@dataclass(frozen=True)
class Shots:
    """What a scene films: see there."""

    camera: Camera
    beside: Mapping[str, Camera]
    shows: Mapping[str, str]
    cameras: tuple[Camera, ...]


class Cameras:
    """Opens the cameras of plans.  `bell` is rung by all of them."""

    def __init__(self, clock: Clock) -> None:
        self.bell = Bell()
        self._clock = clock
        self._decodings: dict[DecoderName, Decoding] = {}

    def open(self, plan: Plan, on_gpu: bool) -> Open:
        """All cameras of `plan`.  None of them is waited for."""
        return self._opened(plan, plan.cameras, on_gpu)

    def shots(self, plan: Plan, filming: Open, outputs: Iterable[PlannedOutput]) -> Shots:
        """What `plan` makes of the cameras that are open.

        A camera that fills its picture alone is shown as it is; everything else is composed.  An
        output that stayed, though the plan has no more of what it showed, shows the main shot.
        """
        cameras = {name: found.camera for name, found in filming.items()}
        views = {view.name for view in plan.views}

        def shot(name: str) -> Camera:
            alone = name or (plan.films if not walks(plan) else "")
            if alone and alone not in views:
                return cameras[alone]
            of = partial(shot_at, plan, name=name)
            size = inside(plan.paint, plan.paint)
            return View(name or plan.films, size, cameras, of, self._clock, self.bell)

        shows = {o.name: o.camera for o in outputs if o.camera in views or o.camera in cameras}
        beside = {name: shot(name) for name in dict.fromkeys(shows.values())}
        return Shots(shot(""), beside, shows, tuple(dict.fromkeys(cameras.values())))

    def become(
        self,
        plan: Plan,
        wanted: Collection[str],
        before: Open,
        on_gpu: bool,
        hold: Callable[[str], None],
        stop: threading.Event,
    ) -> Open:
        """The cameras of a newer plan, filming: those of `before`, and those in `wanted` opened
        anew.  One that does not film in time leaves the one before it, where there is one.

        A device that only one can hold is let go first, by `hold`: its last frame is shown
        meanwhile, as long as in an outage, and the slate after that.  Raises CancelledError when
        `stop` is set; what was opened is closed then.
        """
        stay = {
            c.name: before[c.name]
            for c in plan.cameras
            if c.name in before
            and c.name not in wanted
            and before[c.name].decoding == decoder_of(plan, c, on_gpu)
        }
        coming = [camera for camera in plan.cameras if camera.name not in stay]
        patience: dict[str, float] = {}
        let_go: set[str] = set()
        for planned in coming:
            for name, old in before.items():
                if name not in stay and name not in let_go and same_device(old.planned, planned):
                    hold(name)
                    let_go.add(name)
                    patience[planned.name] = old.planned.spec.hold
        opened = self._opened(plan, coming, on_gpu)
        left = {name: old for name, old in before.items() if name not in let_go}
        try:
            films = self._waited(opened, patience, stop)
        except CancelledError:
            close(opened.values(), ())
            raise
        chosen = {
            name: new if name in films or name in patience else self._fallen_back(plan, new, left)
            for name, new in opened.items()
        }
        close(opened.values(), chosen.values())
        found = {camera.name: (stay | chosen)[camera.name] for camera in plan.cameras}
        # The plan that runs names what really films, which may be one of another name.
        return {f.planned.name: f for f in found.values()} | found

    def held(self, filming: Open, name: str) -> Open:
        """The same with the last frame of `name` in its place, whose camera may then be closed."""
        old = filming[name]
        held = Held(old.camera, self._clock.monotonic())
        now = Filming(old.planned, held, old.decoding)
        return {key: now if found is old else found for key, found in filming.items()}

    def _opened(self, plan: Plan, wanted: Iterable[PlannedCamera], on_gpu: bool) -> Open:
        where: list[tuple[PlannedCamera, DecoderName]] = [
            (camera, decoder_of(plan, camera, on_gpu)) for camera in wanted
        ]
        for _, name in where:  # before any camera opens
            if name not in self._decodings:
                self._decodings[name] = open_decoding(name)
        return {camera.name: self._start(plan, camera, name) for camera, name in where}

    def _start(self, plan: Plan, camera: PlannedCamera, name: DecoderName) -> Filming:
        decoding, bell = self._decodings[name], self.bell
        started = open_camera(camera, self._clock, within=plan.paint, decoding=decoding, bell=bell)
        return Filming(camera, started, name)

    def _waited(
        self, opened: Open, patience: Mapping[str, float], stop: threading.Event
    ) -> set[str]:
        """Those from whom a frame comes in time; all begin together.  Raises CancelledError."""
        now = self._clock.monotonic()
        slates = {name: new.camera.newest(now).number for name, new in opened.items()}
        films: set[str] = set()
        for name, new in opened.items():
            until = now + patience.get(name, PATIENCE)
            while not new.camera.wait(slates[name], 0.1):
                if stop.is_set():
                    raise CancelledError
                if self._clock.monotonic() >= until:
                    break
            else:
                films.add(name)
        return films

    def _fallen_back(self, plan: Plan, new: Filming, before: Open) -> Filming:
        """What films in place of one that does not: its old self; for the one that `play` names,
        the one that it named before.  A camera that was not there before has its slate."""
        trouble = new.camera.health(self._clock.monotonic()).trouble or "no picture came"
        old = before.get(new.planned.name)
        if old is None and new.planned is plan.camera and not plan.view:
            old = next(iter(before.values()), None)
        rest = "the one before stays" if old else "its slate is shown until it comes"
        log.warning("camera %s: %s within %g s; %s", new.planned.name, trouble, PATIENCE, rest)
        return old or new


def decoder_of(plan: Plan, camera: PlannedCamera, on_gpu: bool) -> DecoderName:
    """Where a camera's packets become pixels: pictures are composed in the host's memory, and a
    painter on the GPU has all others in its own."""
    decoded = camera.spec.kind in DECODED
    return "nvdec" if on_gpu and decoded and camera.name not in composed(plan) else "software"


def close(those: Iterable[Filming], but: Iterable[Filming]) -> None:
    """Close the cameras of `those` that are not among `but`, each once."""
    stay = {found.camera for found in but}
    gone = [c for c in dict.fromkeys(found.camera for found in those) if c not in stay]
    if len(gone) == 1:
        gone[0].close()
    elif gone:  # side by side: each may take as long as a show may take to end
        with ThreadPoolExecutor(len(gone), "closing") as threads:
            list(threads.map(lambda camera: camera.close(), gone))
