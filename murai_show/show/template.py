"""Templates of the words that go with a portrait, and what a credit is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping

FIELDS = ("title", "style", "artist", "work", "credit", "number", "date", "time")
FIELD = re.compile(r"\{([^{}]*)\}")
_LIVED = re.compile(r"\s*\((?:born |b\. |c\. )?\d{3,4}(?:\s*[-–]\s*(?:\d{2,4})?)?\)")


def fill(template: str, values: Mapping[str, str]) -> str:
    """`template` with its fields filled in, without the space that an empty one leaves behind.

    The values are not templates: a brace in a title stays one.
    """
    text = FIELD.sub(lambda field: values.get(field[1], field[0]), template)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def artist_and_work(credit: str) -> tuple[str, str]:
    """Who made it, and the work with its year; each empty where the credit does not say.

    A card says `Katsushika Hokusai (1760-1849), The Great Wave off Kanagawa, c. 1831`; the years of
    the artist are for the catalogue.
    """
    artist, *work = re.split(r",\s+", _LIVED.sub("", credit, count=1).strip(), maxsplit=1)
    return artist, work[0] if work else ""
