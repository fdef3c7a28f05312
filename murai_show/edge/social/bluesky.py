"""Bluesky, through atproto.

A post lies in the account's repository under a key that follows from its mark: the same post
cannot lie there twice, and whether it is there is asked by that key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from murai_show.edge.credentials import Secret
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
from murai_show.redact import forget, remember
from murai_show.show.planned_post import PlannedAccount

if TYPE_CHECKING:
    import atproto

    from murai_show.edge.social.wire import Exchange, Wire

KEYS = ("handle", "app_password")
LARGEST = 976_000  # bytes of a picture; a million are taken
_POSTS = "app.bsky.feed.post"
_BASE32 = "234567abcdefghijklmnopqrstuvwxyz"
_OVER = ("ExpiredToken", "InvalidToken")


class BlueskyAccount:
    """One account.  `keys` holds its handle and an app password."""

    cost = 0.0

    def __init__(self, planned: PlannedAccount, keys: Mapping[str, Secret], wire: Wire) -> None:
        self.name = planned.name
        self._server, self._keys, self._wire = planned.server, keys, wire
        self._did = ""
        self._tokens: tuple[Secret, ...] = ()

    def upload(self, item: Item) -> str | Refused | Stopped | Dead:
        """The blob as JSON, which the post repeats word by word."""
        self._wire.begin()
        try:
            picture = fitted(item.picture, LARGEST)
        except MuraiError as error:
            return Dead(str(error))
        if wrong := self._sign_in():
            return wrong
        found = self._ask(
            lambda client: client.com.atproto.repo.upload_blob(
                picture.data, headers={"Content-Type": picture.type}
            ),
            "com.atproto.repo.uploadBlob",
        )
        if wrong := self._over(found) or harmless(verdict(found, "Bluesky")):
            return wrong
        blob = at(read_json(found), "blob")
        if not isinstance(at(blob, "ref", "$link"), str):
            return Refused(unreadable(found, "Bluesky"))
        size = {"width": picture.width, "height": picture.height}
        return json.dumps({"blob": blob, "size": size}, sort_keys=True)

    def send(self, item: Item, media: str) -> Answer:
        self._wire.begin()
        if wrong := self._sign_in():
            return wrong
        post = self._post(item, media)
        if post is None:
            return Dead("what Bluesky said about the picture cannot be read any more")
        found = self._ask(
            lambda client: client.com.atproto.repo.create_record(post),
            "com.atproto.repo.createRecord",
        )
        if wrong := self._over(found):
            return wrong
        wrong = verdict(found, "Bluesky")
        if isinstance(wrong, Dead):
            # What lies there already cannot be created: is that why?
            there = self._look(item)
            return there if isinstance(there, Posted) else wrong
        if wrong:
            return wrong
        remote = at(read_json(found), "uri")
        if not isinstance(remote, str) or not remote:
            return Unknown(unreadable(found, "Bluesky"))
        return Posted(remote)

    def _post(self, item: Item, media: str) -> Any:
        """The same to the last byte, whenever it is asked for; None where `media` is none."""
        from atproto import models

        try:
            known = json.loads(media)
            picture = models.AppBskyEmbedImages.Image(
                alt=item.alt,
                image=models.blob_ref.BlobRef.model_validate(known["blob"]),
                aspect_ratio=models.AppBskyEmbedDefs.AspectRatio(**known["size"]),
            )
        except (ValueError, TypeError, KeyError):
            return None
        when = datetime.fromtimestamp(item.created, UTC).isoformat(timespec="milliseconds")
        record = models.AppBskyFeedPost.Record(
            text=item.text,
            created_at=when.replace("+00:00", "Z"),
            embed=models.AppBskyEmbedImages.Main(images=[picture]),
        )
        return models.ComAtprotoRepoCreateRecord.Data(
            repo=self._did, collection=_POSTS, rkey=record_key(item), record=record
        )

    def find(self, item: Item) -> Posted | Absent | Refused | Stopped:
        self._wire.begin()
        return self._sign_in() or self._look(item)

    def _look(self, item: Item) -> Posted | Absent | Refused | Stopped:
        from atproto import models

        asked = models.ComAtprotoRepoGetRecord.Params(
            repo=self._did, collection=_POSTS, rkey=record_key(item)
        )
        found = self._ask(
            lambda client: client.com.atproto.repo.get_record(asked), "com.atproto.repo.getRecord"
        )
        values = read_json(found)
        if found.status in (400, 404) and at(values, "error") == "RecordNotFound":
            return Absent()
        if wrong := self._over(found) or harmless(verdict(found, "Bluesky")):
            return Refused(wrong.why) if isinstance(wrong, Dead) else wrong
        remote = at(values, "uri")
        return Posted(remote) if isinstance(remote, str) else Refused(unreadable(found, "Bluesky"))

    def _sign_in(self) -> Refused | Stopped | None:
        """Once; the client renews its session by itself."""
        if self._did:
            return None
        found = self._ask(
            lambda client: client.login(
                *(self._keys[key].reveal() for key in KEYS), fetch_bsky_profile=False
            ),
            "com.atproto.server.createSession",
        )
        if wrong := harmless(verdict(found, "Bluesky")):
            return Stopped(wrong.why) if isinstance(wrong, Dead) else wrong
        did = at(read_json(found), "did")
        if not isinstance(did, str) or not did.startswith("did:"):
            return Refused(unreadable(found, "Bluesky"))
        self._did = did
        return None

    def _over(self, found: Exchange) -> Refused | None:
        """A session that is over says nothing about the account: sign in anew next time."""
        error = at(read_json(found), "error")
        # The client renews a session before it asks for anything else.
        renewals = [told.status for told in self._wire.told if "refreshSession" in told.url]
        renewed = all(status in (None, 200) or status >= 500 for status in renewals)
        if not renewed or found.status == 401 or (found.status == 400 and error in _OVER):
            self._did = ""
            self.__dict__.pop("_client", None)
            return Refused(f"Bluesky ended the session{said(found)}")
        return None

    def _ask(self, call: Callable[[atproto.Client], object], method: str) -> Exchange:
        return self._wire.ask(lambda: call(self._client), method)

    @cached_property
    def _client(self) -> atproto.Client:
        """Made when it is first asked: its models take seconds to load."""
        import atproto
        from atproto_client.request import Request

        from murai_show.edge.social.wire import hush
        from murai_show.edge.social.wire_httpx import WireTransport

        hush()
        client = atproto.Client(
            self._server, request=Request(transport=WireTransport(self._wire), trust_env=False)
        )

        client.on_session_change(lambda _, session: self._keep_secret(session))
        return client

    def _keep_secret(self, session: Any) -> None:
        """Its tokens, and those of the session before no longer: they change every two hours."""
        for token in self._tokens:
            forget(token.reveal())
        self._tokens = (Secret(session.access_jwt), Secret(session.refresh_jwt))
        for token in self._tokens:
            remember(token.reveal())

    def close(self) -> None:
        """Nothing stays open; the session ends by itself."""


def record_key(item: Item) -> str:
    """A timestamp identifier (atproto's TID: 53 bits of microseconds, 10 bits of clock, base32).

    Its second is that of the item, the rest comes from the mark: always the same for an item, and
    another for each.
    """
    drawn = int.from_bytes(hashlib.sha256(item.mark.encode()).digest()[:8])
    micro = int(item.created) * 1_000_000 + drawn % 1_000_000
    number = micro << 10 | drawn // 1_000_000 % 1024
    return "".join(_BASE32[number >> shift & 31] for shift in range(60, -1, -5))
