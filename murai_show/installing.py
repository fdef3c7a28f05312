"""What installing a show does to a machine, as steps that say in words what they do.

Files are written beside their places, then renamed into them; then the service manager is told.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from murai_show.errors import MuraiError, UsageError

MANIFEST = ".installed.json"
FORMAT = 1
OLD = ".old"  # what was edited in its place is kept under this ending


@dataclass(frozen=True)
class Item:
    """A file to be, at the absolute `path`: the content `data`, or that of the file `source`."""

    path: Path
    data: bytes = b""
    source: Path | None = None
    mode: int = 0o644

    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest() if self.source is None else digest(self.source)


@dataclass(frozen=True)
class Manifest:
    """What was installed of one show: files with the digests that they had, links with their
    targets, folders that were not there; all paths absolute.  `units` are enabled; `shared` files
    serve all shows."""

    show: str
    source: str
    units: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    def dump(self) -> bytes:
        return (json.dumps({"murai_install": FORMAT, **vars(self)}, indent=1) + "\n").encode()


def read_manifest(path: Path) -> Manifest | None:
    """None where nothing was installed.  Raises MuraiError for a file that is damaged."""
    try:
        raw = json.loads(path.read_bytes())
        assert raw.pop("murai_install") == FORMAT
        raw |= {key: tuple(raw[key]) for key in ("units", "shared", "folders")}
        return Manifest(**raw)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MuraiError(f"{path} cannot be read: {error.strerror}") from None
    except (AssertionError, ValueError, KeyError, TypeError, AttributeError):
        raise MuraiError(
            f"{path} is damaged: nobody knows what was installed; move its folder away and install "
            "the show again"
        ) from None


def digest(path: Path) -> str:
    """The SHA-256 of a file's content; empty where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def edited(path: Path, known: Mapping[str, str]) -> bool:
    """Whether somebody changed a file since it was installed, or put it there before."""
    now = digest(path)
    return now not in ("", known.get(str(path), ""))


@dataclass(frozen=True)
class Work:
    """All that is to happen, in order: what is run first, folders, files, links, what is removed,
    folders that are removed if nothing is left in them, what is run last."""

    first: Sequence[tuple[str, ...]] = ()
    folders: Sequence[tuple[Path, int]] = ()
    items: Sequence[Item] = ()
    links: Mapping[Path, str] = field(default_factory=dict)
    removed: Sequence[Path] = ()
    emptied: Sequence[Path] = ()
    calls: Sequence[tuple[str, ...]] = ()
    known: Mapping[str, str] = field(default_factory=dict)  # digests of the installation before

    def words(self) -> list[str]:
        """What `carry_out` does on this machine as it stands now, a line for each step."""
        lines = [f"run      {' '.join(call)}" for call in self.first]
        lines += [f"folder   {path}" for path, _ in self.folders if not path.is_dir()]
        for item in self.items:
            if self._stays(item):
                continue
            if self._keeps(item):
                lines.append(f"keep     {_old(item.path)}: it was edited in its place")
            lines.append(f"{'update' if item.path.exists() else 'write':<8} {item.path}")
        lines += [f"link     {path} -> {target}" for path, target in self._new_links()]
        lines += [f"remove   {path}" for path in self.removed if os.path.lexists(path)]
        lines += [f"remove   {path}" for path in self._bare()]
        return lines + [f"run      {' '.join(call)}" for call in self.calls]

    def carry_out(self, run: Callable[[tuple[str, ...]], None]) -> None:
        """Do it, files all or none.  Raises MuraiError with one sentence."""
        try:
            with ExitStack() as undo:
                for path, mode in self.folders:
                    _make(path, mode, undo)
                staged = [(self._staged(i, undo), i) for i in self.items if not self._stays(i)]
                for call in self.first:
                    run(call)
                undo.pop_all()
        except OSError as error:
            raise MuraiError(f"{_sentence(error)}; nothing was changed") from None
        try:
            for part, item in staged:
                if self._keeps(item):
                    item.path.replace(_old(item.path))
                part.replace(item.path)
            for path, target in self._new_links():
                path.unlink(missing_ok=True)
                path.symlink_to(target)
            bare = self._bare()
            for path in self.removed:
                _remove(path)
            for path in bare:
                path.rmdir()
        except OSError as error:
            raise MuraiError(f"{_sentence(error)}; do it again once that is mended") from None
        for call in self.calls:
            run(call)

    def _bare(self) -> list[Path]:
        """The folders in which nothing will be left, those below others first."""
        gone = set(self.removed)
        bare: list[Path] = []
        for path in sorted(set(self.emptied) - gone, reverse=True):
            if path.is_dir() and set(path.iterdir()) <= gone:
                gone.add(path)
                bare.append(path)
        return bare

    def _stays(self, item: Item) -> bool:
        """What is measured at the wall and kept beside the show is never written over."""
        now = digest(item.path)
        if item.path.name.endswith(".align.yaml") and edited(item.path, self.known):
            return True
        return now == item.digest()

    def _keeps(self, item: Item) -> bool:
        kept = item.path.name != MANIFEST and str(item.path) in self.known
        return kept and edited(item.path, self.known)

    def _new_links(self) -> list[tuple[Path, str]]:
        return [
            (path, target)
            for path, target in self.links.items()
            if not path.is_symlink() or os.readlink(path) != target  # noqa: PTH115 - as written
        ]

    @staticmethod
    def _staged(item: Item, undo: ExitStack) -> Path:
        """The content, whole, beside its place."""
        handle, name = tempfile.mkstemp(prefix=".part-", dir=item.path.parent)
        part = Path(name)
        undo.callback(part.unlink, missing_ok=True)
        with os.fdopen(handle, "wb") as file:
            if item.source is None:
                file.write(item.data)
            else:
                with item.source.open("rb") as source:
                    shutil.copyfileobj(source, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(item.mode)
        return part


def _sentence(error: OSError) -> str:
    return f"{error.filename or 'a file'}: {error.strerror or error}"


def _old(path: Path) -> Path:
    return path.with_name(path.name + OLD)


def _make(path: Path, mode: int, undo: ExitStack) -> None:
    """A folder, and those above it; taken away again if what follows fails."""
    for folder in reversed([path, *path.parents]):
        if not folder.is_dir():
            folder.mkdir(mode=mode if folder == path else 0o755)
            undo.callback(folder.rmdir)


def _remove(path: Path) -> None:
    """A file, a link, a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def run_command(call: tuple[str, ...]) -> None:
    """Raises MuraiError with what the command said."""
    try:
        done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MuraiError(f"{' '.join(call)}: {error}") from None
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"status {done.returncode}"
        raise MuraiError(f"{' '.join(call)} failed: {said}")


def leftovers(before: Manifest | None, items: Iterable[Item], links: Iterable[Path]) -> list[Path]:
    """What an earlier installation brought and this one does not, unless it was edited."""
    if before is None:
        return []
    now = {str(item.path) for item in items} | {str(link) for link in links}
    files = [Path(f) for f in before.files if f not in now and not edited(Path(f), before.files)]
    return files + [Path(link) for link in before.links if link not in now]


def parse_environment(text: str) -> dict[str, str]:
    """The assignments of an EnvironmentFile (systemd.exec(5)), without its rarer escapes."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, mark, value = line.strip().partition("=")
        if mark and not name.startswith(("#", ";")):
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[name.strip()] = value[1:-1] if quoted else value
    return found


def checked_root(root: Path) -> Path:
    """Raises UsageError for a root that is no folder."""
    if not root.is_dir():
        raise UsageError(f"--root: {root} is no folder; write that of a system's tree")
    return root.resolve()
