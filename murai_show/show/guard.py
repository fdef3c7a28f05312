"""The nouns that keep a show going, `expect` and `degrade`, and what they are planned as."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, cast

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from murai_show.show.noun import Noun
from murai_show.show.words import Duration, Size, UnfitError, write_duration

BUDGET = 24.0  # pictures a second where nothing else is said: as many as film has
MOST_SIZES = 3  # steps of paint: that many sizes are kept ready beside the whole one
_STEP = re.compile(r"(paint|fps) +([0-9]+(?:\.[0-9]+)?)")
_HOW = "write paint 0.75, fps 20 or slate"


class Step(NamedTuple):
    """One thing given up: `paint` (the value is a share of the paint size), `fps` (pictures painted
    a second), or `slate` (the value is 0)."""

    kind: str
    value: float

    def __str__(self) -> str:
        return self.kind if self.kind == "slate" else f"{self.kind} {self.value:g}"


SLATE = Step("slate", 0.0)


def parse_step(found: Any) -> Step:
    """`paint 0.75`, `fps 20` or `slate` → Step.  Raises ValueError."""
    if isinstance(found, Step):
        return found
    text = found.strip() if isinstance(found, str) else ""
    if text == "slate":
        return SLATE
    match = _STEP.fullmatch(text)
    if match is None:
        raise UnfitError(found, f"is not a step; {_HOW}")
    step = Step(match[1], float(match[2]))
    if step.kind == "paint" and not 0.1 <= step.value <= 0.95:
        raise UnfitError(found, "is out of range; write a share of the paint size, 0.1 to 0.95")
    if step.kind == "fps" and not 1.0 <= step.value <= 240.0:
        raise UnfitError(found, "is out of range; write 1 to 240 pictures a second")
    return step


StepWords = Annotated[
    Step,
    PlainValidator(parse_step),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^((paint|fps) +[0-9.]+|slate)$",
            "examples": ["paint 0.75", "fps 20", "slate"],
        }
    ),
]


class Degrade(Noun):
    """What is given up, step by step, while the painter cannot keep up, and taken back when it can
    again.  A list is short for its `steps`."""

    steps: tuple[StepWords, ...] = Field(
        min_length=1,
        max_length=8,
        description="In order, each on top of those before: `paint 0.75` (share of the paint "
        "size), `fps 20` (paint that often), last `slate` (paint nothing, show the slate).",
    )
    budget: float | None = Field(
        default=None,
        ge=0.1,
        le=240,
        description="Pictures a second that the painter must be able to paint. Default: "
        "`expect: painted`, else 24, or the camera's rate where that is lower.",
    )
    after: Duration = Field(
        default=5.0,
        ge=1.0,
        le=600,
        description="How long the budget is missed in one go before a step.",
    )
    back: Duration = Field(
        default=30.0,
        ge=1.0,
        le=3600,
        description="How long a step is kept at least; twice as long after each try that failed.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, found: Any) -> Any:
        if isinstance(found, tuple | list):
            return {"steps": cast("Any", found)}
        if not isinstance(found, dict):
            raise UnfitError(found, "is no ladder; write a list such as [paint 0.75, slate]")
        return cast("Any", found)

    @model_validator(mode="after")
    def _swings(self) -> Degrade:
        back, after = write_duration(self.back), write_duration(self.after)
        if self.back < self.after and "back" in self.model_fields_set:
            what = f"is shorter than after, {after}; the ladder would swing"
            raise UnfitError(back, what, "back")
        if self.back < self.after:
            raise UnfitError(after, f"is longer than back, {back}; write back too", "after")
        return self


class Expect(Noun):
    """What the show is held to while it runs, and `plan` before that."""

    painted: float | None = Field(
        default=None,
        ge=0.1,
        le=240,
        description="Pictures painted a second, at least. `plan` and `run` refuse a show that "
        "this machine cannot paint as often.",
    )
    glass_to_glass_p95: Duration | None = Field(
        default=None,
        ge=0.001,
        description="From capture to presentation, for 95 of 100 pictures, at most.",
    )
    frozen_after: Duration | None = Field(
        default=None,
        ge=0.1,
        description="Without a new picture for so long, the wall counts as frozen.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Expect:
        found = (self.painted, self.glass_to_glass_p95, self.frozen_after)
        if all(value is None for value in found):
            raise ValueError("it says nothing; write painted, glass_to_glass_p95 or frozen_after")
        return self


@dataclass(frozen=True)
class Rung:
    """What is painted on one rung of a ladder: at `share` of the paint size on each side, at most
    `fps` times a second (None: as often as it goes), or not at all.  `words` are its step's."""

    share: float = 1.0
    fps: float | None = None
    slate: bool = False
    words: str = "full"

    def size(self, paint: Size) -> Size:
        """The paint size here; the painter fits frames into it, on its own grid."""
        return Size(*(max(16, round(side * self.share)) for side in paint))


@dataclass(frozen=True)
class LadderSpec:
    """`rungs` begins with the whole picture.  `budget` in pictures a second, times in seconds."""

    rungs: tuple[Rung, ...]
    budget: float
    after: float
    back: float

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares of the paint size that are painted at, the whole first."""
        return tuple(dict.fromkeys(rung.share for rung in self.rungs))

    def wanted(self, rung: int) -> float:
        """Pictures a second that the painter must manage on `rung`."""
        fps = self.rungs[rung].fps
        return self.budget if fps is None else min(self.budget, fps)


@dataclass(frozen=True)
class Promise:
    """What `expect` says: pictures a second, seconds, seconds; None where it says nothing."""

    painted: float | None = None
    glass_to_glass_p95: float | None = None
    frozen_after: float | None = None

    def __bool__(self) -> bool:
        return self != NOTHING


NOTHING = Promise()


def rungs_of(steps: tuple[Step, ...]) -> tuple[Rung, ...]:
    """The rungs that `steps` lead down to, each on top of those before."""
    rungs = [Rung()]
    for step in steps:
        last = rungs[-1]
        share = step.value if step.kind == "paint" else last.share
        fps = step.value if step.kind == "fps" else last.fps
        rungs.append(Rung(share, fps, step.kind == "slate", str(step)))
    return tuple(rungs)


def expect_words(promise: Promise) -> dict[str, Any] | None:
    """What a plan says of `expect`, in the words of the show language; None when it is nothing."""
    times = {
        "glass_to_glass_p95": promise.glass_to_glass_p95,
        "frozen_after": promise.frozen_after,
    }
    found: dict[str, Any] = {"painted": promise.painted} if promise.painted is not None else {}
    found |= {key: write_duration(value) for key, value in times.items() if value is not None}
    return found or None


def degrade_words(ladder: LadderSpec | None) -> dict[str, Any] | None:
    """What a plan says of `degrade`; None when there is no ladder."""
    if ladder is None:
        return None
    return {
        "steps": [rung.words for rung in ladder.rungs[1:]],
        "budget": ladder.budget,
        "after": write_duration(ladder.after),
        "back": write_duration(ladder.back),
    }
