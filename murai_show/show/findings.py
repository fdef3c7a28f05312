"""What is wrong in a show file, gathered until all of it is known."""

from __future__ import annotations

from typing import NamedTuple, NoReturn

from murai_show.errors import Problem, ShowError

MOST = 50


class Spot(NamedTuple):
    """A place in the file; line and column count from 1."""

    line: int
    column: int


START = Spot(1, 1)


class Findings:
    """Collects problems; the same sentence about the same place counts once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._problems: set[Problem] = set()

    def add(self, spot: Spot, text: str) -> None:
        self._problems.add(Problem(spot.line, spot.column, self.file, text))

    def join(self, other: Findings) -> None:
        """Take over what was found in another file of the same show."""
        self._problems |= other._problems

    def only(self, spot: Spot, text: str) -> NoReturn:
        """Say this and nothing else: the rest would be guesses."""
        raise ShowError((Problem(spot.line, spot.column, self.file, text),))

    def done(self) -> None:
        """Raise ShowError when anything was found, in the order of the file, at most `MOST`."""
        if not self._problems:
            return
        problems = sorted(self._problems)
        if len(problems) > MOST:
            rest = problems[MOST]
            more = f"and {len(problems) - MOST} more problems; mend these first"
            problems[MOST:] = [Problem(rest.line, rest.column, rest.file, more)]
        raise ShowError(tuple(problems))
