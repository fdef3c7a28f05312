"""The noun of the booth: people have their painted portrait taken, and say what becomes of it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, cast

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from murai_show.show.cue import Key
from murai_show.show.noun import Noun
from murai_show.show.overlay import readable
from murai_show.show.words import Duration, UnfitError, parse_name

NUMBER, LEFT = "{number}", "{left}"  # what may stand in the booth's sentences


def parse_accounts(found: Any) -> tuple[str, ...]:
    """`club`, or `[club, museum]` → names of accounts, each once."""
    names = [found] if isinstance(found, str) else found
    if not isinstance(names, tuple | list) or not names:
        raise UnfitError(found, "names no accounts; write one, or a list such as [club, museum]")
    return tuple(dict.fromkeys(parse_name(name) for name in cast("list[Any]", names)))


def parse_chip(found: Any) -> str:
    """`/dev/gpiochip0` → the same; `gpiochip0` is short for it."""
    match = re.fullmatch(r"(?:/dev/)?(gpiochip[0-9]{1,3})", found if isinstance(found, str) else "")
    if match is None:
        raise UnfitError(found, "is not a GPIO chip; write one such as /dev/gpiochip0")
    return f"/dev/{match[1]}"


Chip = Annotated[
    str,
    PlainValidator(parse_chip),
    WithJsonSchema({"type": "string", "pattern": r"^(/dev/)?gpiochip[0-9]+$"}),
]
_NAME: dict[str, Any] = {"type": "string"}
AccountsWords = Annotated[
    tuple[str, ...],
    PlainValidator(parse_accounts),
    PlainSerializer(list),
    WithJsonSchema({"anyOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1}]}),
]


class Gpio(Noun):
    """A button on a line of this machine, by the kernel's character device.  Its line is pulled up
    for a falling edge and down for a rising one: a push button needs two wires and no resistor."""

    chip: Chip = Field(default="/dev/gpiochip0", description="The chip; `gpiodetect` lists them.")
    line: int = Field(ge=0, le=1023, description="Which line of the chip: its offset.")
    edge: Literal["falling", "rising"] = Field(
        default="falling",
        description="`falling` for a button to ground, `rising` for one to the supply.",
    )


class BoothTrigger(Noun):
    """What starts a portrait: one of these, or several."""

    key: Key | None = Field(
        default=None,
        description="A key in a display's window: a letter, a digit, `f1` to `f12`, `space` or "
        "`enter`.",
    )
    every: Duration | None = Field(
        default=None,
        ge=60,
        le=12 * 3600,
        description="By itself, at whole multiples of this on the clock, while the wall is lit. "
        "Nobody is asked then: `default` decides.",
    )
    http: bool = Field(
        default=False, description="`POST /booth` on the show's `control`, with its token."
    )
    gpio: Gpio | None = Field(default=None, description="A button on a line of this machine.")

    @model_validator(mode="after")
    def _any(self) -> BoothTrigger:
        if not (self.key or self.every or self.http or self.gpio):
            raise ValueError(
                "nothing starts it; write key: space, every: 15m, http: true or gpio: {line: 17}"
            )
        return self


class BoothConsent(Noun):
    """What people are asked about their picture, and how long it is kept."""

    ask: str | None = Field(
        default=None,
        description="The question on the wall, over the picture that was taken; `{left}` is the "
        "seconds that are left, `{number}` the portrait's number. Default: one in English.",
    )
    default: Literal["deny", "allow"] = Field(
        default="deny",
        description="What holds when nobody answers. A press says the contrary: yes where this is "
        "`deny`, no where it is `allow`.",
    )
    within: Duration = Field(
        default=20.0, ge=5, le=300, description="How long the question stands."
    )
    keep: Duration = Field(
        default=30 * 86400.0,
        ge=60,
        description="Then the picture is deleted, and what the ledger says about it in words.",
    )
    thanks: str = Field(
        default="Thank you! This is portrait {number}",
        description="What the wall says after a yes.",
    )
    gone: str = Field(
        default="The picture is deleted", description="What the wall says after a no."
    )

    @field_validator("ask", "thanks", "gone")
    @classmethod
    def _readable(cls, found: str | None) -> str | None:
        return found if found is None else readable(found)


class Booth(Noun):
    """A photo booth in front of the wall: a countdown, the painted picture, and the question what
    may become of it.  The camera's own picture is never written anywhere."""

    trigger: BoothTrigger = Field(description="What starts a portrait.")
    countdown: Duration = Field(
        default=3.0, ge=1, le=30, description="How long people have to get ready."
    )
    picture: str = Field(
        default="portraits/{show}-{number}.png",
        description=".png or .jpg below the working folder; {show}, {date}, {time} and {number} "
        "are filled in.",
    )
    credit: bool = Field(
        default=True,
        description="Whether a label with artist, work, title, date and number is set below the "
        "picture.",
    )
    camera: str | None = Field(
        default=None,
        description="The camera or view that is taken, one that an output shows. Default: what "
        "`play` and the schedule film.",
    )
    consent: BoothConsent = Field(
        default_factory=BoothConsent, description="What people are asked."
    )
    moderate: Literal["none", "operator"] = Field(
        default="none",
        description="`operator`: what people agreed to waits until somebody has looked at it.",
    )
    post: AccountsWords = Field(
        default=(), description="Accounts that portraits go to. Default: all that there are."
    )
