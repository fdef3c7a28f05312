"""The one place that keeps secrets out of words: logs, errors, archives ask it."""

from __future__ import annotations

import threading

SHORTEST = 6  # characters; a shorter secret would spoil every sentence that has it by chance
HIDDEN = "***"

_known: set[str] = set()
_lock = threading.Lock()


def remember(secret: str) -> None:
    """Let no text show `secret` from now on."""
    if len(secret) >= SHORTEST:
        with _lock:
            _known.add(secret)


def forget(secret: str) -> None:
    """`secret` is none any more: what lives for hours must not be looked for for years."""
    with _lock:
        _known.discard(secret)


def redacted(text: str) -> str:
    """`text` without any secret that is known; longer ones first, since one may hold another."""
    with _lock:
        known = sorted(_known, key=len, reverse=True)
    for secret in known:
        text = text.replace(secret, HIDDEN)
    return text
