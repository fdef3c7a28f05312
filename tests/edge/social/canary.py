"""Watches for secrets: known ones go through everything, and nothing that is kept may have them.

Whoever keeps more of a post than the accounts do (a database, an archive) hangs it into `KEEPERS`.
"""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

from murai_show.edge.credentials import PUBLIC
from tests.edge.social.desk import KEYS

SECRETS = tuple(
    value for keys in KEYS.values() for name, value in keys.items() if name not in PUBLIC
)
JWT = ("JWTcanarysignature",)  # Bluesky's sessions have secrets of their own
# Given a folder of its own and the answers that accounts gave: more texts to be looked through.
KEEPERS: list[Callable[[Path, list[object]], Iterator[str]]] = []


def forms(secret: str) -> set[str]:
    """A secret as headers, URLs and dumps may have it."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    url = base64.urlsafe_b64encode(secret.encode()).decode().rstrip("=")
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), encoded, url}


def leaks(text: str) -> list[str]:
    """The secrets that `text` shows in some form."""
    return [secret for secret in (*SECRETS, *JWT) if any(form in text for form in forms(secret))]


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """All loggers there are, at DEBUG, however they were set."""
    known = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    loggers = [logging.root, *known]
    before = [(logger, logger.level, logger.propagate, logger.disabled) for logger in loggers]
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.propagate, logger.disabled = True, False
    try:
        yield written
    finally:
        logging.root.removeHandler(handler)
        for logger, *state in before:
            logger.setLevel(state[0])
            logger.propagate, logger.disabled = state[1], state[2]
