"""Does this machine keep the rate that a show promises?  Measured before anything is opened."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from murai_show.errors import BankError, EngineError, PaceError
from murai_show.frame import Frame
from murai_show.practice import practice_frames
from murai_show.show.plan import Plan
from murai_show.show.proof import Proof, prove
from murai_show.show.timeline import Look
from murai_show.style import open_stylizer
from murai_show.style.timed import timed

log = logging.getLogger(__name__)

SECONDS = 1.0


def proof_of(plan: Plan) -> Proof:
    """How often this machine paints what `plan` names.

    A rate that is remembered is taken; else, where the show promises one, the painter is opened and
    measured for a second, and what is not built yet is built.  `milliseconds` is None where the
    show promises nothing and nobody has measured.
    """
    try:
        found = remembered(plan)
        if found is None and plan.expect.painted is not None:
            found = measured(plan)
    except (BankError, EngineError) as error:
        return prove(plan, None, str(error))
    return prove(plan, found, "it is measured at the first run, or by murai-show build")


def check_pace(proof: Proof, *, force: bool) -> None:
    """Raise PaceError when the show promises what cannot be kept; with `force` only say so."""
    if proof.keeps:
        return
    if force or proof.rung:
        log.warning("%s", proof.sentence)
        return
    raise PaceError(proof.sentence)


def remembered(plan: Plan) -> float | None:
    """Milliseconds a picture as OpenVINO's tuner measured them here; None where it has not.

    Other engines remember which of their forms is the fastest under names of their own: they are
    opened and measured.
    """
    if plan.bank.engine != "openvino":
        return None
    try:
        from murai_show.style.bank import kernel_sets, read_bank
        from murai_show.style.build import find_engines
        from murai_show.style.tune import recalled
    except ImportError:
        return None
    found: list[float] = []
    for part in kernel_sets(read_bank(plan.bank.file)):
        engines = find_engines(part)
        taken = None if engines is None else recalled(engines, plan.paint)
        if taken is None:
            return None
        found.append(taken)
    return max(found)  # one network at a time, but for fades


def measured(plan: Plan) -> float:
    """Milliseconds a picture, the median of a second of painting, on a thread of its own as in a
    show.  Raises BankError, EngineError, and DeviceLostError when a GPU broke this process."""
    with ThreadPoolExecutor(1, "proof") as thread:
        return thread.submit(_measure, plan).result()


def _measure(plan: Plan) -> float:
    log.info("how often this machine paints is measured, for a second")
    stylizer = open_stylizer(plan.bank, plan.paint, practice_frames)
    size = (plan.paint.height, plan.paint.width, 3)
    pixels = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    look = Look(((stylizer.styles[0], 1.0),))
    frame = Frame(pixels, 0.0, 0.0, 1, "proof")
    try:
        return timed(lambda: stylizer(frame, look), SECONDS)
    finally:
        stylizer.close()
