"""The token of the control: who has it may call cues.  It never stands in a show file."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from murai_show.edge.credentials import Secret, read_credential
from murai_show.errors import CredentialError
from murai_show.redact import remember

NAME = "control_token"
VARIABLE = "MURAI_CONTROL_TOKEN"
SHORTEST = 16  # characters
_HOW = (
    "make one: (umask 077; mkdir -p ~/.config/murai-show; "
    "openssl rand -hex 32 > ~/.config/murai-show/control_token)"
)


class Token(Secret):
    """A secret that is compared and sent."""

    __slots__ = ()

    def fits(self, found: str) -> bool:
        """Whether `found` is it, in a time that does not tell how much of it is right."""
        return hmac.compare_digest(self.reveal().encode(), found.encode("utf-8", "surrogateescape"))

    def header(self) -> str:
        """What a request carries as Authorization (RFC 6750, 2.1)."""
        return f"Bearer {self.reveal()}"


def find_token(environ: Mapping[str, str]) -> Token:
    """From systemd's credentials, else the user's own file, else the environment.

    Raises CredentialError, without the token in it, when there is none or it is no good.
    """
    if found := read_credential(NAME, environ, "token"):
        return _checked(*found)
    if VARIABLE in environ:
        return _checked(environ[VARIABLE], VARIABLE)
    raise CredentialError(f"there is no token; {_HOW}")


def _checked(text: str, where: str) -> Token:
    secret = text.strip()
    if len(secret) < SHORTEST or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise CredentialError(
            f"the token in {where} is no good; {SHORTEST} letters and digits or more, such as "
            "openssl rand -hex 32 gives"
        )
    remember(secret)
    return Token(secret)
