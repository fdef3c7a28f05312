"""Is that our post?  By its mark, which stands in no other's text."""

from __future__ import annotations

import html
import re
import unicodedata

_BREAK = re.compile(r"<(?:br|/p)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


def marks(mark: str, text: str) -> bool:
    """Whether `mark` stands in `text` as a whole: `No. 1` does not stand in `No. 12`."""
    wanted, found = _plain(mark), _plain(text)
    return bool(wanted) and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", found) is not None


def _plain(text: str) -> str:
    """Networks normalise signs, and may break lines elsewhere."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def text_of(markup: str) -> str:
    """What a reader sees of HTML."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", markup)))
