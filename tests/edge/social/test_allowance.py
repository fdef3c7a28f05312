"""Limits and budgets."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murai_show.edge.social.allowance import DAY, Allowance, Spent

NOW = 100_000.0


def ago(*seconds: float, cost: float = 0.0) -> list[Spent]:
    return [Spent(NOW - s, cost) for s in seconds]


@pytest.mark.parametrize(
    ("allowance", "ledger", "free"),
    [
        (Allowance(), ago(3, 2, 1), NOW),
        (Allowance((2, 60)), ago(30), NOW),
        (Allowance((2, 60)), ago(30, 10), NOW + 30),
        (Allowance((2, 60)), ago(61, 30), NOW),
        (Allowance((2, 60)), ago(50, 30, 10), NOW + 30),
        (Allowance((0, 60)), [], math.inf),
        (Allowance(None, 0.03, 0.015), ago(20, cost=0.015), NOW),
        (Allowance(None, 0.03, 0.015), ago(30, 20, cost=0.015), NOW + DAY - 30),
        (Allowance(None, 0.03, 0.015), ago(DAY + 1, 20, cost=0.015), NOW),
        (Allowance(None, 0.3, 0.1), ago(30, 20, cost=0.1), NOW),
        (Allowance(None, 0.01, 0.015), [], math.inf),
        (Allowance(None, 0.01, 0.0), ago(3, 2, 1), NOW),
        (Allowance((1, 60), 0.03, 0.015), ago(30, 20, cost=0.015), NOW + DAY - 30),
        # The clock was set back by an hour since: these count as of now.
        (Allowance((2, 60)), ago(-3600, -3600), NOW + 60),
    ],
)
def test_when_one_more_may_be_posted(
    allowance: Allowance, ledger: list[Spent], free: float
) -> None:
    assert allowance.free_at(ledger, NOW) == pytest.approx(free)


@given(
    st.integers(1, 4),
    st.floats(10, 5000),
    st.floats(0.02, 0.5),
    st.lists(st.floats(0, 3000), max_size=40),
)
def test_both_are_kept_however_portraits_come(
    count: int, seconds: float, budget: float, gaps: list[float]
) -> None:
    allowance = Allowance((count, seconds), budget, 0.02)
    ledger: list[Spent] = []
    now = 0.0
    for gap in gaps:
        now = max(now + gap, allowance.free_at(ledger, now + gap))
        ledger.append(Spent(now, 0.02))
    for spent in ledger:
        window = [s for s in ledger if spent.at - seconds + 1e-6 < s.at <= spent.at]
        assert len(window) <= count
        day = [s for s in ledger if spent.at - DAY + 1e-6 < s.at <= spent.at]
        assert sum(s.cost for s in day) <= budget + 1e-6
