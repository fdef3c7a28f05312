"""`murai-show` in a process of its own, with a painter and a clock in miniature.

    python -m tests.train.mini SECONDS WORDS…

SECONDS is the time between two checkpoints; WORDS are those of `murai-show`.
"""

from __future__ import annotations

import sys

from murai_show import cli
from murai_show.nets import painter
from murai_show.train import run

CONFIG = {"half": 4, "quarter": 6, "blocks": 1}

if __name__ == "__main__":
    painter.SIZES["mini"] = CONFIG  # pyright: ignore
    run.CHECKPOINT_SECONDS = float(sys.argv.pop(1))
    cli.main()
