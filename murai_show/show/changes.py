"""What of a running show must be built anew to become another.  Pure.

All that `look_at` reads (playlists, schedule, times, fades, the place) is in the plan, and taking a
newer plan is one assignment.  What was opened with a part of the old plan is named here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from murai_show.show.align import sidecar_of
from murai_show.show.planned import Plan, PlannedBank, PlannedCamera, PlannedOutput
from murai_show.show.schema import CanvasNoun, FileCamera, StreamCamera, V4l2Camera

_CANVAS = {*CanvasNoun.model_fields, "of", "camera"}


@dataclass(frozen=True)
class Changes:
    """What becomes of the parts.  Outputs by name, in the order of the newer plan: `opened` are new
    or opened anew, `moved` stay open and show another canvas of the same size, `closed` are no
    longer in the show.  Cameras likewise: those in `filmed` are new or opened anew, those in `shut`
    are shown no longer.  `shots` says that cameras are composed or shown otherwise, `looks` that
    the picture may change without any of it, `guard` that what the show is held to did, `post` that
    the accounts did: what lies in the outbox stays, and goes by the newer ones.
    """

    stylizer: bool = False
    filmed: tuple[str, ...] = ()
    shut: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    metrics: bool = False
    looks: bool = False
    control: bool = False
    shots: bool = False
    guard: bool = False
    post: bool = False
    booth: bool = False

    def __bool__(self) -> bool:
        return self != Changes()

    def __str__(self) -> str:
        """For a person: `looks, camera hall (opened), output left (opened)`."""
        parts = [("looks", self.looks), ("shots", self.shots), ("bank", self.stylizer)]
        parts += [*self._servers(), ("guard", self.guard), ("post", self.post)]
        words = [word for word, changed in parts if changed]
        words += [f"camera {name} (opened)" for name in self.filmed]
        words += [f"camera {name} (closed)" for name in self.shut]
        for what in ("opened", "moved", "closed"):
            words += [f"output {name} ({what})" for name in getattr(self, what)]
        return ", ".join(words) or "nothing that runs"

    def _servers(self) -> tuple[tuple[str, bool], ...]:
        servers = (("metrics", self.metrics), ("control", self.control))
        return (*servers, ("booth", self.booth))


def changes(old: Plan, new: Plan, touched: Collection[Path] = ()) -> Changes:
    """What a show that runs `old` must build anew to run `new`.

    `touched` are files whose content is another than when `old` was built, though their names are
    the same.
    """
    stylizer = _differs(old.bank, new.bank, bank_files(new.bank), touched) or old.paint != new.paint
    stylizer = stylizer or old.degrade != new.degrade  # its sizes are compiled before they paint
    resized = old.paint != new.paint
    filmed = {camera.name: camera for camera in old.cameras}
    before = {output.name: output for output in old.outputs}
    opened = tuple(o.name for o in new.outputs if _reopens(before.get(o.name), o))
    moved = tuple(
        o.name
        for o in new.outputs
        if o.name not in opened
        and (o.canvas != before[o.name].canvas or _any(output_files(o), touched))
    )
    return Changes(
        stylizer=stylizer,
        filmed=tuple(
            camera.name
            for camera in new.cameras
            if _differs(filmed.get(camera.name), camera, camera_files(camera), touched)
            or (resized and scales(camera))
        ),
        shut=tuple(name for name in filmed if name not in {c.name for c in new.cameras}),
        opened=opened,
        moved=moved,
        closed=tuple(name for name in before if name not in {o.name for o in new.outputs}),
        metrics=old.metrics != new.metrics,
        looks=_looks(old) != _looks(new),
        control=old.control != new.control,
        shots=_shots(old) != _shots(new),
        booth=old.booth != new.booth,
        guard=(old.expect, old.limits_flashes) != (new.expect, new.limits_flashes),
        post=old.post != new.post,
    )


def plan_files(plan: Plan) -> frozenset[Path]:
    """The files that a plan was made from or that its parts have read: a change in one of them is
    a newer version of the show.  Some need not exist, such as an alignment."""
    return frozenset(
        [
            plan.source,
            sidecar_of(plan.source),
            *bank_files(plan.bank),
            *(file for camera in plan.cameras for file in camera_files(camera)),
            *(file for output in plan.outputs for file in output_files(output)),
            *(area.mask.file for area in plan.areas if area.mask),
        ]
    )


def bank_files(bank: PlannedBank) -> tuple[Path, ...]:
    """The bank's tensors and its card."""
    return (bank.file, bank.file.with_suffix(".json"))


def camera_files(camera: PlannedCamera) -> tuple[Path, ...]:
    """A film and a slate; photographs are read again each time they are filmed."""
    film = camera.spec.path if isinstance(camera.spec, FileCamera) else None
    return tuple(Path(file) for file in (film, camera.spec.slate) if file)


def output_files(output: PlannedOutput) -> tuple[Path, ...]:
    """The masks that its canvas is cut with, and the fonts that are written over it."""
    projection = output.canvas.projection if output.canvas else None
    masks = (projection.surface.mask, projection.mask) if projection else ()
    fonts = (overlay.font for overlay in output.canvas.overlays) if output.canvas else ()
    return (*(mask for mask in masks if mask), *(f for f in fonts if isinstance(f, Path)))


def scales(camera: PlannedCamera) -> bool:
    """Whether the camera brings its frames to the paint size where they are decoded."""
    return isinstance(camera.spec, FileCamera | V4l2Camera | StreamCamera)


def same_device(old: PlannedCamera, new: PlannedCamera) -> bool:
    """Whether both are the one device of this machine that only one of them can hold."""
    a, b = old.spec, new.spec
    return isinstance(a, V4l2Camera) and isinstance(b, V4l2Camera) and a.device == b.device


def _differs(old: object, new: object, files: Iterable[Path], touched: Collection[Path]) -> bool:
    return old != new or _any(files, touched)


def _any(files: Iterable[Path], touched: Collection[Path]) -> bool:
    return any(file in touched for file in files)


def _reopens(old: PlannedOutput | None, new: PlannedOutput) -> bool:
    """Whether an output must be opened: it is new, or another in more than how its canvas lies."""
    if old is None or (old.canvas and old.canvas.size) != (new.canvas and new.canvas.size):
        return True
    return _fixed(old) != _fixed(new)


def _fixed(output: PlannedOutput) -> tuple[object, ...]:
    """All that an output can only be opened with."""
    # What a URL shows may be the same for another secret.
    url = getattr(output.spec, "url", None)
    return (output.spec.model_dump(exclude=_CANVAS), url, output.file, output.stands_for)


def _shots(plan: Plan) -> tuple[object, ...]:
    """All that says which cameras make which picture, but for the schedule, which `_looks` has."""
    return (plan.films, plan.views, tuple((o.name, o.camera) for o in plan.outputs if o.camera))


def _looks(plan: Plan) -> tuple[object, ...]:
    """All that `captioned_look` reads."""
    cues, over = (plan.cues, plan.cue_times), (plan.areas, plan.overlays)
    return (plan.show, plan.place, plan.playlist, plan.schedule, *cues, *over)
