"""Stylizers: what paints a frame.  Backends are imported when they are chosen, not before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING

from murai_show.errors import EngineError
from murai_show.ports import Resizable
from murai_show.show.plan import PlannedBank
from murai_show.show.words import Size

if TYPE_CHECKING:
    from murai_show.style.bank import Bank
    from murai_show.style.judge import Practice

ON_GPU = ("tensorrt", "cuda")  # these take frames and give pictures in a GPU's memory
ENGINES = (*ON_GPU, "openvino", "pytorch", "identity")
log = logging.getLogger(__name__)


def open_stylizer(
    planned: PlannedBank, paint: Size, practice: Callable[[], Practice] | None = None
) -> Resizable:
    """Build the engine that the plan names, warmed up; one for each kernel set of the bank.

    `practice` gives real frames to build int8 with, on first use.  An engine that cannot be had
    here leaves the painting to the next of `ENGINES`, and says so in one line.  Raises BankError,
    and DeviceLostError when a GPU broke this process.
    """
    if planned.engine == "identity":
        from murai_show.style.identity import IdentityStylizer

        return IdentityStylizer(planned.styles, paint)
    from murai_show.style.bank import kernel_sets, read_bank

    bank = read_bank(planned.file)
    opened: list[Resizable] = []
    with ExitStack() as undo:
        for part in kernel_sets(bank):
            stylizer = _open_engine(part, planned.engine, paint, practice)
            undo.callback(stylizer.close)
            opened.append(stylizer)
        undo.pop_all()
    return _together(opened)


def open_reference(bank: Bank, paint: Size) -> Resizable:
    """`bank` in PyTorch, fp32, one network for each kernel set.  Raises BankError."""
    from murai_show.style.bank import kernel_sets
    from murai_show.style.pytorch import PytorchStylizer

    return _together([PytorchStylizer(part, paint) for part in kernel_sets(bank)])


def _together(opened: Sequence[Resizable]) -> Resizable:
    if len(opened) == 1:
        return opened[0]
    from murai_show.style.ensemble import Ensemble

    return Ensemble(opened)


def _open_engine(
    bank: Bank, wanted: str, paint: Size, practice: Callable[[], Practice] | None
) -> Resizable:
    """One network in `wanted`, or in the next of `ENGINES` that can be had."""
    openers: dict[str, Callable[[], Resizable]] = {
        "tensorrt": lambda: _open_tensorrt(bank, paint),
        "cuda": lambda: _open_cuda(bank, paint),
        "openvino": lambda: _open_openvino(bank, paint, practice),
        "pytorch": lambda: _open_pytorch(bank, paint),
    }
    order = tuple(openers)
    for engine, following in pairwise(order[order.index(wanted) :]):
        try:
            return openers[engine]()
        except EngineError as error:
            log.warning(
                "%s: %s cannot paint here, %s does: %s", bank.name, engine, following, error
            )
    return openers["pytorch"]()


def _open_pytorch(bank: Bank, paint: Size) -> Resizable:
    from murai_show.style.pytorch import PytorchStylizer

    stylizer = PytorchStylizer(bank, paint)
    stylizer.warm_up()
    return stylizer


def _open_cuda(bank: Bank, paint: Size) -> Resizable:
    from murai_show.style.cuda import open_cuda

    return open_cuda(bank, paint)


def _open_tensorrt(bank: Bank, paint: Size) -> Resizable:
    from murai_show.style.tensorrt import open_tensorrt

    return open_tensorrt(bank, paint)


def _open_openvino(bank: Bank, paint: Size, practice: Callable[[], Practice] | None) -> Resizable:
    try:
        from murai_show.style.build import build_engines, find_engines
        from murai_show.style.openvino import OpenvinoStylizer
        from murai_show.style.tune import choose
    except ImportError as error:
        raise EngineError(f"OpenVINO cannot be loaded: {error}") from None

    def no_practice() -> Practice:
        raise EngineError("there are no frames to fit int8 to")

    name = bank.name
    engines = find_engines(bank)
    if engines is None:
        log.info("%s: its engines are built for this machine, once, in about a minute", name)
        engines = build_engines(bank, practice or no_practice, lambda what: log.info("  %s", what))
    for precision, verdict in engines.verdicts.items():
        if not verdict.good:
            log.info("%s: no %s: %s", name, precision, verdict.why)
    choice = choose(engines, bank, paint)
    log.info("%s: %s", name, choice.why(paint))
    stylizer = OpenvinoStylizer(bank, engines.program(choice.precision, choice.threads), paint)
    stylizer.warm_up()
    return stylizer
