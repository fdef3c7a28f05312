"""What helps to help from afar, in one archive: nothing in it is a secret, and nobody but its
writer can read it.

Every text passes `redact`, which is told first all the secrets that can be found here.
"""

from __future__ import annotations

import gzip
import importlib.metadata
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from murai_show import __version__
from murai_show.doctor.access import secret_files
from murai_show.doctor.on_air import ask
from murai_show.edge.retention import stored
from murai_show.redact import remember, remember_url, scrubbed, scrubbed_values
from murai_show.show.planned import Plan
from murai_show.show.report import plan_to_json
from murai_show.show.variables import is_secret

_LARGEST = 2 << 20  # characters of a member; of a longer one the end is kept
_LINES = 200  # of what the kernel said, and of the processor
_FILES = 500  # of an output
_DATABASES = (".sqlite", ".sqlite3", ".db")
_PATIENCE = 10.0  # seconds for each program that is asked
# A key of YAML and its value, in a line or in braces; maps and lists are left to their own keys.
_PAIR = re.compile(
    r"(?<![\w-])(?P<key>[\w-]{1,64})(?P<colon>[\"']?[ \t]{0,8}:[ \t]{1,40})"
    r"(?P<value>\$\{[^}\n]*\}|[^\s{\[#|>][^,}\n]*)"
)


@dataclass(frozen=True)
class Request:
    """`file` is the show's, `plan` what it means, None where it is broken; `verdicts` are the
    doctor's, as values of JSON."""

    file: Path
    plan: Plan | None
    verdicts: Mapping[str, Any]
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Member:
    """A file of the archive, and in a few words what it is; `size` in bytes."""

    name: str
    size: int
    what: str


def default_name(show: str) -> str:
    return f"murai-show-{show}-{datetime.now():%Y%m%d-%H%M%S}.tar.gz"


def write_archive(request: Request, target: Path) -> list[Member]:
    """Write it, mode 0600, and tell what is in it.  Raises OSError, FileExistsError where `target`
    is there already."""
    learn_secrets(request.environ)
    members: list[Member] = []
    opened = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (
        os.fdopen(opened, "wb") as raw,
        # A header without the name that it was written by.
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name, what, text in contents(request):
            data = text.encode("utf-8", "replace")
            header = tarfile.TarInfo(f"murai-show/{name}")
            header.size, header.mode, header.mtime = len(data), 0o600, int(time.time())
            archive.addfile(header, io.BytesIO(data))
            members.append(Member(name, len(data), what))
    return members


def learn_secrets(environ: Mapping[str, str]) -> None:
    """Have every secret that is within reach redacted: variables that are called one or hold a URL
    with one, and what stands in the files of secrets, whole and value by value."""
    for name, value in environ.items():
        if is_secret(name):
            remember(value)
        if "://" in value:
            remember_url(value)
    for path, _own in secret_files(environ):
        try:
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:  # what we cannot read we cannot tell
            continue
        remember(text.strip())
        for line in text.splitlines():
            remember(line.strip())
            for value in re.split(r"[\s\"',:={}\[\]]+", line):
                remember(value)


def contents(request: Request) -> Iterator[tuple[str, str, str]]:
    """Name, what it is, text: each member, its secrets taken out.  What is not here is left out."""
    makers: tuple[tuple[str, str, Callable[[Request], str]], ...] = (
        ("doctor.json", "the doctor's verdicts", lambda r: _json(r.verdicts)),
        ("show.yaml", "the show file", lambda r: without_values(_file(r.file))),
        (
            "plan.json",
            "what it means here",
            lambda r: _json(plan_to_json(r.plan)) if r.plan else "",
        ),
        ("versions.txt", "installed packages", lambda _: _versions()),
        ("metrics.txt", "what the running show measures", lambda r: _answer(r, "/metrics")),
        ("statusz.txt", "what it plays, and why", lambda r: _answer(r, "/statusz")),
        ("readyz.txt", "whether it shows a picture", lambda r: _answer(r, "/readyz")),
        ("log.txt", "its log of two days", _journal),
        ("state.json", "counts of the outbox and the booth", lambda r: _json(_counts(r))),
        ("files.txt", "names and sizes of what it wrote", _files),
        ("cpuinfo.txt", "the processor", lambda _: _head(Path("/proc/cpuinfo"))),
        ("kernel.txt", "what the kernel said last", lambda _: _ran("dmesg", "--ctime")),
        ("nvidia.txt", "the GPU", lambda _: _ran("nvidia-smi", "-q")),
    )
    for name, what, make in makers:
        text = make(request)
        if text.strip():
            yield name, what, scrubbed(text)[-_LARGEST:]


def _json(found: Any) -> str:
    empty = found in ({}, None)
    return "" if empty else json.dumps(scrubbed_values(found), indent=2, ensure_ascii=False) + "\n"


def _file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"it cannot be read: {error.strerror}\n"


def without_values(show: str) -> str:
    """The text of a show file without the value of any key that is called a secret.  `check` would
    refuse it there; but whoever asks for help may have a file that is refused."""

    def mask(found: re.Match[str]) -> str:
        bare = found["value"].startswith("${") or not is_secret(found["key"])
        return found[0] if bare else f"{found['key']}{found['colon']}***"

    return _PAIR.sub(mask, show)


def _head(path: Path) -> str:
    return "".join(_file(path).splitlines(keepends=True)[:_LINES])


def _versions() -> str:
    found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    found = {name: version for name, version in found.items() if name} | {"murai-show": __version__}
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found, key=str.lower))


def _answer(request: Request, path: str) -> str:
    answer = ask(request.plan.metrics, path) if request.plan else None
    if answer is None or answer[0] == 404:
        return ""
    return f"{answer[1]}" if path == "/metrics" else f"HTTP {answer[0]}\n{answer[1]}"


def _journal(request: Request) -> str:
    show = request.plan.show if request.plan else request.file.stem
    words = ("journalctl", "-u", f"murai-show@{show}", "-u", f"murai-kiosk@{show}")
    text = _ran(*words, "--since", "-2d", "--no-pager", "-o", "short-iso", lines=20_000)
    return "" if text.strip() == "-- No entries --" else text


def _ran(*words: str, lines: int = _LINES) -> str:
    """The last lines that a program prints; nothing where it is not here or not for us."""
    if shutil.which(words[0]) is None:
        return ""
    try:
        ran = subprocess.run(  # noqa: S603 - programs of the system, by names of our own
            words, capture_output=True, text=True, errors="replace", timeout=_PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return "".join(ran.stdout.splitlines(keepends=True)[-lines:])


def state_folders(show: str, environ: Mapping[str, str]) -> list[Path]:
    """Where a show keeps what it must not forget: systemd's folder for it, and the user's own."""
    if service := environ.get("STATE_DIRECTORY"):
        return [Path(service.split(":")[0])]
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME") or "~") / ".local/state"
    return [Path(state) / "murai-show" / show, Path("/var/lib/murai-show") / show]


def _counts(request: Request) -> dict[str, Any]:
    """How many rows of each state the databases have.  Neither texts nor pictures are read."""
    show = request.plan.show if request.plan else request.file.stem
    found: dict[str, Any] = {}
    for folder in state_folders(show, request.environ):
        for path in sorted(folder.rglob("*"))[:_FILES]:
            if path.suffix in _DATABASES and path.is_file():
                found[str(path)] = counted(path)
    return found


def counted(database: Path) -> dict[str, Any]:
    """The number of rows of each table; by their state, where they have one."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=2)) as opened:
            tables = [
                name
                for (name,) in opened.execute("select name from sqlite_master where type='table'")
            ]
            return {table: _rows(opened, table) for table in tables}
    except sqlite3.Error as error:
        return {"trouble": str(error)}


def _rows(opened: sqlite3.Connection, table: str) -> Any:
    quoted = '"' + table.replace('"', '""') + '"'
    columns = {row[1] for row in opened.execute(f"pragma table_info({quoted})")}
    if "state" in columns:
        by = f"select state, count(*) from {quoted} group by state"  # noqa: S608 - quoted above
        return {str(state): count for state, count in opened.execute(by)}
    return opened.execute(f"select count(*) from {quoted}").fetchone()[0]  # noqa: S608


def _files(request: Request) -> str:
    """Names, sizes and times of what the show has written; no content."""
    outputs = request.plan.outputs if request.plan else ()
    lines: list[str] = []
    for output in outputs:
        files = list(stored(output.file))[-_FILES:] if output.file else []
        lines += [f"output {output.name}\n"] if files else []
        for file in files:
            when = datetime.fromtimestamp(file.modified).isoformat(" ", "seconds")
            lines.append(f"  {when} {file.size:>14,} {file.path}\n")
    return "".join(lines)
