"""Stylizers: what paints a frame.  Backends are imported when they are chosen, not before."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from murai_show.errors import EngineError
from murai_show.ports import Stylizer
from murai_show.show.plan import PlannedBank
from murai_show.show.words import Size

if TYPE_CHECKING:
    from murai_show.style.bank import Bank
    from murai_show.style.judge import Practice

ENGINES = ("openvino", "pytorch", "identity")
log = logging.getLogger(__name__)


def open_stylizer(
    planned: PlannedBank, paint: Size, practice: Callable[[], Practice] | None = None
) -> Stylizer:
    """Build the engine that the plan names, warmed up.

    `practice` gives real frames to build int8 with, on first use.  An engine that cannot be had
    here leaves the painting to PyTorch, and says so.  Raises BankError.
    """
    if planned.engine == "identity":
        from murai_show.style.identity import IdentityStylizer

        return IdentityStylizer(planned.styles, paint)
    from murai_show.style.bank import read_bank

    bank = read_bank(planned.file)
    if planned.engine == "openvino":
        try:
            return _open_openvino(bank, paint, practice)
        except EngineError as error:
            log.warning("%s; PyTorch paints instead, more slowly", error)
    from murai_show.style.pytorch import PytorchStylizer

    stylizer = PytorchStylizer(bank, paint)
    stylizer.warm_up()
    return stylizer


def _open_openvino(bank: Bank, paint: Size, practice: Callable[[], Practice] | None) -> Stylizer:
    try:
        from murai_show.style.build import build_engines, find_engines
        from murai_show.style.openvino import OpenvinoStylizer
        from murai_show.style.tune import choose
    except ImportError as error:
        raise EngineError(f"OpenVINO cannot be loaded: {error}") from None

    def no_practice() -> Practice:
        raise EngineError("there are no frames to fit int8 to")

    name = bank.path.stem
    engines = find_engines(bank)
    if engines is None:
        log.info("%s: its engines are built for this machine, once, in about half a minute", name)
        engines = build_engines(bank, practice or no_practice, lambda what: log.info("  %s", what))
        for precision, verdict in engines.verdicts.items():
            if not verdict.good:
                log.info("  %s does not paint: %s", precision, verdict.why)
    choice = choose(engines, bank, paint)
    log.info("%s: %s", name, choice.why(paint))
    stylizer = OpenvinoStylizer(bank, engines.program(choice.precision, choice.threads), paint)
    stylizer.warm_up()
    return stylizer
