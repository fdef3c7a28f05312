"""The composition root: a show's name becomes a plan, a plan becomes objects, the objects run.

Parts start in order and stop in reverse; whatever fails, those that have started are stopped.
Heavy parts (torch, OpenGL) are imported where they are built, so that `check` and `plan` stay
quick.
"""

from __future__ import annotations

import difflib
import importlib.util
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from murai_show.edge.watch import EVERY, Stamps, Watch, stamps
from murai_show.errors import BankError, MuraiError, ShowError, UsageError
from murai_show.gpu import find_gpu
from murai_show.shipped import shipped
from murai_show.show.changes import plan_files
from murai_show.show.plan import BankFacts, Facts, Monitor
from murai_show.style.card import read_card

if TYPE_CHECKING:
    from collections.abc import Iterator

    from murai_show.edge.metrics import Result
    from murai_show.edge.vigil import Vigil
    from murai_show.edges import Edges
    from murai_show.loop.errands import Errands
    from murai_show.on_air import OnAir
    from murai_show.ports import Clock
    from murai_show.reload import Replan
    from murai_show.report import Report
    from murai_show.show.plan import Plan

log = logging.getLogger(__name__)


def find_show(name: str, work: Path) -> Path:
    """The file that `locate_show` finds, links followed."""
    return locate_show(name, work).resolve()


def locate_show(name: str, work: Path) -> Path:
    """`up375.yaml` or `up375`: as written, in `work`, in `work`/shows, among the shipped shows.

    The absolute path, links not followed.  Raises UsageError, with the nearest name that exists.
    """
    written = Path(name)
    folders = [work, work / "shows", shipped("shows")]
    candidates = [written] if written.is_absolute() else [folder / written for folder in folders]
    for candidate in candidates:
        for path in (candidate, candidate.with_name(candidate.name + ".yaml")):
            if path.is_file():
                return path.absolute()
    shows = sorted({path.name for folder in folders for path in folder.glob("*.yaml")})
    near = difflib.get_close_matches(written.name, shows, 1) or difflib.get_close_matches(
        written.name + ".yaml", shows, 1
    )
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(shows) or 'none'}"
    raise UsageError(f"no show file {name!r} here or in shows/; {hint}")


def bank_folders(show: Path, work: Path) -> list[Path]:
    """Where banks are looked for by name; the first folder that has it wins."""
    folders = [show.parent / "models", show.parent.parent / "models", work / "models"]
    return list(dict.fromkeys([*folders, shipped("models")]))


def bank_facts(path: Path) -> BankFacts:
    """What the card of a bank says; trouble as a sentence, not an exception."""
    try:
        card = read_card(path)
    except BankError as error:
        return BankFacts(path, (), str(error))
    trouble = "" if path.is_file() else f"{path}: no such bank"
    return BankFacts(path, card.names, trouble, tuple(style.credit for style in card.styles))


def find_banks(show: Path, work: Path) -> dict[str, BankFacts]:
    """Every bank in reach of `show`, by name."""
    found: dict[str, BankFacts] = {}
    for folder in bank_folders(show, work):
        for path in sorted(folder.glob("*.safetensors")):
            found.setdefault(path.stem, bank_facts(path))
    return found


def find_bank(name: str, work: Path) -> Path:
    """The file of the bank called `name`, or `name` itself where it is one.

    Raises UsageError, with the nearest name that exists.
    """
    if name.endswith(".safetensors"):
        return Path(name)
    banks = find_banks(work / "shows" / "none.yaml", work)
    if name not in banks:
        near = difflib.get_close_matches(name, banks, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(banks) or 'none'}"
        raise UsageError(f"no bank {name!r} in models/; {hint}")
    return banks[name].file


def _installed(module: str) -> bool:
    """Whether `module` can be imported; it is not."""
    return importlib.util.find_spec(module) is not None


def gather_facts(
    show: Path, work: Path, *, displays: bool, monitors: tuple[Monitor, ...] | None = None
) -> Facts:
    """What this machine has.  `displays` asks the GPU's driver too, which takes a moment, and,
    unless `monitors` says what it would answer, the window system, which wants the main thread."""
    if displays and monitors is None:
        from murai_show.output import list_monitors

        monitors = list_monitors()
    return Facts(
        banks=find_banks(show, work),
        read_bank=bank_facts,
        monitors=monitors,
        work=work,
        openvino=_installed("openvino"),
        pytorch=_installed("torch"),
        tensorrt=_installed("tensorrt"),
        gpu=find_gpu() is not None if displays else None,
        demo_photos=_installed("skimage"),
        speaks=_speaks if displays else None,
        loopback=_loopback if displays else None,
        credential=_credential if displays else None,
    )


def _speaks(protocol: str) -> bool:
    """Whether the FFmpeg that is here has a protocol."""
    from murai_show.output.link import has_protocol

    return has_protocol(protocol)


def _loopback(device: str) -> str:
    """Why `device` is no virtual camera, empty when it is one."""
    from murai_show.output.v4l2 import trouble_with

    return trouble_with(device)


def _credential(name: str, kind: str, environ: Mapping[str, str]) -> str:
    """Why the account called `name` cannot post from here, empty where it can."""
    from murai_show.edge.social.accounts import trouble_with

    return trouble_with(name, kind, environ)


def make_plan(
    name: str,
    environ: Mapping[str, str],
    work: Path,
    *,
    displays: bool,
    rehearse: bool = False,
    cameras: Mapping[str, str] | None = None,
    monitors: tuple[Monitor, ...] | None = None,
    copy: Path | None = None,
) -> Plan:
    """Find the show called `name`, read it and plan it for this machine.

    `monitors` as in `gather_facts`; `copy` is read in the show's place.  Raises ShowError with
    every problem, or UsageError.
    """
    from murai_show.show.plan import plan_show

    show = find_show(name, work)
    facts = gather_facts(show, work, displays=displays, monitors=monitors)
    return plan_show(show, facts, environ, rehearse=rehearse, cameras=cameras or {}, copy=copy)


def plan_or_last_good(show: Path, plan: Callable[..., Plan]) -> Plan:
    """What `plan` makes of the show file `show`; if that is broken, of its last good version.

    `plan` is `make_plan` with all but `copy`.  Raises what it raises where there is no such
    version, or that is no good either any more.
    """
    from murai_show.last_good import kept

    try:
        return plan()
    except ShowError as error:
        copy = kept(show)
        if copy is None:
            raise
        try:
            found = plan(copy=copy)
        except MuraiError:
            raise error from None
        log.warning("%s", error)
        log.warning("%s is broken; its last good version %s runs", show, found.config_hash)
        return found


def demo_photos() -> list[Path]:
    """The photographs of the `demo` extra.  Raises CameraError when it is not installed."""
    from murai_show.camera.still import find_photos

    return list(find_photos("demo"))


class SystemClock:
    """The clocks of this machine."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


@dataclass(frozen=True)
class Live:
    """How a show that runs goes with its file.

    `show` is the file's path as it was found, links not followed.  `replan` reads newer versions,
    looked for every `every` seconds; None stays with the first.  A version that has been on air for
    `keep_after` seconds is kept as the last good one; None keeps none.
    """

    show: Path
    replan: Replan | None
    keep_after: float | None = None
    every: float = EVERY


def run_show(
    plan: Plan,
    seconds: float | None,
    stop: threading.Event,
    clock: Clock | None = None,
    live: Live | None = None,
    vigil: Vigil | None = None,
) -> Report:
    """Build what `plan` names, run it until `stop` or for `seconds`, and take it down again.

    `clock` takes the place of this machine's clocks; with `live` newer versions are taken; `vigil`
    is told once the show is built.  Raises CancelledError when `stop` comes before that.
    """
    import psutil

    from murai_show.edges import Edges
    from murai_show.loop.errands import Errands
    from murai_show.loop.mailbox import Mailbox
    from murai_show.loop.run import Parts, run_loop, status
    from murai_show.loop.shutter import Shutter
    from murai_show.loop.tally import Tally
    from murai_show.on_air import OnAir
    from murai_show.report import Report

    for note in plan.notes:
        log.info("%s", note)
    seen = stamps(plan_files(plan) | ({live.show} if live else set()))
    clock, mailbox, tally, errands = clock or SystemClock(), Mailbox(), Tally(), Errands()
    counts: dict[Result, int] = {"taken": 0, "refused": 0}
    shutter = Shutter()
    with ExitStack() as stack:
        air = stack.enter_context(closing(OnAir(plan, clock, errands, stop)))
        edges = stack.enter_context(closing(Edges(air, clock, mailbox, tally, shutter, counts)))
        if live is not None:
            stack.enter_context(_following(live, air, errands, seen, counts, edges, stop))
        if vigil is not None:
            vigil.attend(mailbox)
        parts = Parts(lambda: air.scene, clock, mailbox, tally, errands, air.flashes, shutter)
        begun = clock.monotonic()
        log.info("%s is on: %s painted by %s", plan.show, plan.bank.name, air.engine)
        run_loop(parts, stop, None if seconds is None else begun + seconds)
        ended = clock.monotonic()
        last = status(parts, air.scene.look_at(clock.wall()), ended)
        files = air.recorded
    memory = psutil.Process().memory_info().rss
    latencies, profile = tally.latencies(), tally.profile()
    return Report(ended - begun, last, latencies, profile, memory, files, edges.expecting.lasted)


@contextmanager
def _following(
    live: Live,
    air: OnAir,
    errands: Errands,
    seen: Stamps,
    counts: dict[Result, int],
    edges: Edges,
    stop: threading.Event,
) -> Iterator[None]:
    """Keep what runs well, and take newer versions."""
    from murai_show.last_good import Keeper
    from murai_show.output import list_monitors
    from murai_show.reload import Reload

    with ExitStack() as stack:
        keeper = None if live.keep_after is None else Keeper(live.keep_after)
        if keeper is not None:
            stack.callback(keeper.close)
            keeper.on_air(air.plan)

        def taken(plan: Plan) -> None:
            edges.follow(plan)
            if keeper is not None:
                keeper.on_air(plan)

        if live.replan is not None:
            ask = partial(errands.ask, list_monitors)
            reload = Reload(
                live.show, seen, air, live.replan, list_monitors(), ask, taken, counts, stop
            )
            stack.callback(Watch(reload.files, seen, reload.settled, live.every).close)
        yield


@contextmanager
def supervised(stop: threading.Event) -> Iterator[Vigil]:
    """Tell the supervisor, where there is one, that the show starts, and at the end that it is
    over; `run_show` tells it the rest."""
    from murai_show.edge.vigil import Vigil

    with closing(Vigil(os.environ, stop)) as vigil:
        yield vigil


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C set `stop`; a second Ctrl-C ends at once."""

    def handle(number: int, _frame: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {s: signal.signal(s, handle) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
