"""Stylizers: what paints a frame.  Backends are imported when they are chosen, not before."""

from __future__ import annotations

from murai_show.ports import Stylizer
from murai_show.show.plan import PlannedBank
from murai_show.show.words import Size

ENGINES = ("pytorch", "identity")


def open_stylizer(planned: PlannedBank, paint: Size) -> Stylizer:
    """Build the engine that the plan names, warmed up.  Raises BankError."""
    if planned.engine == "identity":
        from murai_show.style.identity import IdentityStylizer

        return IdentityStylizer(planned.styles, paint)
    from murai_show.style.bank import read_bank
    from murai_show.style.pytorch import PytorchStylizer

    stylizer = PytorchStylizer(read_bank(planned.file), paint)
    stylizer.warm_up()
    return stylizer
