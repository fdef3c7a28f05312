"""What films: the cameras that something shows, and how views compose them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from murai_show.show.hints import did_you_mean
from murai_show.show.plan_camera import Candidate
from murai_show.show.plan_outputs import source_of
from murai_show.show.planned import PlannedBank, PlannedCamera, PlannedOutput, PlannedView
from murai_show.show.schema import FileCamera, MemoryOutput, StreamCamera, V4l2Camera
from murai_show.show.site import Site
from murai_show.show.viewing import InsetView, members

MOST_AT_ONCE = 64  # pictures in one view, those of its views included
MOST_VIEWS = 64
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Filming:
    """`played` is the camera or view that `play` names, `cameras` all that something shows, the
    first of them play's, `views` likewise.  `walks` says that the schedule changes cameras."""

    played: str
    cameras: tuple[PlannedCamera, ...]
    views: tuple[PlannedView, ...]
    walks: bool
    notes: tuple[str, ...]

    @property
    def view(self) -> str:
        """What `play` names where that is a view, else an empty text."""
        return self.played if any(view.name == self.played for view in self.views) else ""

    def beside(self, name: str | None) -> str:
        """`name` where that is another picture than the one of `play`, else an empty text."""
        return "" if name is None or (name == self.played and not self.walks) else name


def plan_filming(
    site: Site, candidates: Mapping[str, Candidate], bank: PlannedBank | None
) -> Filming | None:
    """None, and findings, when something that is named cannot be had."""
    _check_names(site)
    _check_members(site)
    sound = _check_circles(site)
    played = _played(site)
    named = [*_asked(site)]
    for name, path in named:
        _check_known(site, name, path)
    shown = [name for name, _ in named]
    if not played or not sound or not set(shown) <= _names(site):
        return None
    used = tuple(dict.fromkeys(_opened(site, [played, *shown])))
    cameras = [candidates[name] for name in used if name in candidates]
    planned = [camera for camera, _ in cameras if camera is not None]
    views = [(name, view) for name in used if (view := (site.draft.views or {}).get(name))]
    if len(planned) < len(cameras) or len(planned) + len(views) < len(used):
        return None
    _check_devices(site, planned)
    ruled = {rule.camera for rule in site.draft.schedule if rule and rule.camera}
    notes = [note for _, own in cameras for note in own]
    composed = {name for _, view in views for name in members(view)}
    composed |= {played, *ruled} if ruled - {played} else set()
    notes += [*_idle_notes(site, used), *_decoding_notes(planned, composed, bank)]
    planned_views = tuple(PlannedView(name, view) for name, view in views)
    return Filming(played, tuple(planned), planned_views, bool(ruled - {played}), tuple(notes))


def place_cameras(
    site: Site, outputs: tuple[PlannedOutput, ...], filming: Filming | None
) -> tuple[PlannedOutput, ...]:
    """The outputs with what each of them shows; with `of`, what the other one shows."""
    declared = site.draft.outputs or {}
    placed: list[PlannedOutput] = []
    for planned in outputs:
        output = declared[planned.name]
        own = output.camera if output else None
        if own is not None and not isinstance(output, MemoryOutput) and output and output.of:
            site.blame(
                f"camera: output {planned.name} shows what {output.of} shows; delete camera or of",
                *("outputs", planned.name, "camera"),
            )
        end = declared.get(source_of(site, planned.name, output)) if output else None
        camera = filming.beside(end.camera) if filming and end else ""
        canvas = replace(planned.canvas, camera=camera) if planned.canvas else None
        placed.append(replace(planned, camera=camera, canvas=canvas))
    return tuple(placed)


def _names(site: Site) -> set[str]:
    return {*(site.draft.cameras or {}), *(site.draft.views or {})}


def _played(site: Site) -> str:
    """The name of the camera or view that `play` means, else an empty text."""
    play, cameras = site.draft.play, site.draft.cameras
    if play is None or not cameras:
        return ""
    if play.camera is None:
        if len(cameras) > 1:
            known = [*cameras, *(site.draft.views or {})]
            site.findings.add(
                site.draft.root.find("play")[0].named,
                f"play does not say which camera; write camera: {' or '.join(known)}",
            )
        return next(iter(cameras)) if len(cameras) == 1 else ""
    _check_known(site, play.camera, ("play", "camera"))
    return play.camera if play.camera in _names(site) else ""


def _asked(site: Site) -> Iterator[tuple[str, Path]]:
    """Every camera or view that a rule or an output names, and where."""
    for number, rule in enumerate(site.draft.schedule):
        if rule is not None and rule.camera is not None:
            yield rule.camera, ("schedule", number, "camera")
    for name, output in (site.draft.outputs or {}).items():
        if output is not None and output.camera is not None:
            yield output.camera, ("outputs", name, "camera")


def _check_known(site: Site, name: str, path: Path, but: str = "") -> None:
    known = _names(site) - {but}
    if site.draft.cameras is not None and name not in known and name != but:
        kind = "camera or view" if site.draft.views else "camera"
        site.blame(f"no {kind} {site.draft.shown(*path)}{did_you_mean(name, known)}", *path)


def _check_names(site: Site) -> None:
    """Cameras and views are named in the same places."""
    for name in site.draft.views or {}:
        if name in (site.draft.cameras or {}):
            node = site.draft.root.find("views", name)[0]
            site.findings.add(
                node.named, f"views: {name} is the name of a camera already; choose another one"
            )


def _check_members(site: Site) -> None:
    for name, view in (site.draft.views or {}).items():
        if view is None:
            continue
        if isinstance(view, InsetView):
            paths: list[Path] = [("views", name, "camera"), ("views", name, "inset")]
        else:
            paths = [("views", name, "cameras", i) for i in range(len(view.cameras))]
        for member, path in zip(members(view), paths, strict=True):
            _check_known(site, member, path, but=name)  # naming itself is a circle


def _check_circles(site: Site) -> bool:
    """Whether no view shows itself, however far down, or more than anybody can see."""
    cameras, views = site.draft.cameras or {}, site.draft.views or {}
    within = {n: members(v) for n, v in views.items() if v is not None and n not in cameras}
    sound = len(within) <= MOST_VIEWS
    if not sound:
        site.blame(f"views: {len(within)} of them; a show has at most {MOST_VIEWS}", "views")
        return False
    for name in within:
        circle = _circle(within, name)
        if circle:
            sound = False
            if name == min(circle):  # said once
                shown = " → ".join((*circle, name))
                site.findings.add(
                    site.draft.root.find("views", name)[0].named,
                    f"views: a circle, {shown}; a view cannot show itself",
                )
    for name in within if sound else ():
        count = _count(within, name)
        if count > MOST_AT_ONCE:
            sound = False
            site.findings.add(
                site.draft.root.find("views", name)[0].named,
                f"view {name}: it shows {count} pictures at once; show at most {MOST_AT_ONCE}",
            )
    return sound


def _circle(within: Mapping[str, tuple[str, ...]], name: str) -> tuple[str, ...]:
    """A way from the view `name` back to itself, without its end; empty when there is none."""
    ways: list[tuple[str, ...]] = [(name,)]
    seen = {name}
    while ways:
        way = ways.pop()
        for member in within.get(way[-1], ()):
            if member == name:
                return way
            if member not in seen:
                seen.add(member)
                ways.append((*way, member))
    return ()


def _count(within: Mapping[str, tuple[str, ...]], name: str) -> int:
    """How many pictures a view composes; there are no circles."""
    counts: dict[str, int] = {}

    def count(of: str) -> int:
        if of not in counts:
            counts[of] = sum(map(count, within[of])) if of in within else 1
        return counts[of]

    return count(name)


def _check_devices(site: Site, cameras: Iterable[PlannedCamera]) -> None:
    """A device can be opened once."""
    holders: dict[str, str] = {}
    for camera in cameras:
        if not isinstance(camera.spec, V4l2Camera):
            continue
        device, key = camera.spec.device, ("cameras", camera.name, "device")
        if device in holders:
            site.blame(
                f"device: camera {holders[device]} films with {site.draft.shown(*key)} already; "
                f"name {holders[device]} wherever it is to be seen",
                *key,
            )
        holders.setdefault(device, camera.name)


def _opened(site: Site, names: Iterable[str]) -> Iterator[str]:
    """`names` and all that they show, in the order of their first showing."""
    for name in names:
        yield name
        view = (site.draft.views or {}).get(name)
        if view is not None:
            yield from _opened(site, members(view))


def _idle_notes(site: Site, used: tuple[str, ...]) -> Iterator[str]:
    for name in site.draft.cameras or {}:
        if name not in used:
            yield f"camera {name}: nothing shows it, so it stays closed"
    for name in site.draft.views or {}:
        if name not in used:
            yield f"view {name}: nothing shows it"


def _decoding_notes(
    cameras: Iterable[PlannedCamera], composed: Collection[str], bank: PlannedBank | None
) -> Iterator[str]:
    """Pictures are composed on the CPU; where a GPU paints, that is worth knowing."""
    if bank is None or bank.engine not in ("tensorrt", "cuda"):
        return
    for camera in cameras:
        packets = isinstance(camera.spec, FileCamera | V4l2Camera | StreamCamera)
        if packets and camera.name in composed:
            yield f"camera {camera.name}: it shares a picture with others, so the CPU decodes it"
