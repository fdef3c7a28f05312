"""From a planned account to one that posts."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from murai_show.edge.credentials import Secret, find_keys, read_credential
from murai_show.edge.social import bluesky, mastodon, x
from murai_show.edge.social.port import Account
from murai_show.errors import CredentialError
from murai_show.show.planned_post import PlannedAccount

if TYPE_CHECKING:
    from murai_show.edge.social.wire import Wire

# The client of each network, as it is imported and as it is installed.
_CLIENTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "x": ("tweepy", "tweepy"),
        "mastodon": ("mastodon", "Mastodon.py"),
        "bluesky": ("atproto", "atproto"),
    }
)
_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"x": x.KEYS, "mastodon": mastodon.KEYS, "bluesky": bluesky.KEYS}
)
KINDS = tuple(_CLIENTS)


def open_account(
    planned: PlannedAccount,
    environ: Mapping[str, str],
    wire: Wire | None = None,
) -> Account:
    """The account that `planned` names, with its credential.  Asks the network nothing yet.

    `wire` takes the place of one to the world.  Raises CredentialError when the
    credential is missing or no good, or the network's client is not installed.
    """
    _refuse_missing(planned.kind)
    keys = _keys(planned.name, planned.kind, environ)
    if wire is None:
        from murai_show.edge.social.wire import Wire

        wire = Wire()
    match planned.kind:
        case "x":
            return x.XAccount(planned, keys, wire)
        case "mastodon":
            return mastodon.MastodonAccount(planned, keys, wire)
        case "bluesky":
            return bluesky.BlueskyAccount(planned, keys, wire)


def trouble_with(name: str, kind: str, environ: Mapping[str, str]) -> str:
    """Why the account called `name` cannot post from here, in a sentence; empty where it can."""
    try:
        _refuse_missing(kind)
        _keys(name, kind, environ)
    except CredentialError as error:
        return str(error)
    return ""


def _keys(name: str, kind: str, environ: Mapping[str, str]) -> dict[str, Secret]:
    """From the credential with the account's name; else from the one with its network's, which is
    all that a show with one account there needs."""
    own = read_credential(name, environ, "credential") is not None
    other = not own and read_credential(kind, environ, "credential") is not None
    return find_keys(kind if other else name, _KEYS[kind], environ)


def _refuse_missing(kind: str) -> None:
    module, package = _CLIENTS[kind]
    if importlib.util.find_spec(module) is None:
        raise CredentialError(
            f'{package}, which posts to {kind}, is not installed; pip install "murai-show[social]"'
        )
