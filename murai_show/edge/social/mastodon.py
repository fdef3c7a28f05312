"""Mastodon, through Mastodon.py.

The server keeps the key of each post for an hour, and answers a second one with the first.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from murai_show.edge.credentials import Secret
from murai_show.edge.social.mark import marks, text_of
from murai_show.edge.social.picture import fitted
from murai_show.edge.social.port import (
    Absent,
    Answer,
    Dead,
    Item,
    Posted,
    Refused,
    Stopped,
    Unknown,
)
from murai_show.edge.social.verdict import at, harmless, read_json, unreadable, verdict
from murai_show.errors import MuraiError
from murai_show.show.planned_post import PlannedAccount

if TYPE_CHECKING:
    import mastodon

    from murai_show.edge.social.wire import Exchange, Wire

KEYS = ("access_token",)
LARGEST = 8_000_000  # bytes of a picture
_PAGES, _PAGE = 3, 40
_WAITS, _WAIT = 8, 1.0  # for a picture that the server is still at work on; seconds
# Spares asking the server: all that is used here is older.
_VERSION = "4.0.0"


class MastodonAccount:
    """One account.  `keys` holds its access token, with the scopes profile or read:accounts,
    read:statuses, write:media and write:statuses."""

    cost = 0.0

    def __init__(
        self,
        planned: PlannedAccount,
        keys: Mapping[str, Secret],
        wire: Wire,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.name = planned.name
        self._server, self._keys = planned.server, keys
        self._wire, self._sleep = wire, sleep
        self._user = ""

    def upload(self, item: Item) -> str | Refused | Stopped | Dead:
        self._wire.begin()
        try:
            picture = fitted(item.picture, LARGEST)
        except MuraiError as error:
            return Dead(str(error))
        found = self._ask(
            lambda client: client.media_post(
                io.BytesIO(picture.data), picture.type, description=item.alt, file_name="portrait"
            ),
            "/api/v2/media",
        )
        media = self._id(found)
        if not isinstance(media, str):
            return media
        # A post with a picture that is still being worked on is refused.
        for _ in range(_WAITS):
            if found.status not in (202, 206):
                return media
            self._sleep(_WAIT)
            found = self._ask(lambda client: client.media(media), f"/api/v1/media/{media}")
            if not isinstance(known := self._id(found), str):
                return known
        return Refused("Mastodon is still at work on the picture")

    def send(self, item: Item, media: str) -> Answer:
        self._wire.begin()
        # The name as well: two shows may count alike.
        key = hashlib.sha256(f"{self.name}\n{item.mark}\n{item.text}".encode()).hexdigest()
        found = self._ask(
            lambda client: client.status_post(item.text, media_ids=[media], idempotency_key=key),
            "/api/v1/statuses",
        )
        if wrong := verdict(found, "Mastodon"):
            return wrong
        remote = _text(at(read_json(found), "id"))
        return Posted(remote) if remote else Unknown(unreadable(found, "Mastodon"))

    def find(self, item: Item) -> Posted | Absent | Refused | Stopped:
        """Look, and send nothing: the key would make it harmless for an hour only."""
        self._wire.begin()
        if not isinstance(user := self._who(), str):
            return user
        oldest: str | None = None
        for _ in range(_PAGES):
            found = self._ask(
                lambda client, until=oldest: client.account_statuses(
                    user, exclude_reblogs=True, limit=_PAGE, max_id=until
                ),
                f"/api/v1/accounts/{user}/statuses",
            )
            if wrong := harmless(verdict(found, "Mastodon")):
                return Refused(wrong.why) if isinstance(wrong, Dead) else wrong
            posts = read_json(found)
            if not isinstance(posts, list):
                return Refused(unreadable(found, "Mastodon"))
            for post in posts:
                remote = _text(at(post, "id"))
                if remote and marks(item.mark, text_of(str(at(post, "content")))):
                    return Posted(remote)
            oldest = _text(at(posts[-1], "id")) if len(posts) == _PAGE else None
            if not oldest:
                break
        return Absent()

    def _who(self) -> str | Refused | Stopped:
        """The account's own number, asked for once."""
        if not self._user:
            found = self._ask(
                lambda client: client.account_verify_credentials(), "verify_credentials"
            )
            known = self._id(found)
            if not isinstance(known, str):
                return Refused(known.why) if isinstance(known, Dead) else known
            self._user = known
        return self._user

    def _id(self, found: Exchange) -> str | Refused | Stopped | Dead:
        """Of what was asked for, without posting."""
        if wrong := harmless(verdict(found, "Mastodon")):
            return wrong
        return _text(at(read_json(found), "id")) or Refused(unreadable(found, "Mastodon"))

    def _ask(self, call: Callable[[mastodon.Mastodon], object], url: str) -> Exchange:
        return self._wire.ask(lambda: call(self._client), url)

    @cached_property
    def _client(self) -> mastodon.Mastodon:
        """Made when it is first asked, not while the show starts."""
        import mastodon

        from murai_show.edge.social.wire import hush, session_over

        hush()
        return mastodon.Mastodon(
            access_token=self._keys["access_token"].reveal(),
            api_base_url=self._server,
            ratelimit_method="throw",
            mastodon_version=_VERSION,
            version_check_mode="created",
            session=session_over(self._wire),
            user_agent="murai-show",
        )

    def close(self) -> None:
        """Nothing stays open."""


def _text(value: Any) -> str:
    """An id; servers of the same protocol write numbers too."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
