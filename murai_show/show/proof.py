"""Does this machine paint as often as the show promises?  The arithmetic, pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from murai_show.show.guard import Rung
from murai_show.show.planned import Plan
from murai_show.show.playing import DARK, PLAIN
from murai_show.show.words import Size

STEP = 4  # pixels: the painter's grid
SMALLEST = 128  # pixels on the longer side of a paint size that is worth suggesting
SPARE = 0.95  # of the time of a picture: what a suggestion uses of it


@dataclass(frozen=True)
class Proof:
    """What the painter was measured at: `milliseconds` for a picture of `paint` by `engine`, alone
    on this machine; None where nobody has measured, and `unknown` says why.

    `wanted` is `expect: painted`, None where the show promises nothing.  `rung` is the step of the
    show's ladder on which it keeps that, "" where it needs none or has none.  `paintings` is how
    many of them a picture takes: one for each look of its areas and for each shot.
    """

    paint: Size
    engine: str
    milliseconds: float | None
    wanted: float | None
    rung: str = ""
    unknown: str = ""
    paintings: int = 1

    @property
    def rate(self) -> float | None:
        """Pictures a second."""
        if self.milliseconds is None:
            return None
        return 1e3 / max(self.milliseconds * self.paintings, 1e-3)

    @property
    def keeps(self) -> bool:
        """Whether nothing is promised that cannot be kept; also where nobody knows."""
        return self.wanted is None or self.rate is None or self.rate >= self.wanted

    @property
    def kept(self) -> bool:
        """Whether the show keeps its promise, on its ladder if it must."""
        return self.keeps or bool(self.rung)

    @property
    def sentence(self) -> str:
        """`painted: 30 a second wanted, this machine paints 640x360 with openvino in 78 ms: …`"""
        if self.milliseconds is None or self.rate is None:
            return f"painted: how often this machine paints is not known: {self.unknown}"
        paints = f"this machine paints {self.paint} with {self.engine} in {self._takes}"
        if self.wanted is None:
            return f"painted: {paints}, that is {self.rate:.1f} a second"
        told = f"painted: {self.wanted:g} a second wanted, {paints}: {self.rate:.1f} a second"
        if self.keeps:
            return told
        if self.rung:
            return f"{told}; the ladder keeps it at {self.rung}"
        return f"{told}; write {self._ways}"

    @property
    def _takes(self) -> str:
        takes = f"{self.milliseconds:.0f} ms" if self.milliseconds else "no time"
        return takes if self.paintings == 1 else f"{takes}, {self.paintings} times a picture"

    @property
    def _ways(self) -> str:
        assert self.rate is not None
        assert self.wanted is not None
        size = largest(self.paint, self.rate / self.wanted)
        ways = [f"paint: {size}"] if size else []
        less = math.floor(self.rate) if self.rate >= 1 else math.floor(self.rate * 10) / 10
        ways += [f"expect painted: {less:g}"] if less else []
        return ", ".join([*ways, "or --force"])

    def to_json(self) -> dict[str, object]:
        """In the words of the show language; rates in pictures a second."""
        return {
            "wanted": self.wanted,
            "engine": self.engine,
            "paint": str(self.paint),
            "milliseconds": self.milliseconds,
            "rate": None if self.rate is None else round(self.rate, 2),
            "keeps": self.kept,
            "sentence": self.sentence,
        }


def prove(plan: Plan, milliseconds: float | None, unknown: str = "") -> Proof:
    """What a painter that takes `milliseconds` for the whole picture means for `plan`."""
    wanted, times = plan.expect.painted, paintings(plan)
    bare = Proof(plan.paint, plan.bank.engine, milliseconds, wanted, "", unknown, times)
    if bare.keeps or plan.degrade is None or wanted is None or milliseconds is None:
        return bare
    whole = milliseconds * times
    rung = next((r for r in plan.degrade.rungs if _suffices(r, whole, wanted)), None)
    return replace(bare, rung=rung.words if rung else "")


def paintings(plan: Plan) -> int:
    """How often the painter works for one round of pictures, at most."""
    mixes = [area.playlist.entries for area in plan.areas]
    areas = sum(any(s not in (DARK, PLAIN) for mix in own for s, _ in mix) for own in mixes)
    shots = {output.camera for output in plan.outputs if output.camera}
    return (1 + areas) * (1 + len(shots))


def _suffices(rung: Rung, milliseconds: float, wanted: float) -> bool:
    """Whether `wanted` pictures a second are painted on `rung`, whose pixels are fewer."""
    painted = not rung.slate and (rung.fps is None or rung.fps >= wanted)
    return painted and milliseconds * rung.share**2 <= 1e3 / wanted


def largest(paint: Size, share: float) -> Size | None:
    """The largest size of the same shape that has at most SPARE x `share` of the pixels of `paint`;
    None where nothing of it would be left."""
    most = paint.width * math.sqrt(share * SPARE)
    width, height = (side // math.gcd(*paint) * STEP for side in paint)
    exact = int(most // width)
    if exact and exact * width >= 0.75 * most:
        found = Size(exact * width, exact * height)
    else:  # a shape of its own: as close to it as the painter's grid is
        across = int(most // STEP) * STEP
        found = Size(across, round(across * paint.height / paint.width / STEP) * STEP)
    return found if max(found) >= SMALLEST and min(found) >= 16 else None
