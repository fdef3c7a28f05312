"""How long a show takes to end after SIGTERM, its film finished: seconds, for each of some runs.

python bench/ending.py [--runs 3] [--after 9]
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av

REPOSITORY = Path(__file__).resolve().parents[1]


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--after", type=float, default=9.0, help="seconds until the signal")
    given = options.parse_args()
    for _ in range(given.runs):
        with tempfile.TemporaryDirectory() as work:
            show = subprocess.Popen(
                [sys.executable, "-m", "murai_show", "run", str(REPOSITORY / "shows/demo.yaml")],
                cwd=work,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(given.after)
            begun = time.perf_counter()
            show.send_signal(signal.SIGTERM)
            status = show.wait(timeout=20)
            ended = time.perf_counter() - begun
            film = next(Path(work, "recordings").iterdir())
            with av.open(str(film)) as whole:
                frames = sum(1 for _ in whole.decode(video=0))
            print(
                f"ended {ended:.2f} s after SIGTERM, status {status}, {frames} frames in its film"
            )


if __name__ == "__main__":
    main()
