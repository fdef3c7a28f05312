"""The table of docs/reliability.md has every drill, and every row is green."""

from __future__ import annotations

import re
from types import ModuleType

from tests.drills import (
    test_cameras,
    test_clock,
    test_ending,
    test_outputs,
    test_painter,
    test_posting,
)
from tests.plans import REPOSITORY

DRILLS = (test_cameras, test_painter, test_outputs, test_clock, test_ending, test_posting)


def drills(module: ModuleType) -> list[tuple[str, str]]:
    return [test.row for test in vars(module).values() if hasattr(test, "row")]


def test_every_drill_has_a_row_and_every_row_is_green() -> None:
    page = (REPOSITORY / "docs/reliability.md").read_text("utf-8")
    told = re.search(r"<!-- the table.*?-->(.*)<!-- its end -->", page, re.DOTALL)
    assert told
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in told[1].splitlines()]
    rows = [row for row in rows if len(row) == 6][2:]
    shown = {(row[0], row[1]) for row in rows if not row[0].startswith("kill -9, ")}
    assert shown == {row for module in DRILLS for row in drills(module)}
    assert [row[0] for row in rows if row[5] != "yes"] == []
    kills = [row for row in rows if row[0].startswith("kill -9, ")]
    assert int(re.findall(r"\d+", kills[0][0])[1]) >= 30
