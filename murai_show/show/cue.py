"""The nouns of cues: named sequences of steps that somebody, or the schedule, calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from murai_show.show.hints import nearest
from murai_show.show.noun import Noun
from murai_show.show.playing import StyleMix
from murai_show.show.words import (
    Duration,
    FromEnviron,
    Name,
    UnfitError,
    parse_duration,
    write_duration,
)

LONGEST_FADE = 6 * 3600
DOING = ("style", "morph", "blackout", "hold", "wait", "play")
_LISTED = f"{', '.join(DOING[:-1])} or {DOING[-1]}"
KEYS = (*"abcdefghijklmnoprstuvwxyz0123456789", *(f"f{n}" for n in range(1, 13)), "space", "enter")
# What a display's window does by itself.
TAKEN = {
    **dict.fromkeys(("q", "esc", "escape"), "ends the show"),
    "backspace": "is the panic key",
    "delete": "releases cues",
}


@dataclass(frozen=True)
class After:
    """When a step begins: `seconds` after the step before, or after the cue's beginning."""

    seconds: float
    relative: bool

    def __str__(self) -> str:
        return ("+" if self.relative else "") + write_duration(self.seconds)


def parse_after(found: Any) -> After:
    """`45s` from the cue's beginning, `+45s` from the step before."""
    if isinstance(found, After):
        return found
    text = found.strip() if isinstance(found, str) else found
    relative = isinstance(text, str) and text.startswith("+")
    try:
        return After(parse_duration(text[1:] if relative else text), relative)
    except UnfitError as error:
        if "is too long" in error.what or "no unit" in error.what:
            raise UnfitError(found, error.what) from None
        clock = isinstance(found, str) and ":" in found and not isinstance(found, FromEnviron)
        hint = "; the schedule says at what time of day a cue runs" if clock else ""
        what = "is not a time of a cue; write 45s from its beginning, or +45s from the step before"
        raise UnfitError(found, what + hint) from None


def parse_key(found: Any) -> str:
    """`f`, `1`, `f5`, `space`, `enter` → the key's name, in small letters."""
    text = str(found).lower() if isinstance(found, str | int) else ""
    if isinstance(found, bool) or text not in KEYS:
        if text in TAKEN:
            raise UnfitError(found, f"{TAKEN[text]}; take another key, such as f or f5")
        near = "" if isinstance(found, FromEnviron) or len(text) < 3 else nearest(text, KEYS)
        hint = f"did you mean {near}?" if near else "write a letter, a digit, f1 to f12 or space"
        raise UnfitError(found, f"is not a key; {hint}")
    return text


def _schema(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


Beginning = Annotated[
    After,
    PlainValidator(parse_after),
    PlainSerializer(str),
    _schema(r"^\+?([0-9.]+ *(ms|s|m|h) *)+$", "45s", "+45s"),
]
Key = Annotated[
    str,
    PlainValidator(parse_key),
    WithJsonSchema({"enum": [*KEYS, *range(10)]}),
]


class Step(Noun):
    """One step of a cue: when it begins, and one thing that it does."""

    at: Beginning | None = Field(
        default=None,
        description="When it begins: `45s` from the cue's beginning, `+45s` from the beginning of "
        "the step before (from the end of a hold or a wait). Default: when the step before is "
        "over.",
    )
    style: StyleMix | None = Field(
        default=None, description="Does: walks to a style, a token, a mix or `dark`."
    )
    morph: tuple[StyleMix, ...] | None = Field(
        default=None,
        description="Does: walks evenly through two or more looks, in the time that `over` says.",
    )
    over: Duration | None = Field(
        default=None, ge=0.1, le=12 * 3600, description="How long a morph takes."
    )
    blackout: Duration | None = Field(
        default=None, le=LONGEST_FADE, description="Does: goes dark; this is how long that takes."
    )
    hold: Duration | None = Field(
        default=None, le=12 * 3600, description="Does: stays with what is on for this long."
    )
    wait: Name | None = Field(
        default=None,
        description="Does: stays with what is on until the trigger of this name comes.",
    )
    timeout: Duration | None = Field(
        default=None, ge=0.1, le=12 * 3600, description="How long a wait lasts at most."
    )
    then: Literal["next", "end"] = Field(
        default="next",
        description="When a wait's timeout is over: on to the next step, or the cue's end.",
    )
    play: str | None = Field(default=None, description="Does: a playlist, or `dark`.")
    fade: Duration | None = Field(
        default=None,
        le=LONGEST_FADE,
        description="How long the walk into a style, morph or playlist takes. Default: the cue's.",
    )

    @model_validator(mode="after")
    def _one_thing(self) -> Step:
        """Raises UnfitError with the key that is too much, ValueError for what is missing."""
        doing = [key for key in DOING if getattr(self, key) is not None]
        if not doing:
            raise ValueError(f"it does nothing; write {_LISTED}")
        if len(doing) > 1:
            raise UnfitError(
                None, f"stands beside {doing[0]}; a step does one thing: write two steps", doing[1]
            )
        does = doing[0]
        for key, owners in (("over", "morph"), ("timeout", "wait"), ("then", "wait")):
            if key in self.model_fields_set and does != owners:
                raise UnfitError(None, f"belongs to {owners}, not to {does}; delete it", key)
        if self.fade is not None and does in ("blackout", "hold", "wait"):
            own = "; its own number is the fade" if does == "blackout" else "; delete it"
            raise UnfitError(None, f"does not go with {does}{own}", "fade")
        if does == "morph" and len(self.morph or ()) < 2:
            raise UnfitError(None, "has fewer than two looks; a morph walks between them", "morph")
        if does == "morph" and self.over is None:
            raise ValueError("a morph needs over: how long it takes, such as over: 60s")
        if does == "wait" and self.timeout is None:
            raise ValueError(
                "a wait needs a timeout, such as timeout: 2m: the trigger may not come"
            )
        return self

    @property
    def does(self) -> str:
        """The key of what it does."""
        return next(key for key in DOING if getattr(self, key) is not None)


class Cue(Noun):
    """A named sequence of steps.  The list of its steps alone is short for it."""

    steps: tuple[Step, ...] = Field(description="What happens, in order.")
    fade: Duration = Field(
        default=5.0,
        le=LONGEST_FADE,
        description="How long the walk into its first step takes, the one into every step that "
        "does not say otherwise, and the one back at its end.",
    )
    end: Literal["release", "stay"] = Field(
        default="release",
        description="After its last step: `release` walks back to what is on without it, `stay` "
        "keeps the last look until it is released.",
    )
    key: Key | None = Field(
        default=None,
        description="A key that calls it in a display's window: a letter, a digit, `f1` to `f12`, "
        "`space` or `enter`.",
    )
