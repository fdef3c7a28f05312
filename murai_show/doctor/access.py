"""What others may reach and read: secrets, ports, the servers that streams go to."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from murai_show.doctor.verdict import Case, Check, Verdict
from murai_show.edge.token import find_token
from murai_show.errors import MuraiError
from murai_show.show.planned import PlannedOutput
from murai_show.show.schema import StreamOutput
from murai_show.show.words import Address

_PORTS = {"rtmp": 1935, "rtmps": 443, "rtsp": 554}
_ANSWER = 3.0  # seconds


def config_folder(environ: Mapping[str, str]) -> Path:
    """Where a user's own secrets are."""
    config = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home()) / ".config"
    return Path(config) / "murai-show"


def secret_files(environ: Mapping[str, str]) -> Iterator[tuple[Path, bool]]:
    """Every file with a secret, and whether it is the user's own, not handed over by systemd."""
    for folder, own in (
        (environ.get("CREDENTIALS_DIRECTORY"), False),
        (config_folder(environ), True),
    ):
        if folder and Path(folder).is_dir():
            for path in sorted(Path(folder).iterdir()):
                if path.is_file():
                    yield path, own


def credentials(case: Case, environ: Mapping[str, str] = os.environ) -> Iterator[Verdict]:
    """Files of secrets that others could read, and those that the show wants and are missing."""
    there = list(secret_files(environ))
    open_ = [path for path, own in there if own and not _is_private(path)]
    for path in open_:
        mend = f"chmod 600 {path} && chown {os.getuid()} {path}; and change it, it may be known"
        yield Verdict(path.name, "bad", f"{path} is not its owner's alone", mend)
    if case.plan is not None and case.plan.control is not None:
        try:
            find_token(environ)
        except MuraiError as error:
            found, _, mend = str(error).partition("; ")
            yield Verdict("control's token", "bad", found, mend or "write a new one")
        else:
            yield Verdict("control's token", "ok", "there, and its owner's alone")
    names = {path.name for path, _ in there}
    for account in getattr(case.plan, "post", ()) if case.plan else ():
        yield _account(account, names, environ)
    if there and not open_:
        yield Verdict("secrets", "ok", f"{', '.join(sorted(names))}: their owner's alone")
    elif not there:
        yield Verdict("secrets", "skip", "no files of secrets here")


def _account(account: object, names: set[str], environ: Mapping[str, str]) -> Verdict:
    """Whether the secret of an account that the show posts to is there."""
    name, kind = getattr(account, "name", ""), getattr(account, "kind", "")
    if names & {name, kind}:
        return Verdict(f"account {name}", "ok", "its secret is there")
    mend = f"write {config_folder(environ) / name}, chmod 600; docs/posting.md says what is in it"
    return Verdict(f"account {name}", "warn", "no secret: posting is only practised", mend)


def _is_private(path: Path) -> bool:
    found = path.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def ports(case: Case) -> Iterator[Verdict]:
    """Whether the show can listen where it wants to, or does already."""
    plan = case.plan
    if plan is None:
        return
    for what, address in (("metrics", plan.metrics), ("control", plan.control)):
        if address is not None:
            yield port(what, address, case.runs)


def port(what: str, address: Address, runs: bool) -> Verdict:
    name = f"port of {what}"
    trouble = _taken(address)
    if trouble is None:
        return Verdict(name, "ok", f"{address} is free")
    if runs and trouble.errno == 98:  # EADDRINUSE
        return Verdict(name, "ok", f"{address}: the show runs already, and listens")
    if trouble.errno == 98:
        mend = f"ss -ltnp 'sport = :{address.port}' says by whom; or write another port"
        return Verdict(name, "bad", f"{address} is taken", mend)
    return Verdict(name, "bad", f"{address}: {trouble.strerror}", f"write an address for {what}: ")


def _taken(address: Address) -> OSError | None:
    """What is in the way of listening there; the port is let go at once."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address.host, address.port))
        except OSError as error:
            return error
    return None


def streams(case: Case) -> list[Check]:
    """One check for each stream that the show sends."""
    outputs = case.plan.outputs if case.plan else ()
    sent = [output for output in outputs if isinstance(output.spec, StreamOutput)]
    return [
        Check("Network", f"stream {o.name}", partial(stream, output=o), 2 * _ANSWER + 2)
        for o in sent
    ]


def stream(_case: Case, output: PlannedOutput) -> Iterator[Verdict]:
    """Whether its server takes a connection.  Nothing is sent."""
    assert isinstance(output.spec, StreamOutput)
    name, url = f"stream {output.name}", output.spec.url
    parts = urlsplit(url.reveal())
    host, number = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    if parts.scheme in ("udp", "srt"):
        yield Verdict(name, "skip", f"{url}: {parts.scheme} does not tell before it is sent")
        return
    try:
        socket.create_connection((host, number), _ANSWER).close()
    except socket.gaierror:
        yield Verdict(name, "bad", f"{url}: there is no host of that name", "resolvectl status")
    except OSError as error:
        why = error.strerror or "no answer in time"
        mend = f"does it run, does a firewall let {number} through? nc -vz {host} {number}"
        yield Verdict(name, "warn", f"{url}: {why}", mend)
    else:
        yield Verdict(name, "ok", f"{url} answers")
