import pytest

from murai_show.loop.tally import BOUNDS, STAGES, Tally, percentile


def test_counts_and_histograms() -> None:
    tally = Tally()
    tally.painted(0.010)
    tally.painted(99.0)
    tally.presented("wall", 0.001, 0.050)
    tally.presented("wall", 0.001, None)
    tally.failed("painter")
    counts = tally.read()
    assert (counts.painted, counts.presented, counts.fresh) == (2, {"wall": 2}, {"wall": 1})
    assert counts.errors == {"painter": 1}
    style = counts.seconds["style"]
    assert (style.count, style.total) == (2, pytest.approx(99.01))
    assert style.counts[BOUNDS.index(0.0167)] == 1
    assert style.counts[-1] == 1
    glass = counts.glass["wall"]
    assert glass.counts[BOUNDS.index(0.05)] == 1  # a bound counts what equals it
    assert tally.latencies() == [0.05]


def test_the_profile_has_every_stage_of_a_frame_once() -> None:
    """A picture that is shown again is no new frame."""
    tally = Tally()
    for seconds in (0.3, 0.1):
        tally.spent("slot", seconds)
        tally.painted(seconds)
    tally.presented("wall", 0.002, 0.05)
    tally.presented("wall", 0.009, None)
    profile = tally.profile()
    assert tuple(profile) == STAGES
    assert (profile["slot"], profile["style"]) == ([0.1, 0.3], [0.1, 0.3])
    assert profile["present"] == [0.002]
    assert tally.read().seconds["present"].count == 2


def test_a_read_is_a_copy() -> None:
    tally = Tally()
    before = tally.read()
    tally.presented("wall", 0.001, 0.05)
    assert before.presented == {}


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 51), (0.99, 100), (1.0, 100)])
def test_percentiles(share: float, expected: float) -> None:
    assert percentile([float(i) for i in range(1, 101)], share) == expected
    assert percentile([], share) == 0.0


def test_the_newest_latencies_are_remembered_and_no_more(monkeypatch) -> None:
    monkeypatch.setattr("murai_show.loop.tally.REMEMBERED", 4)
    tally = Tally()
    for latency in (9.0, 8.0, 0.3, 0.1, 0.4, 0.2):
        tally.presented("wall", 0.0, latency)
    assert tally.latencies() == [0.1, 0.2, 0.3, 0.4]
