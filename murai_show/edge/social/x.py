"""X, through tweepy: OAuth 1.0a, media and posts of API v2."""

from __future__ import annotations

import html
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from murai_show.edge.credentials import Secret
from murai_show.edge.social.mark import marks
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
from murai_show.edge.social.verdict import at, harmless, read_json, said, unreadable, verdict
from murai_show.errors import MuraiError
from murai_show.show.planned_post import PlannedAccount

if TYPE_CHECKING:
    import tweepy

    from murai_show.edge.social.wire import Exchange, Wire

log = logging.getLogger(__name__)

KEYS = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
COST = 0.015  # USD for a post without a link
LARGEST = 5_000_000  # bytes of a picture
_MEDIA = "https://api.x.com/2/media/upload"
_METADATA = "https://api.x.com/2/media/metadata"
_PAGES = 3  # of a hundred posts
_EARLIER = timedelta(hours=1)  # for a clock that is wrong


class XAccount:
    """One account.  `keys` are its secrets by the names in `KEYS`."""

    cost = COST

    def __init__(self, planned: PlannedAccount, keys: Mapping[str, Secret], wire: Wire) -> None:
        self.name = planned.name
        self._made_with_ai = planned.made_with_ai
        self._keys, self._wire = keys, wire

    def upload(self, item: Item) -> str | Refused | Stopped | Dead:
        self._wire.begin()
        try:
            picture = fitted(item.picture, LARGEST)
        except MuraiError as error:
            return Dead(str(error))
        found = self._post(
            _MEDIA,
            files={"media": ("portrait", picture.data, picture.type)},
            data={"media_category": "tweet_image"},
        )
        if wrong := harmless(verdict(found, "X")):
            return wrong
        media = at(read_json(found), "data", "id")
        if not isinstance(media, str) or not media:
            return Refused(unreadable(found, "X"))
        return self._describe(item, media) or media

    def _describe(self, item: Item, media: str) -> Refused | Stopped | None:
        metadata = {"id": media, "metadata": {"alt_text": {"text": item.alt}}}
        wrong = harmless(verdict(self._post(_METADATA, json=metadata), "X"))
        if isinstance(wrong, Dead):  # better a portrait without a text than none
            log.warning("account %s: the alternative text is not taken: %s", self.name, wrong.why)
            return None
        return wrong

    def send(self, item: Item, media: str) -> Answer:
        self._wire.begin()
        body: dict[str, Any] = {"text": item.text, "media": {"media_ids": [media]}}
        if self._made_with_ai:
            body["made_with_ai"] = True
        found = self._request("POST", "/2/tweets", json=body)
        if found.status == 403 and "duplicate" in said(found).lower():
            return self._posted_before(item)
        if found.status == 400 and "media" in said(found).lower():
            return Refused(f"X no longer knows the picture{said(found)}")
        if wrong := verdict(found, "X"):
            return wrong
        remote = at(read_json(found), "data", "id")
        if not isinstance(remote, str) or not remote:
            return Unknown(unreadable(found, "X"))
        return Posted(remote)

    def _posted_before(self, item: Item) -> Answer:
        """No other text is the same as this one, so that X must have it from us."""
        found = self._find(item)
        if isinstance(found, Posted):
            return found
        why = "the timeline does not show it" if isinstance(found, Absent) else found.why
        return Unknown(f"X says that it has this post already, but {why}")

    def find(self, item: Item) -> Posted | Absent | Refused | Stopped:
        self._wire.begin()
        return self._find(item)

    def _find(self, item: Item) -> Posted | Absent | Refused | Stopped:
        """Look through the account's newest posts; each that is read costs, so no further back
        than the item is old."""
        user = self._keys["access_token"].reveal().partition("-")[0]
        since = datetime.fromtimestamp(item.created, UTC) - _EARLIER
        query = {
            "max_results": "100",
            "exclude": "retweets",
            "start_time": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for _ in range(_PAGES):
            found = self._request("GET", f"/2/users/{user}/tweets", params=query)
            if wrong := harmless(verdict(found, "X")):
                return Refused(wrong.why) if isinstance(wrong, Dead) else wrong
            values = read_json(found)
            posts = at(values, "data")
            # Without posts there is no `data`, but there is always `meta`.
            if not isinstance(posts, list) and at(values, "meta", "result_count") != 0:
                return Refused(unreadable(found, "X"))
            for post in posts or ():
                remote, text = at(post, "id"), at(post, "text")
                if isinstance(remote, str) and marks(item.mark, html.unescape(str(text))):
                    return Posted(remote)
            further = at(values, "meta", "next_token")
            if not isinstance(further, str):
                break
            query = query | {"pagination_token": further}
        return Absent()

    def _request(self, method: str, route: str, **what: Any) -> Exchange:
        # The client's own `create_tweet` does not know `made_with_ai`.
        return self._wire.ask(
            lambda: self._client.request(method, route, user_auth=True, **what), route
        )

    def _post(self, url: str, **what: Any) -> Exchange:
        """What the client has no method for, over its session and signed by its handler."""
        import tweepy

        def call() -> object:
            handler = tweepy.OAuth1UserHandler(*(self._keys[key].reveal() for key in KEYS))
            return self._client.session.post(url, auth=handler.apply_auth(), **what)

        return self._wire.ask(call, url)

    @cached_property
    def _client(self) -> tweepy.Client:
        """Made when it is first asked, not while the show starts."""
        import tweepy

        from murai_show.edge.social.wire import hush, session_over

        hush()
        # Never `wait_on_rate_limit`: without a header it asks again at once, for ever.
        client = tweepy.Client(None, *(self._keys[key].reveal() for key in KEYS))
        client.session = session_over(self._wire)
        return client

    def close(self) -> None:
        """Nothing stays open."""
