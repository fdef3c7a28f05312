"""What the booth answers over HTTP, on the show's control and by its token.

GET  /booth                   what happens there, as JSON
POST /booth                   start a portrait
POST /booth/consent/yes, no   what people answer
POST /booth/N/approve, deny   the operator's word on portrait N
POST /booth/N/delete          somebody wants theirs gone
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from murai_show.edge.booth.desk import Desk
from murai_show.errors import MuraiError
from murai_show.show.boothing import Asking, Idle, Telling, state_words

Answer = tuple[HTTPStatus, dict[str, Any]]
_OF_ONE = re.compile(r"/booth/([0-9]{1,9})/(approve|deny|delete)")
_HINT = "try POST /booth, /booth/consent/yes or no, /booth/N/approve, deny or delete"


def answer(desk: Desk | None, method: str, path: str, now: float) -> Answer | None:
    """The answer to a request; None where it is none of the booth's.  `now` is monotonic."""
    if path != "/booth" and not path.startswith("/booth/"):
        return None
    if desk is None:
        return HTTPStatus.NOT_FOUND, {"error": "the show has no booth that is open"}
    if method == "GET":
        if path == "/booth":
            return HTTPStatus.OK, booth_to_json(desk, now)
        return HTTPStatus.NOT_FOUND, {"error": "try GET /booth"}
    return _posted(desk, path)


def _posted(desk: Desk, path: str) -> Answer:
    if path == "/booth":
        if not desk.wanted.http:
            error = "the booth does not start over HTTP; write trigger: {http: true}"
            return HTTPStatus.NOT_FOUND, {"error": error}
        return _done(desk.press("http"), "somebody is there already, or the wall is dark")
    if path in ("/booth/consent/yes", "/booth/consent/no"):
        return _done(desk.answer(path.endswith("yes")), "nobody is asked at present")
    if (match := _OF_ONE.fullmatch(path)) is None:
        return HTTPStatus.NOT_FOUND, {"error": _HINT}
    clerk = desk.clerk
    does: dict[str, Callable[[int], str]] = {
        "approve": clerk.approve,
        "deny": clerk.deny,
        "delete": clerk.erase,
    }
    try:
        return HTTPStatus.OK, {"done": does[match[2]](int(match[1]))}
    except MuraiError as error:
        return HTTPStatus.CONFLICT, {"error": str(error)}


def _done(done: str, otherwise: str) -> Answer:
    if done:
        return HTTPStatus.OK, {"done": done}
    return HTTPStatus.CONFLICT, {"error": otherwise}


def booth_to_json(desk: Desk, now: float) -> dict[str, Any]:
    """What happens at the booth, as values of JSON."""
    state = desk.state
    try:
        waiting: int | None = desk.clerk.waiting()
    except MuraiError:  # somebody has the ledger
        waiting = None
    return {
        "state": state_words(state),
        "seconds": None if isinstance(state, Idle) else round(max(0.0, state.until - now), 1),
        "number": state.number if isinstance(state, Asking | Telling) else None,
        "kept": state.kept if isinstance(state, Telling) else None,
        "waiting": waiting,
        "shots": dict(desk.clerk.outcomes),
    }
