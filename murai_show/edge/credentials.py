"""Secrets by name: from systemd's credentials, else from a file that is its owner's alone.

They never stand in a show file, and whoever reads one here has already told `redact` about it.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from murai_show.errors import CredentialError
from murai_show.redact import remember

LARGEST = 16384  # bytes
SHORTEST = 8  # characters: less is a slip, not a secret
PUBLIC = ("handle",)  # keys whose values everybody may see


class Secret:
    """A text that is sent to whom it belongs, and shown to nobody."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def reveal(self) -> str:
        return self._secret

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    __str__ = __repr__

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")


def find_keys(name: str, needed: Sequence[str], environ: Mapping[str, str]) -> dict[str, Secret]:
    """The values of `needed` in the credential called `name`.

    It holds lines `key = value`, or one JSON object.  Raises CredentialError, without a secret in
    it, when there is none or it is no good.
    """
    found = read_credential(name, environ, "credential")
    if found is None:
        lines = ", ".join(f"{key} = …" for key in needed)
        raise CredentialError(
            f"there is no credential {name}; write the lines {lines} into "
            f"~/.config/murai-show/{name} and chmod 600 it, or let systemd load it "
            f"(LoadCredential={name}:FILE)"
        )
    text, where = found
    values = _json(text, where) if text.lstrip().startswith("{") else _lines(text, where)
    missing = [key for key in needed if not values.get(key)]
    if missing:
        raise CredentialError(f"the credential in {where} has no {' and no '.join(missing)}")
    return {key: _checked(key, values[key], where) for key in needed}


def read_credential(name: str, environ: Mapping[str, str], called: str) -> tuple[str, str] | None:
    """The text of the credential called `name` and where it lies; None when there is none.

    `called` is what sentences call it.  Raises CredentialError.
    """
    if folder := environ.get("CREDENTIALS_DIRECTORY"):
        given = Path(folder) / name
        if given.is_file():
            return _read(given, called, own=False), str(given)
    config = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home()) / ".config"
    own = Path(config) / "murai-show" / name
    return (_read(own, called, own=True), str(own)) if own.is_file() else None


def _read(path: Path, called: str, *, own: bool) -> str:
    """What was checked is what is read: the file is asked, not its name."""
    try:
        # Without O_NONBLOCK opening a pipe would wait for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if own:
                _refuse_open(os.fstat(file.fileno()), path, called)
            return file.read(LARGEST).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not plain text"
        raise CredentialError(f"the {called} in {path} cannot be read: {why}") from None


def _refuse_open(found: os.stat_result, path: Path, called: str) -> None:
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise CredentialError(f"the {called} in {path} is not its owner's alone; chmod 600 {path}")


def _json(text: str, where: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise CredentialError(
            f"the credential in {where} begins like JSON and is not a JSON object"
        )
    return {str(key): value for key, value in found.items() if isinstance(value, str)}


def _lines(text: str, where: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, mark, value = (part.strip() for part in line.partition("="))
        if not mark:  # nothing of the line is repeated: it could be the secret
            raise CredentialError(f"line {number} of the credential in {where} is not key = value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[key] = value
    return values


def _checked(key: str, value: str, where: str) -> Secret:
    """What has a space or a line's end in it could write a header of its own."""
    if not value.isprintable() or " " in value or len(value) < SHORTEST:
        raise CredentialError(
            f"the {key} in {where} is no good; it has {SHORTEST} signs or more and no spaces"
        )
    if key not in PUBLIC:
        remember(value)
    return Secret(value)
