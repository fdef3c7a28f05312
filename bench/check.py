"""How long `murai-show check` takes, as a whole process: the median of fresh starts.

python bench/check.py [--runs 15] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=15)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    command = [sys.executable, "-m", "murai_show", "check", "demo.yaml"]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)  # compiles bytecode
    seconds: list[float] = []
    for _ in range(given.runs):
        begun = time.perf_counter()
        subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
        seconds.append(time.perf_counter() - begun)
    found = {
        "runs": given.runs,
        "median_s": round(statistics.median(seconds), 3),
        "min_s": round(min(seconds), 3),
        "max_s": round(max(seconds), 3),
    }
    if given.json:
        print(json.dumps(found))
    else:
        print(
            "murai-show check demo.yaml: median {median_s} s ({min_s} to {max_s})".format(**found)
        )


if __name__ == "__main__":
    main()
