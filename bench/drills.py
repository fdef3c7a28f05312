"""Runs the drills and writes the table of docs/reliability.md; kills a show thirty times.

    python bench/drills.py [--kills 30] [--only-kills] [--seed 1]

Every row of the table is a test in tests/drills, which injects its fault for real; the figures are
those of this run, on this machine.  Writes docs/scores/drills.json too.  The status is 1 when a row
is not green.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from murai_show.train.cost import machine  # noqa: E402 - beside the tests' own parts
from tests.drills.ending import Child, kill_once, prepare, whole  # noqa: E402

PAGE = REPOSITORY / "docs/reliability.md"
SCORES = REPOSITORY / "docs/scores/drills.json"
BEGIN, END = "<!-- the table: bench/drills.py -->", "<!-- its end -->"


def run_drills(work: Path) -> list[dict[str, Any]]:
    """A row for each drill; what is drilled more than once gives its worst figures."""
    rows = work / "rows.jsonl"
    rows.touch()
    table_test = "--ignore=tests/drills/test_table.py"  # it reads what is written here
    command = [sys.executable, "-m", "pytest", "tests/drills", "-q", table_test]
    where = {"PYTHONPATH": str(REPOSITORY), "MURAI_DRILLS_JSON": str(rows)}
    subprocess.run(command, cwd=REPOSITORY, env={**os.environ, **where}, check=False)
    found: dict[str, dict[str, Any]] = {}
    for line in rows.read_text().splitlines():
        row: dict[str, Any] = json.loads(line)
        before: dict[str, Any] = found.get(row["fault"]) or row
        row["green"] = row["green"] and before["green"]
        for figure in ("seconds", "lost"):
            row[figure] = max(row.get(figure, 0), before.get(figure, 0))
        found[row["fault"]] = {"happened": "", **row}
    return list(found.values())


def run_kills(work: Path, count: int, seed: int) -> dict[str, Any]:
    """A row: one folder, killed again and again at random moments, and started after each."""
    draw = random.Random(seed)  # noqa: S311 - moments, no secrets
    folder, firsts, wrong = work / "kills", [], []
    prepare(folder)
    for number in range(count):
        ended = kill_once(folder, draw)
        firsts += [ended.first] if ended.first is not None else []
        print(f"kill {number + 1}: {ended}", file=sys.stderr, flush=True)
        try:
            whole(folder, ended)
        except (AssertionError, OSError) as error:
            wrong.append(f"kill {number + 1}: {error}")
    child = Child(folder)
    firsts.append(child.first_picture())
    left = len(list((folder / "shots").glob(".*.part")))
    status = child.end(signal.SIGTERM)
    print(*wrong, sep="\n", file=sys.stderr)
    return {
        "fault": f"kill -9, {count} times",
        "injected": "the process group is killed at random moments, one in four while it starts",
        "happened": f"{count - len(wrong)} of {count} left nothing half written; each next start "
        "presents, the slowest after",
        "seconds": round(max(firsts), 1),
        "lost": 0,
        "green": not wrong and status == 0 and left <= 1,
    }


def table(rows: list[dict[str, Any]], where: str) -> str:
    heads = ("fault", "injected", "what happens", "seconds to recover", "frames lost", "green")
    lines = [f"{where}:", "", f"| {' | '.join(heads)} |", "|---|---|---|--:|--:|---|"]
    for row in rows:
        figures = (f"{row['seconds']:.1f}", str(row["lost"]), "yes" if row["green"] else "**NO**")
        cells = (row["fault"], row["injected"], row["happened"], *figures)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write(rows: list[dict[str, Any]], where: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{table(rows, where)}\n{END}{after}", encoding="utf-8")
    SCORES.write_text(json.dumps({"where": where, "rows": rows}, indent=1) + "\n")


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--kills", type=int, default=30)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only-kills", action="store_true", help="keep the other rows")
    options.add_argument("--keep-kills", action="store_true", help="keep the row of the kills")
    given = options.parse_args()
    known = json.loads(SCORES.read_text())["rows"] if SCORES.exists() else []
    with tempfile.TemporaryDirectory() as folder:
        killed = [row for row in known if row["fault"].startswith("kill -9, ")]
        if not given.keep_kills:
            killed = [run_kills(Path(folder), given.kills, given.seed)]
        others = [row for row in known if not row["fault"].startswith("kill -9, ")]
        rows = (others if given.only_kills else run_drills(Path(folder))) + killed
    shown = " ".join(["python bench/drills.py", *sys.argv[1:]])
    busy = f"load {os.getloadavg()[1]:.0f}"
    write(rows, f"{date.today():%Y-%m-%d}, {machine()}, {busy}, `{shown}`")
    if not all(row["green"] for row in rows):
        sys.exit("not every drill is green")


if __name__ == "__main__":
    main()
