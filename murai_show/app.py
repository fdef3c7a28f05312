"""The composition root: a show's name becomes a plan, a plan becomes objects, the objects run.

Parts start in order and stop in reverse; whatever fails, those that have started are stopped.
Heavy parts (torch, OpenGL) are imported where they are built, so that `check` and `plan` stay
quick.
"""

from __future__ import annotations

import difflib
import importlib.util
import logging
import signal
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from murai_show import __version__
from murai_show.errors import BankError, MuraiError, UsageError
from murai_show.gpu import find_gpu
from murai_show.shipped import shipped
from murai_show.show.plan import BankFacts, Facts, Monitor
from murai_show.style.card import read_card

if TYPE_CHECKING:
    from collections.abc import Iterator

    from murai_show.report import Report
    from murai_show.show.plan import Plan

log = logging.getLogger(__name__)


def find_show(name: str, work: Path) -> Path:
    """`up375.yaml` or `up375`: as written, in `work`, in `work`/shows, among the shipped shows.

    Raises UsageError, with the nearest name that exists.
    """
    written = Path(name)
    folders = [work, work / "shows", shipped("shows")]
    candidates = [written] if written.is_absolute() else [folder / written for folder in folders]
    for candidate in candidates:
        for path in (candidate, candidate.with_name(candidate.name + ".yaml")):
            if path.is_file():
                return path.resolve()
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
        names = read_card(path).names
    except BankError as error:
        return BankFacts(path, (), str(error))
    return BankFacts(path, names, "" if path.is_file() else f"{path}: no such bank")


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


def gather_facts(show: Path, work: Path, *, displays: bool) -> Facts:
    """What this machine has.  `displays` asks the window system and the GPU's driver too, which
    takes a moment."""
    monitors: tuple[Monitor, ...] | None = None
    if displays:
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
    )


def make_plan(
    name: str,
    environ: Mapping[str, str],
    work: Path,
    *,
    displays: bool,
    rehearse: bool = False,
    cameras: Mapping[str, str] | None = None,
) -> Plan:
    """Find the show called `name`, read it and plan it for this machine.

    Raises ShowError with every problem, or UsageError.
    """
    from murai_show.show.plan import plan_show

    show = find_show(name, work)
    facts = gather_facts(show, work, displays=displays)
    return plan_show(show, facts, environ, rehearse=rehearse, cameras=cameras or {})


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


def run_show(plan: Plan, seconds: float | None, stop: threading.Event) -> Report:
    """Build what `plan` names, run it until `stop` or for `seconds`, and take it down again."""
    import psutil

    from murai_show.camera import DECODED, open_camera, open_decoding
    from murai_show.edge.metrics import Identity, MetricsServer
    from murai_show.loop.mailbox import Mailbox
    from murai_show.loop.run import Parts, run_loop, status
    from murai_show.loop.tally import Tally
    from murai_show.output import Stage, open_output
    from murai_show.output.recording import Recording
    from murai_show.practice import practice_frames
    from murai_show.report import Report
    from murai_show.show.timeline import look_at
    from murai_show.style import ON_GPU, open_stylizer

    for note in plan.notes:
        log.info("%s", note)
    clock, mailbox, tally = SystemClock(), Mailbox(), Tally()
    with ExitStack() as stack:
        painter = stack.enter_context(ThreadPoolExecutor(1, "painter"))
        stylizer = painter.submit(open_stylizer, plan.bank, plan.paint, practice_frames).result()
        stack.callback(stylizer.close)
        on_gpu = stylizer.engine in ON_GPU
        decoded = plan.camera.spec.kind in DECODED
        decoding = open_decoding("nvdec" if on_gpu and decoded else "software")
        camera = open_camera(plan.camera, clock, within=plan.paint, decoding=decoding)
        stack.callback(camera.close)
        stage = Stage(plan.outputs, cuda=0 if on_gpu else None)
        stack.callback(stage.close)
        started = datetime.now().astimezone()
        outputs = []
        for planned in plan.outputs:
            output = open_output(planned, stage, plan.title or plan.show, started)
            stack.callback(output.close)
            outputs.append(output)
        if plan.metrics is not None:
            identity = Identity(
                plan.show, plan.config_hash, __version__, stylizer.engine, plan.bank.styles
            )
            try:
                server = MetricsServer(plan.metrics, mailbox, identity, clock.monotonic)
            except MuraiError as error:
                log.warning("%s; the show goes on without metrics", error)
            else:
                stack.callback(server.close)
                log.info("metrics on http://%s/metrics", server.address)
        look = partial(look_at, plan)
        parts = Parts(painter, camera, stylizer, outputs, look, clock, mailbox, tally)
        begun = clock.monotonic()
        log.info("%s is on: %s painted by %s", plan.show, plan.bank.name, stylizer.engine)
        run_loop(parts, stop, None if seconds is None else begun + seconds)
        ended = clock.monotonic()
        last = status(parts, look_at(plan, clock.wall()), ended)
        files = tuple(output.path for output in outputs if isinstance(output, Recording))
    memory = psutil.Process().memory_info().rss
    return Report(ended - begun, last, tally.latencies(), tally.profile(), memory, files)


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
