"""Everything that murai-show raises on purpose.

MuraiError                 one clear sentence for a person, printed without a traceback
├─ ShowError               a show file is wrong; carries every Problem at once; exit status 2
├─ UsageError              the command line asks for something that cannot be; exit status 2
├─ PaceError               this machine cannot paint as often as the show wants; exit status 2
├─ CameraError             a camera cannot be opened or went silent; the loop goes on
├─ BankError               a bank of styles is missing, damaged or of an unknown architecture
├─ EngineError             an engine cannot be built or run here; the next one paints
├─ CredentialError         a secret is missing, no good, or open to others
├─ OutputError             a projector, window or file cannot be opened
├─ OutboxError             the outbox cannot be opened, or takes no portrait; the show goes on
├─ DeviceLostError         the GPU is lost to this process; it ends, so that a new one can start
└─ TrainError              training cannot start or go on; nothing that was learned is lost
"""

from __future__ import annotations

from dataclasses import dataclass


class MuraiError(Exception):
    """Base of all; `str()` is one clear sentence for a person."""

    exit_status = 1


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a show file.  `line` and `column` count from 1."""

    line: int
    column: int
    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


class ShowError(MuraiError):
    """A show file is wrong.  `problems` holds every finding, in the order of the file."""

    exit_status = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class UsageError(MuraiError):
    """The command line asks for something that cannot be."""

    exit_status = 2


class PaceError(MuraiError):
    """This machine cannot paint as often as the show promises."""

    exit_status = 2


class CameraError(MuraiError):
    """A camera cannot be opened or went silent.  Its text never contains a password."""


class BankError(MuraiError):
    """A bank of styles is missing, damaged or of an unknown architecture."""


class EngineError(MuraiError):
    """An engine cannot be built or run on this machine."""


class CredentialError(MuraiError):
    """A secret is missing, no good, or open to others.  Its text never contains it."""


class OutputError(MuraiError):
    """A projector, window or file cannot be opened."""


class OutboxError(MuraiError):
    """The outbox cannot be opened, or takes no portrait at present."""


class DeviceLostError(MuraiError):
    """The GPU is lost to this process, which must end: nothing that CUDA still does is right.

    70 is EX_SOFTWARE of sysexits.h; systemd starts the show again on any status but 0.
    """

    exit_status = 70


class TrainError(MuraiError):
    """Training cannot start or go on; nothing that was learned is lost."""
