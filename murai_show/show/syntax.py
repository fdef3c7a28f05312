"""What the YAML parser stumbled over, in our words."""

from __future__ import annotations

import re
from typing import Any

from murai_show.show.findings import START, Spot

# What the parser's sentence matches, what we say, and whether the place that it began at is the
# telling one (an unclosed quote) rather than the place where it gave up.
_SENTENCES: tuple[tuple[str, str, bool], ...] = (
    (r"character '\\t'", "a tab; YAML indents with spaces", False),
    (r"end of stream.*quoted", "this quote is never closed; add the closing quote", True),
    (r"document separator.*quoted", "this quote is never closed; add the closing quote", True),
    (r"flow sequence", "this list [ … ] is not closed, or a comma is missing in it", True),
    (
        r"flow mapping",
        'this map { … } is not closed, or a comma is missing; in braces write "${NAME}" in quotes',
        True,
    ),
    (
        r"mapping values are not allowed",
        "a colon where none can be; indent like the neighbours, or put the value in quotes",
        False,
    ),
    (
        r"block end|block collection|block mapping|block sequence",
        "this line does not fit the lines above; indent it like its neighbours",
        False,
    ),
    (r"could not find expected ':'", "a key without a colon; write `key: value`", True),
    (r"expected ':'", "a key without a colon; write `key: value`", True),
    (
        r"block scalar",
        "text after | or > belongs on the next lines; put the value in quotes instead",
        False,
    ),
    (r"escape|double-quoted", "an unknown escape with \\; use single quotes for plain text", False),
    (r"undefined alias|alias|anchor", "* and & are not part of the show language; quote it", False),
    (r"tag", "! tags are not part of the show language; put the value in quotes", False),
    (r"directive", "% directives are not part of the show language; delete the line", False),
    (
        r"cannot start any token",
        "a value cannot begin with this character; put it in quotes",
        False,
    ),
    (r"node content", "a value is missing here, or a bracket too many", False),
    (r"document start", "a second document, or text after the end of the show", False),
)
_UNKNOWN = ("", "this cannot be read as YAML; look for a missing quote or bracket", False)


def explain_syntax(error: Exception, text: str) -> tuple[Spot, str]:
    """Where and why `text` is not YAML, from an error of the parser."""
    found: Any = error
    said = f"{getattr(found, 'problem', '')} {getattr(found, 'context', '')}"
    known = (entry for entry in _SENTENCES if re.search(entry[0], said, re.DOTALL))
    _, sentence, began = next(known, _UNKNOWN)
    context, problem = getattr(found, "context_mark", None), getattr(found, "problem_mark", None)
    mark = (context or problem) if began else (problem or context)
    if mark is None:
        return START, sentence
    return _inside(Spot(mark.line + 1, mark.column + 1), text), sentence


def _inside(spot: Spot, text: str) -> Spot:
    """The parser gives up behind the end of the file; people look at its last line."""
    lines = text.rstrip().split("\n")
    return spot if spot.line <= len(lines) else Spot(len(lines), len(lines[-1]) + 1)
