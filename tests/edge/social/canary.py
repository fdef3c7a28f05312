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
from murai_show.edge.social.allowance import Allowance
from murai_show.edge.social.entry import Entry
from murai_show.edge.social.outcome import can_meet
from tests.edge.social.desk import KEYS
from tests.edge.social.stand_ins import NOW, VENUE, a_portrait, an_account, an_outbox

SECRETS = tuple(
    value for keys in KEYS.values() for name, value in keys.items() if name not in PUBLIC
)
JWT = ("JWTcanarysignature",)  # Bluesky's sessions have secrets of their own
# Given a folder of its own and the answers that accounts gave: more texts to be looked through.
KEEPERS: list[Callable[[Path, list[object]], Iterator[str]]] = []


def an_outbox_that_is_told(folder: Path, answers: list[object]) -> Iterator[str]:
    """What an outbox shows of items that met with `answers`; its files lie in `folder`."""
    outbox, meets = an_outbox(folder), [a for a in answers if can_meet("sending", a)]
    for number, answer in enumerate(meets):
        now = NOW + 86_400.0 * 2 * number  # whatever rest the account was given is over
        outbox.put(a_portrait(folder, number), [an_account()], VENUE, now)
        outbox.resume()
        entry = outbox.claim("one", Allowance(), now)
        if isinstance(entry, Entry) and (sent := outbox.begin_sending(entry, 0.0, now)):
            assert outbox.settle(sent, answer, now) is not None  # type: ignore[arg-type]
    entries = outbox.entries()
    assert len(entries) == len(meets) > 10
    assert sum(bool(entry.why) for entry in entries) > 5  # they were told
    outbox.close()
    yield from map(str, entries)


KEEPERS.append(an_outbox_that_is_told)


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
