"""Installs a show as a service that comes back by itself, and takes it away again.

Where things are: the show, with all that it reads, in a folder of its own below /etc/murai-show;
what it writes below /var/lib/murai-show.  A person's own services have both below their home.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from murai_show.app import find_show, make_plan
from murai_show.errors import ShowError, UsageError
from murai_show.installing import (
    MANIFEST,
    Item,
    Manifest,
    Work,
    digest,
    edited,
    leftovers,
    parse_environment,
    read_manifest,
)
from murai_show.shipped import shipped
from murai_show.show.changes import plan_files
from murai_show.show.findings import Findings
from murai_show.show.paths import is_picture
from murai_show.show.plan import Plan
from murai_show.show.schema import StillCamera
from murai_show.show.timeline import look_at
from murai_show.show.tree import read_tree
from murai_show.show.variables import variables_of

PROGRAM = "/opt/murai-show/bin/murai-show"  # as the units that ship have it
UNIT, KIOSK, RESTART = "murai-show@", "murai-kiosk@", "murai-restart@"
SYSTEM_UNITS = (f"{UNIT}.service", f"{KIOSK}.service", f"{RESTART}.service", f"{RESTART}.timer")
USERS = "murai-show.sysusers"


@dataclass(frozen=True)
class Place:
    """Where a show is installed: in the system whose tree begins at `root`, or for the person whose
    home is `home`.  `live` says that its service manager runs and is told."""

    root: Path
    home: Path | None = None
    live: bool = True

    @property
    def shows(self) -> Path:
        if self.home is not None:
            return self.home / ".config/murai-show/shows"
        return self.root / "etc/murai-show"

    @property
    def units(self) -> Path:
        if self.home is not None:
            return self.home / ".config/systemd/user"
        return self.root / "etc/systemd/system"

    def folder(self, name: str) -> Path:
        return self.shows / name

    def state(self, name: str) -> Path:
        """What the show writes: films, pictures, its last good version, its outbox."""
        if self.home is not None:
            return self.home / ".local/share/murai-show" / name
        return self.root / "var/lib/murai-show" / name

    def inside(self, path: Path) -> str:
        """How the installed system calls `path`."""
        return str("/" / path.relative_to(self.root)) if self.home is None else str(path)

    def outside(self, path: str) -> Path:
        return self.root / path.lstrip("/") if self.home is None else Path(path)

    def manifest(self, name: str) -> Manifest | None:
        """What was installed, its paths as they are from here.  Raises MuraiError."""
        found = read_manifest(self.folder(name) / MANIFEST)
        if found is None:
            return None
        return replace(
            found,
            files={str(self.outside(p)): d for p, d in found.files.items()},
            links={str(self.outside(p)): t for p, t in found.links.items()},
            shared=tuple(str(self.outside(p)) for p in found.shared),
            folders=tuple(str(self.outside(p)) for p in found.folders),
        )

    @property
    def systemctl(self) -> tuple[str, ...]:
        return ("systemctl",) if self.home is None else ("systemctl", "--user")


@dataclass(frozen=True)
class Order:
    """What is to be installed, where, and what of it is worth telling."""

    plan: Plan
    place: Place
    program: str
    restart: str | None = None
    variables: Mapping[str, bool] | None = None

    @property
    def name(self) -> str:
        return self.plan.show

    @property
    def unit(self) -> str:
        """A window needs somebody who owns the screen; a person's desktop does."""
        wanted = KIOSK if self.place.home is None and _has_screen(self.plan) else UNIT
        return f"{wanted}{self.name}.service"


def read_show(
    name: str, work: Path, place: Place, environ: Mapping[str, str]
) -> tuple[Plan, dict[str, bool]]:
    """The plan of the show to install, and its variables.

    The values that the service would have count before those of this shell.  Where some are nowhere
    yet, cameras and outputs are excused from them, as in a rehearsal.  Raises ShowError or
    UsageError.
    """
    show = find_show(name, work)
    known = dict(environ)
    installed = place.folder(_name_in(show)) / "environment"
    if installed.is_file():
        known |= parse_environment(installed.read_text("utf-8"))
    try:
        plan = make_plan(str(show), known, work, displays=False)
    except ShowError as error:
        try:
            plan = make_plan(str(show), known, work, displays=False, rehearse=True)
        except ShowError:
            raise error from None
    text = plan.source.read_text("utf-8")
    return plan, variables_of(read_tree(text, Findings(show.name)))


def _name_in(show: Path) -> str:
    """The name that a show file gives itself, as far as that can be told before it is checked."""
    try:
        found = read_tree(show.read_text("utf-8"), Findings(show.name)).members["show"].value
    except (ShowError, OSError, UnicodeDecodeError, KeyError):
        return show.stem
    return found if isinstance(found, str) else show.stem


def install_work(order: Order) -> Work:
    """Everything that installing means.  Raises UsageError for what cannot be."""
    place, name = order.place, order.name
    before = place.manifest(name)
    _check_free(order, before)
    own = [*_environment(order), *_hour(order), *_show_files(order)]
    shared = list(_unit_files(order))
    units = (order.unit, *((f"{RESTART}{name}.timer",) if order.restart else ()))
    links = {} if place.live else dict(_wants(place, units))
    folders = _folders(order, [item.path for item in (*own, *shared)] + list(links))
    made = Manifest(
        name,
        str(order.plan.source),
        units,
        {place.inside(i.path): i.digest() for i in own if i.path.name != "environment"},
        {place.inside(path): target for path, target in links.items()},
        tuple(place.inside(item.path) for item in shared),
        _new_folders(place, folders),
    )
    known = dict(before.files) if before else {}
    manifest = Item(place.folder(name) / MANIFEST, made.dump())
    renewed = any(item.digest() != digest(item.path) for item in (*shared, *_hour(order)))
    gone = [unit for unit in (before.units if before else ()) if unit not in units]
    return Work(
        first=((*place.systemctl, "disable", "--now", *gone),) if gone and place.live else (),
        folders=folders,
        # The show itself comes after what it names: a show that runs takes a version that is whole.
        items=(*shared, *own, manifest),
        links=links,
        removed=leftovers(before, own, links),
        calls=tuple(_calls(order, units, renewed)) if place.live else (),
        known=known,
    )


def _folders(order: Order, files: Iterable[Path]) -> tuple[tuple[Path, int], ...]:
    """The folders to be, with their modes, those above others first."""
    parents = {folder for file in files for folder in file.parents}
    if order.place.home is None:  # the system's service makes its own
        return tuple((folder, 0o755) for folder in sorted(parents))
    state = order.place.state(order.name)
    return tuple((folder, 0o700) for folder in sorted({*parents, state, *state.parents}))


def _new_folders(place: Place, folders: Iterable[tuple[Path, int]]) -> tuple[str, ...]:
    """Those that are not there yet or that an earlier installation made, of whichever show."""
    others = (place.manifest(p.parent.name) for p in place.shows.glob(f"*/{MANIFEST}"))
    made = {folder for manifest in others if manifest for folder in manifest.folders}
    return tuple(place.inside(f) for f, _ in folders if not f.is_dir() or str(f) in made)


def uninstall_work(name: str, place: Place, *, purge: bool) -> Work:
    """Takes away exactly what was installed.  What was edited since, the environment and what the
    show wrote stay, but for `purge`.  Raises UsageError, MuraiError."""
    found = place.manifest(name)
    if found is None:
        there = sorted(p.parent.name for p in place.shows.glob(f"*/{MANIFEST}"))
        raise UsageError(f"no show {name!r} is installed; there are: {', '.join(there) or 'none'}")
    folder = place.folder(name)
    files = [Path(f) for f in found.files if purge or not edited(Path(f), found.files)]
    removed = [*files, *map(Path, found.links), folder / MANIFEST]
    environment = folder / "environment"
    if environment.is_file() and not parse_environment(environment.read_text("utf-8")):
        removed.append(environment)
    last = not [p for p in place.shows.glob(f"*/{MANIFEST}") if p.parent.name != name]
    if last:
        removed += [Path(f) for f in found.shared]
    if purge:
        removed = [f for f in removed if not f.is_relative_to(folder)]
        removed += [folder, place.state(name)]
    reload = ((*place.systemctl, "daemon-reload"),) if place.live else ()
    return Work(
        first=((*place.systemctl, "disable", "--now", *found.units),) if place.live else (),
        removed=removed,
        emptied=[Path(f) for f in found.folders],
        calls=reload,
    )


def notes(order: Order) -> Iterator[str]:
    """What the technician still has to know or do."""
    place, name = order.place, order.name
    environment = place.folder(name) / "environment"
    unset = _unset(order)
    if unset:
        yield (
            f"fill in {', '.join(unset)} in {environment}, then: "
            f"{' '.join(place.systemctl)} restart {order.unit}"
        )
    if place.live:
        yield f"how it is: {' '.join(place.systemctl)} status {order.unit}"
        yield f"its log: journalctl {'--user ' if place.home else ''}-fu {order.unit}"
    if place.home is not None:
        yield "to have it run before you log in: loginctl enable-linger"
    if not place.live and (lacking := _lacking(order)):
        yield f"{_SCREEN}: apt-get install {' '.join(lacking)}, in {place.root}"
    if not place.live and place.home is None and not place.outside(order.program).exists():
        yield f"there is no {order.program} in {place.root} yet; the service needs it"


_SCREEN = "the screen is driven by cage, and lent by seatd, and not all of that is there"
_SCREEN_PROGRAMS = (("cage", "bin/cage"), ("xwayland", "bin/Xwayland"), ("seatd", "sbin/seatd"))


def _lacking(order: Order) -> list[str]:
    """The Debian packages that a show on a screen still wants."""
    if not order.unit.startswith(KIOSK):
        return []
    there = {name: (order.place.root / "usr" / at).exists() for name, at in _SCREEN_PROGRAMS}
    return [package for package in there if not there[package]]


def this_program(place: Place) -> str:
    """The path of the program for a unit: this one's own, unless it is outside of the tree."""
    beside = Path(sys.executable).parent / "murai-show"
    if not beside.is_file() or not beside.is_relative_to(place.root):
        return PROGRAM
    return place.inside(beside)


def check_restart(hour: str, plan: Plan) -> str:
    """`05:30`.  Raises UsageError for what is no hour, or one at which a wall that is dark at times
    is lit."""
    try:
        time = datetime.strptime(hour, "%H:%M").time()
    except ValueError:
        raise UsageError(
            f"--restart: {hour!r} is no time of day; write one such as 05:30"
        ) from None
    if any(rule.hours or rule.days or rule.dates for rule in plan.schedule):
        zone = ZoneInfo(plan.place.tz)
        today = datetime.now(zone).date()
        for day in (today + timedelta(days=n) for n in range(366)):
            if look_at(plan, datetime.combine(day, time, zone).timestamp()).lit:
                raise UsageError(
                    f"--restart: at {hour} on {day} the wall is lit; choose an hour when it is "
                    f"dark, murai-show plan {plan.show} --date {day} shows them"
                )
    return f"{time:%H:%M}"


def _has_screen(plan: Plan) -> bool:
    return any(o.spec.kind == "display" or o.stands_for.startswith("display") for o in plan.outputs)


def _unset(order: Order) -> list[str]:
    """The variables that have neither a default nor a value for the service."""
    file = order.place.folder(order.name) / "environment"
    known = parse_environment(file.read_text("utf-8")) if file.is_file() else {}
    return [n for n, default in (order.variables or {}).items() if not default and n not in known]


def _check_free(order: Order, before: Manifest | None) -> None:
    folder, source = order.place.folder(order.name), order.plan.source
    if before is None:
        if (folder / f"{order.name}.yaml").exists():
            raise UsageError(f"{folder} is there, and not installed by us; move it away first")
    elif before.source != str(source) and not source.is_relative_to(folder):
        raise UsageError(
            f"the name {order.name} is taken: it was installed from {before.source}; "
            f"murai-show uninstall {order.name} first, or give this show another name"
        )
    if order.place.live and (lacking := _lacking(order)):
        raise UsageError(f"{_SCREEN}: apt-get install {' '.join(lacking)}")
    if source.is_relative_to(folder):
        raise UsageError(
            f"{source} is the installed show itself: it is taken when it is saved; install it from "
            "where it was written"
        )


def _show_files(order: Order) -> Iterator[Item]:
    """What the show reads, and last the show: below its own folder as it was below its own."""
    plan, folder = order.plan, order.place.folder(order.name)
    home = plan.source.parent
    photos = [p for c in plan.cameras if isinstance(c.spec, StillCamera) for p in _photos(c.spec)]
    for file in dict.fromkeys((*sorted(plan_files(plan)), *photos)):
        if file == plan.source or not file.is_file() or _is_shipped(file):
            continue
        if file in (plan.bank.file, plan.bank.file.with_suffix(".json")):
            yield Item(folder / "models" / file.name, source=file)
        elif file.name == f"{plan.source.stem}.align.yaml":
            yield Item(folder / f"{order.name}.align.yaml", source=file)
        else:
            yield Item(folder / file.relative_to(home), source=file)
    yield Item(folder / f"{order.name}.yaml", source=plan.source)


def _photos(camera: StillCamera) -> Iterator[Path]:
    """The photographs that are filmed, but for those that ship along."""
    written = (camera.photos,) if isinstance(camera.photos, str) else camera.photos
    for path in (Path(p) for p in written if p != "demo"):
        yield from sorted(filter(is_picture, path.iterdir())) if path.is_dir() else [path]


def _is_shipped(file: Path) -> bool:
    return any(file.is_relative_to(shipped(folder)) for folder in ("models",))


def _environment(order: Order) -> Iterator[Item]:
    """A line for each variable, for the technician to fill in; never written over."""
    file = order.place.folder(order.name) / "environment"
    text = file.read_text("utf-8") if file.is_file() else _ENVIRONMENT
    lines = {line.lstrip("#; ").partition("=")[0] for line in text.splitlines() if "=" in line}
    for name, default in (order.variables or {}).items():
        if name not in lines:
            text += f"#{name}=\n" if not default else f"# the show has a default for it\n#{name}=\n"
    yield Item(file, text.encode(), mode=0o600)


_ENVIRONMENT = """\
# Values for the ${NAMES} of the show: remove the # and write behind the =.
# Only root reads this file, and who runs the show.
"""


def _hour(order: Order) -> Iterator[Item]:
    if order.restart is None:
        return
    folder = order.place.units / f"{RESTART}{order.name}.timer.d"
    when = f"*-*-* {order.restart}:00 {order.plan.place.tz}"
    yield Item(folder / "hour.conf", f"[Timer]\nOnCalendar=\nOnCalendar={when}\n".encode())


def _unit_files(order: Order) -> Iterator[Item]:
    """The units that ship, with the path of this program."""
    place, units = order.place, shipped("systemd")
    if place.home is not None:
        source = units / "user" / f"{UNIT}.service"
        yield Item(place.units / source.name, _with_program(source, order.program))
        return
    for name in SYSTEM_UNITS:
        yield Item(place.units / name, _with_program(units / name, order.program))
    users = place.root / "etc/sysusers.d/murai-show.conf"
    yield Item(users, (units / USERS).read_bytes())


def _with_program(unit: Path, program: str) -> bytes:
    return unit.read_text("utf-8").replace(PROGRAM, program).encode()


def _wants(place: Place, units: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """The links that `systemctl enable` would make."""
    for unit in units:
        target = "timers.target" if unit.endswith(".timer") else "multi-user.target"
        if place.home is not None:
            target = "default.target"
        template = unit.partition("@")[0] + "@." + unit.rpartition(".")[2]
        yield place.units / f"{target}.wants" / unit, place.inside(place.units / template)


def _calls(order: Order, units: tuple[str, ...], renewed: bool) -> Iterator[tuple[str, ...]]:
    place, systemctl = order.place, order.place.systemctl
    if place.home is None:
        yield ("systemd-sysusers", place.inside(place.root / "etc/sysusers.d/murai-show.conf"))
    if renewed:
        yield (*systemctl, "daemon-reload")
    yield (*systemctl, "enable", *units)
    if order.restart:
        yield (*systemctl, "start", units[1])
    if not _unset(order):
        # A show that runs has taken the newer file already; only a newer unit wants a fresh start.
        yield (*systemctl, "restart" if renewed else "start", "--no-block", order.unit)


def find_place(*, user: bool, root: Path | None, dry_run: bool) -> Place:
    """Where to install.  Raises UsageError, with the remedy, where it cannot be."""
    if user and root is not None:
        raise UsageError("--user and --root exclude each other: a tree has no person's services")
    if root is not None:
        return Place(root, live=False)
    if not Path("/run/systemd/system").is_dir():
        raise UsageError(
            "systemd does not run here; --root DIR installs into the tree of a system that will "
            "start with it, --root / into this one"
        )
    if user:
        return Place(Path("/"), home=Path.home())
    if os.geteuid() and not dry_run:
        raise UsageError("only root may install a service; sudo it, or write --user for your own")
    return Place(Path("/"))


def check_program(place: Place, program: str) -> None:
    """Raises UsageError for a program that the service could not start."""
    if place.home is None and Path(program).is_relative_to("/root"):
        hidden = "/root"
    elif place.home is None and Path(program).is_relative_to("/home"):
        hidden = "/home"
    else:
        return
    raise UsageError(
        f"the program is {program}, and the service sees nothing of {hidden}; install it with "
        "python3 -m venv /opt/murai-show && /opt/murai-show/bin/pip install murai-show, or "
        "write --user"
    )
