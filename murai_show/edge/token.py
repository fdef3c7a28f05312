"""The token of the control: who has it may call cues.  It never stands in a show file."""

from __future__ import annotations

import hmac
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from murai_show.errors import MuraiError
from murai_show.redact import remember

NAME = "control_token"
VARIABLE = "MURAI_CONTROL_TOKEN"
SHORTEST = 16  # characters
_HOW = (
    "make one: (umask 077; mkdir -p ~/.config/murai-show; "
    "openssl rand -hex 32 > ~/.config/murai-show/control_token)"
)


class Token:
    """A secret that is compared and sent, and never shown."""

    def __init__(self, secret: str) -> None:
        remember(secret)
        self._secret = secret.encode()

    def __repr__(self) -> str:
        return "Token(***)"

    def fits(self, found: str) -> bool:
        """Whether `found` is it, in a time that does not tell how much of it is right."""
        return hmac.compare_digest(self._secret, found.encode("utf-8", "surrogateescape"))

    def header(self) -> str:
        """What a request carries as Authorization (RFC 6750, 2.1)."""
        return f"Bearer {self._secret.decode()}"


def find_token(environ: Mapping[str, str]) -> Token:
    """From systemd's credentials, else the user's own file, else the environment.

    Raises MuraiError, without the token in it, when there is none or it is no good.
    """
    if folder := environ.get("CREDENTIALS_DIRECTORY"):
        given = Path(folder) / NAME
        if given.is_file():
            return _checked(_read(given), str(given))
    config = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home()) / ".config"
    own = Path(config) / "murai-show" / NAME
    if own.is_file():
        _refuse_open(own)
        return _checked(_read(own), str(own))
    if VARIABLE in environ:
        return _checked(environ[VARIABLE], VARIABLE)
    raise MuraiError(f"there is no token; {_HOW}")


def _read(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as file:
            return file.read(4096)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not plain text"
        raise MuraiError(f"the token in {path} cannot be read: {why}") from None


def _refuse_open(path: Path) -> None:
    found = path.stat()
    if found.st_uid != os.getuid() or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise MuraiError(f"the token in {path} is not its owner's alone; chmod 600 {path}")


def _checked(text: str, where: str) -> Token:
    secret = text.strip()
    if len(secret) < SHORTEST or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise MuraiError(
            f"the token in {where} is no good; {SHORTEST} letters and digits or more, such as "
            "openssl rand -hex 32 gives"
        )
    return Token(secret)
