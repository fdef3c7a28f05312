"""Every camera of a show, and whether it can film."""

from __future__ import annotations

from murai_show.errors import UsageError
from murai_show.show.hints import did_you_mean
from murai_show.show.paths import has_picture, is_picture, what_is
from murai_show.show.planned import PlannedCamera
from murai_show.show.rehearse import DEMO_HINT, describe, override, stand_in
from murai_show.show.schema import Camera, FileCamera, StillCamera, StreamCamera, V4l2Camera
from murai_show.show.site import Site

Candidate = tuple[PlannedCamera | None, tuple[str, ...]]


def plan_cameras(site: Site) -> dict[str, Candidate]:
    """Every camera of the show by its name, with the notes about it, shown or not; None, and a
    finding, where it cannot film."""
    return {
        name: (None, ()) if camera is None else _planned(site, name, camera)
        for name, camera in (site.draft.cameras or {}).items()
    }


def check_overrides(site: Site) -> None:
    """Raises UsageError when `--camera` names a camera that the show does not have."""
    for name in site.overrides:
        if name not in (site.draft.cameras or {}):
            hint = did_you_mean(name, site.draft.cameras or {})
            if name in (site.draft.views or {}):
                hint = "; that is a view, replace the cameras that it shows"
            raise UsageError(f"--camera {name}: the show has no such camera{hint}")


def _planned(site: Site, name: str, camera: Camera) -> Candidate:
    if name in site.overrides:
        planned = override(name, site.overrides[name], camera, site.facts)
        note = f"camera {name}: {describe(planned.spec)} takes the place of {describe(camera)}"
        return planned, (note,)
    if site.rehearse and _missing(site, camera):
        number = list(site.draft.cameras or {}).index(name)
        planned, note = stand_in(name, camera, site.facts, number)
        return planned, (note,)
    spec = _resolved(site, name, camera)
    return (PlannedCamera(name, spec) if spec else None), ()


def _missing(site: Site, camera: Camera) -> bool:
    """Whether a rehearsal puts a stand-in in its place."""
    if isinstance(camera, FileCamera):
        return what_is(site.folder / camera.path) != "file"
    if isinstance(camera, StillCamera):
        return camera.photos == "demo" and not site.facts.demo_photos
    return isinstance(camera, V4l2Camera | StreamCamera)


def _resolved(site: Site, name: str, camera: Camera) -> Camera | None:
    """The same camera with absolute paths; None when one of them is wrong."""
    changes: dict[str, object] = {}
    wrong = False
    if camera.slate is not None:
        slate = site.read_path(camera.slate, "cameras", name, "slate")
        wrong |= slate is None
        if slate is not None and not is_picture(slate):
            path = ("cameras", name, "slate")
            site.blame(
                f"slate: {site.draft.shown(*path)} is no picture; write a .png or .jpg", *path
            )
        changes["slate"] = str(slate)
    if isinstance(camera, FileCamera):
        film = _film(site, name, camera)
        wrong |= film is None
        changes["path"] = film
    if isinstance(camera, StillCamera):
        photos = _photos(site, name, camera)
        wrong |= photos is None
        changes["photos"] = photos
    return None if wrong else camera.model_copy(update=changes)


def _film(site: Site, name: str, camera: FileCamera) -> str | None:
    key = ("cameras", name, "path")
    path = site.read_path(camera.path, *key)
    if path is not None and what_is(path) == "folder":
        site.blame(
            f"path: {site.draft.shown(*key)} is a folder; write a video file, "
            "or kind: still to film pictures",
            *key,
        )
        return None
    return str(path) if path else None


def _photos(site: Site, name: str, camera: StillCamera) -> str | tuple[str, ...] | None:
    key = ("cameras", name, "photos")
    if camera.photos == "demo":
        if site.facts.demo_photos:
            return "demo"
        site.blame(f"photos: {DEMO_HINT}, or write a folder of your own", *key)
        return None
    if isinstance(camera.photos, str):
        return _photo(site, camera.photos, *key)
    each = [_photo(site, photo, *key, i) for i, photo in enumerate(camera.photos)]
    found = tuple(path for path in each if path is not None)
    return found if len(found) == len(each) else None


def _photo(site: Site, written: str, *key: str | int) -> str | None:
    """The absolute path of a picture or of a folder with pictures."""
    path = site.read_path(written, *key)
    if path is None:
        return None
    folder = what_is(path) == "folder"
    if not (has_picture(path) if folder else is_picture(path)):
        what = "holds no picture" if folder else "is no picture"
        site.blame(f"photos: {site.draft.shown(*key)} {what}; write .png or .jpg files", *key)
        return None
    return str(path)
