"""What tests of accounts share: keys in files, a portrait, an account of each kind over a wire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from murai_show.edge.social.accounts import open_account
from murai_show.edge.social.port import Account, Item
from murai_show.edge.social.wire import Wire
from murai_show.show.planned_post import PlannedAccount
from tests.edge.social.server import BLUESKY_KEYS, MASTODON_KEYS, X_KEYS, Fault, Server, silence

KEYS = {"x": X_KEYS, "mastodon": MASTODON_KEYS, "bluesky": BLUESKY_KEYS}
SERVERS = {"x": "", "mastodon": "https://mastodon.test", "bluesky": "https://bsky.test"}
POST = {"x": "/2/tweets", "mastodon": "/api/v1/statuses", "bluesky": "createRecord"}
UPLOAD = {"x": "/2/media/upload", "mastodon": "/api/v2/media", "bluesky": "uploadBlob"}
FIND = {"x": "/2/users/4242/tweets", "mastodon": "/77/statuses", "bluesky": "getRecord"}
WORLD = (
    "https://api.x.com",
    "https://api.twitter.com",
    "https://mastodon.test",
    "https://bsky.test",
)


def write_keys(folder: Path, kind: str, keys: dict[str, str] | None = None) -> dict[str, str]:
    """The environment in which systemd has loaded the credential of the account `kind`."""
    folder.mkdir(exist_ok=True)
    (folder / kind).write_text(json.dumps(keys or KEYS[kind]))
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def an_account(
    kind: Any, folder: Path, server: Server, keys: dict[str, str] | None = None, **wire: Any
) -> Account:
    planned = PlannedAccount(kind, kind, "", "", SERVERS[kind])
    settings = {"budget": 20.0, "silence": 10.0} | wire
    environ = write_keys(folder / "credentials", kind, keys)
    return open_account(planned, environ, Wire(dict.fromkeys(WORLD, server.url), **settings))


def an_item(folder: Path, number: int = 1, **changed: Any) -> Item:
    picture = folder / "portrait.png"
    if not picture.exists():
        Image.linear_gradient("L").resize((48, 32)).convert("RGB").save(picture)
    mark = f"portrait {number} · 20:{number:02d}"
    facts: dict[str, Any] = {
        "account": "x",
        "number": number,
        "mark": mark,
        "text": f"Night & day: {mark}\nwave",
        "alt": "A portrait of visitors, painted.",
        "picture": picture,
        "created": 1_795_000_000.25,
    }
    return Item(**{**facts, **changed})


@dataclass
class Desk:
    """A server, and an account of `kind` with it."""

    kind: str
    server: Server
    account: Account
    folder: Path

    @property
    def posts(self) -> list[dict[str, Any]]:
        return self.server.networks.posts

    def misbehave(self, *faults: Fault) -> None:
        """Let the server do this from now on; with patience enough for a busy machine, but for a
        server that says nothing."""
        self.server.networks.faults = list(faults)
        silent = any(fault.does is silence for fault in faults)
        self.account._wire._silence = 0.2 if silent else 10.0  # type: ignore[attr-defined]

    def item(self, number: int = 1, **changed: Any) -> Item:
        return an_item(self.folder, number, **changed)
