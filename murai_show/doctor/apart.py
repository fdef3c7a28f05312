"""One check in a process of its own: check and case pickled on stdin, verdicts as JSON on stdout.

Its time is counted once the check begins: reading the plan and starting Python are no fault of what
is examined.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys

from murai_show.doctor.examine import answer, look


def main() -> None:
    check, case = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - our own parent wrote it
    out = os.dup(1)
    os.dup2(2, 1)  # libraries print there
    # The kernel ends this process, whatever a library is waiting for.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, check.seconds)
    found = look(check, case)
    signal.setitimer(signal.ITIMER_REAL, 0)
    os.write(out, answer(found))
    os._exit(0)  # so that a library that cannot end itself has no say


if __name__ == "__main__":
    main()
