"""What every rule of the plan looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from murai_show.show.findings import Findings
from murai_show.show.load import Draft
from murai_show.show.paths import nearby, strays, what_is
from murai_show.show.planned import Facts


@dataclass(frozen=True)
class Site:
    """A draft on its way to a plan: the facts of the machine, what was found wrong, what the
    command line asks for."""

    draft: Draft
    facts: Facts
    findings: Findings
    rehearse: bool
    overrides: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """The show's own folder, below which it reads."""
        return self.draft.source.path.parent

    def blame(self, text: str, *path: str | int) -> None:
        """A finding about the value at `path`, which names that value itself."""
        self.findings.add(self.draft.spot(*path), text)

    def read_path(self, written: str, *path: str | int) -> Path | None:
        """The absolute form of a path inside the show's folder; None, and a finding, when it is
        somewhere else or when nothing is there."""
        label = next((part for part in reversed(path) if isinstance(part, str)), "path")
        shown = self.draft.shown(*path)
        stray = strays(written)
        if stray:
            self.blame(f"{label}: {shown} {stray.format('the folder of the show')}", *path)
            return None
        absolute = self.folder / written
        if what_is(absolute) == "nothing":
            near = nearby(self.folder, written) or f"; looked for in {self._named_folder()}"
            self.blame(f"{label}: {shown} does not exist{near}", *path)
            return None
        return absolute

    def _named_folder(self) -> str:
        work = self.facts.work
        if self.folder.is_relative_to(work) and self.folder != work:
            return f"{self.folder.relative_to(work)}/"
        return "the folder of the show" if self.folder != work else "this folder"
