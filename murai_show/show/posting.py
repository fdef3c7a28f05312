"""The noun of accounts that portraits are posted to, and the words that stand in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from murai_show.show.noun import Noun
from murai_show.show.words import UnfitError, write_duration

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0}
_RATE = re.compile(r"([0-9]{1,4})/([0-9]{0,3})([mhd])")
_BUDGET = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)USD/day")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)

CAPTION = (
    "{title} · portrait {number} · {date}, {time}\n"
    "Painted live by a neural network, in the style {style}\n"
    "{credit}"
)
ALT = (
    "A portrait of visitors, filmed at {title} and painted live by a neural network in the style "
    "{style}. {credit}"
)


@dataclass(frozen=True)
class Rate:
    """At most `count` in any `seconds`."""

    count: int
    seconds: float

    def __str__(self) -> str:
        unit = next(u for u, length in reversed(_UNITS.items()) if self.seconds % length == 0)
        many = int(self.seconds / _UNITS[unit])
        return f"{self.count}/{many if many > 1 else ''}{unit}"


def parse_rate(found: Any) -> Rate:
    """`6/h`, `20/d`, `1/15m` → how many in how many seconds."""
    if isinstance(found, Rate):
        return found
    match = _RATE.fullmatch(found.replace(" ", "")) if isinstance(found, str) else None
    if match is None:
        raise UnfitError(found, "is not a rate; write how many in how long, such as 6/h or 1/15m")
    count, seconds = int(match[1]), int(match[2] or 1) * _UNITS[match[3]]
    if count < 1:
        raise UnfitError(found, "would never post; write 1 or more, such as 6/h")
    if not 60 <= seconds <= 7 * 86400:
        raise UnfitError(found, "is out of range; count in 1m to 7d")
    return Rate(count, seconds)


@dataclass(frozen=True)
class Budget:
    """What may be spent in a day, in US dollars."""

    usd: float

    def __str__(self) -> str:
        return f"{self.usd:g} USD/day"


def parse_budget(found: Any) -> Budget:
    """`5 USD/day` → dollars a day."""
    if isinstance(found, Budget):
        return found
    match = _BUDGET.fullmatch(found.replace(" ", "")) if isinstance(found, str) else None
    if match is None:
        raise UnfitError(found, "is not a budget; write dollars a day, such as 5 USD/day")
    return Budget(float(Decimal(match[1])))


def parse_server(found: Any) -> str:
    """`https://mastodon.social` → the same.  Only https: the credential goes along."""
    if not isinstance(found, str):
        raise UnfitError(found, "is not a server; write one such as https://mastodon.social")
    try:
        parts = urlsplit(found)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise UnfitError(found, "is not a server; write one such as https://host") from None
    if parts.scheme != "https":
        if parts.scheme == "http":
            raise UnfitError(found, "would carry the credential in the open; write https://")
        bare = _HOST.fullmatch(found) and "." in found
        hint = f"https://{found}" if bare else "one such as https://mastodon.social"
        raise UnfitError(found, f"is not a server; write {hint}")
    if "@" in parts.netloc or parts.query or parts.fragment:  # which may be a secret
        raise ValueError("a server is https:// and a host, with nothing around it")
    if parts.path.strip("/"):
        raise UnfitError(found, f"is more than a server; write https://{host}")
    if not _HOST.fullmatch(host) or port == 0:
        raise UnfitError(found, "names no host; write one such as https://mastodon.social")
    return f"https://{host}" + (f":{port}" if port else "")


_RATE_SCHEMA = {"type": "string", "pattern": r"^[0-9]+ */ *[0-9]*[mhd]$", "examples": ["6/h"]}
_BUDGET_SCHEMA = {
    "type": "string",
    "pattern": r"^[0-9.]+ *USD/day$",
    "examples": ["5 USD/day"],
}
_SERVER_SCHEMA = {
    "type": "string",
    "pattern": "^https://[^/]+/?$",
    "examples": ["https://mastodon.social"],
}
RateWords = Annotated[
    Rate, PlainValidator(parse_rate), PlainSerializer(str), WithJsonSchema(_RATE_SCHEMA)
]
BudgetWords = Annotated[
    Budget, PlainValidator(parse_budget), PlainSerializer(str), WithJsonSchema(_BUDGET_SCHEMA)
]
Server = Annotated[
    str, PlainValidator(parse_server), PlainSerializer(str), WithJsonSchema(_SERVER_SCHEMA)
]


class AccountNoun(Noun):
    """The keys that every account has."""

    caption: str | None = Field(
        default=None,
        description="The text of a post; {title}, {style}, {artist}, {work}, {credit}, {number}, "
        "{date} and {time} are filled in. No links. Default: all of them, in English.",
    )
    alt: str | None = Field(
        default=None,
        description="What the picture shows, for those who cannot see it; with the same fields. "
        "Default: a sentence in English.",
    )
    limit: RateWords = Field(
        default=Rate(6, 3600.0), description="How many posts in how long, at most: 6/h, 1/15m."
    )


class XAccount(AccountNoun):
    """An account on X.  A post costs about 0.015 USD; one with a link would cost 13 times that."""

    kind: Literal["x"]
    budget: BudgetWords = Field(
        default=Budget(5.0), description="What posts may cost in a day, at most: 5 USD/day."
    )
    made_with_ai: bool = Field(
        default=True, description="X's own label on pictures that a machine has made."
    )


class MastodonAccount(AccountNoun):
    """An account on a Mastodon server.  Posting is free."""

    kind: Literal["mastodon"]
    server: Server = Field(description="The account's server: https://mastodon.social.")


class BlueskyAccount(AccountNoun):
    """An account on Bluesky.  Posting is free."""

    kind: Literal["bluesky"]
    server: Server = Field(
        default="https://bsky.social", description="The server where the account signs in."
    )


PostAccount = Annotated[XAccount | MastodonAccount | BlueskyAccount, Field(discriminator="kind")]
POST_KINDS: Mapping[str, type[PostAccount]] = MappingProxyType(
    {"x": XAccount, "mastodon": MastodonAccount, "bluesky": BlueskyAccount}
)


def rate_words(limit: tuple[int, float]) -> str:
    """A planned limit, as people say it."""
    return f"{limit[0]} in {write_duration(limit[1])}"
