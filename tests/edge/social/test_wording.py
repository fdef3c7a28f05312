"""The words of a post."""

from __future__ import annotations

from pathlib import Path

import pytest

from murai_show.edge.social.port import Portrait
from murai_show.edge.social.wording import Venue, compose
from murai_show.show.planned_post import PlannedAccount

TAKEN = 1795464271.0  # 2026-11-23 21:04:31 in Paris
VENUE = Venue("Murai {style}", "Europe/Paris")


def words(text: str, alt: str = "{style} by {credit}, number {number}", used: tuple[str, ...] = ()):
    credit = "Hokusai (1760-1849), The Great Wave" if "{work}" in text else "Hokusai"
    portrait = Portrait(Path("p.png"), "wave", credit, 17, TAKEN)
    return compose(portrait, PlannedAccount("a", "x", text, alt), VENUE, lambda m: m in used)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{style} after {credit}, {number}", "wave after Hokusai, 0017-210431"),
        ("{date} {time} {number}", "2026-11-23 21:04 0017-210431"),
        ("{title}: {number}", "Murai {style}: 0017-210431"),
        ("Your portrait", "Your portrait 0017-210431"),
        ("", "0017-210431"),
        ("{artist}: {work}\n{number}", "Hokusai: The Great Wave\n0017-210431"),
        ("{nothing} {number}", "{nothing} 0017-210431"),
        ("{number.__class__} {number}", "{number.__class__} 0017-210431"),
    ],
)
def test_a_template_is_filled_and_has_the_mark(template: str, text: str) -> None:
    assert words(template).text == text


def test_people_who_listen_hear_a_plain_number() -> None:
    assert words("{number}").alt == "wave by Hokusai, number 17"


def test_no_two_items_have_one_mark() -> None:
    """A booth that lost its count begins at 1 again, and the same second of the day comes back."""
    assert words("{number}", used=("0017-210431", "0017-210432")).mark == "0017-210433"
