"""An account that practises: what would be posted lies in a folder; nothing leaves the machine."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from murai_show.edge.social.port import Absent, Dead, Item, Posted, Refused

log = logging.getLogger(__name__)


class Practice:
    """Writes picture and words side by side into `folder`."""

    cost = 0.0

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self._folder = name, folder

    def upload(self, item: Item) -> str | Refused | Dead:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(self._file(item, item.picture.suffix), item.picture.read_bytes())
        except OSError as error:
            return Refused(f"practice: {error.strerror}")
        return "practice"

    def send(self, item: Item, media: str) -> Posted | Refused:  # noqa: ARG002 - as the port has it
        words = f"{item.text}\n\nAlternative text: {item.alt}\n"
        file = self._file(item, ".txt")
        try:
            self._write(file, words.encode())
        except OSError as error:
            return Refused(f"practice: {error.strerror}")
        log.info("post %s: practice, nothing is posted; it would be %s", self.name, file)
        return Posted("practice")

    def find(self, item: Item) -> Posted | Absent:
        return Posted("practice") if self._file(item, ".txt").is_file() else Absent()

    def close(self) -> None:
        """Nothing is open."""

    def _file(self, item: Item, suffix: str) -> Path:
        return self._folder / f"{item.mark}-{item.account}{suffix}"

    def _write(self, file: Path, data: bytes) -> None:
        part = file.with_name(f".part-{file.name}")
        handle = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as target:
            target.write(data)
        part.replace(file)
