"""Several painters as one: who paints what, and what a fade between two of them is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from murai_show.frame import Frame
from murai_show.ports import Batching, Resizable
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style import open_reference
from murai_show.style.bank import kernel_sets, read_bank
from murai_show.style.ensemble import Ensemble
from murai_show.style.pytorch import PytorchStylizer
from tests.banks import write_bank_of_two

PAINT = Size(64, 36)


class Ink:
    """Paints in flat inks, the mean of a mix, one frame at a time."""

    engine = "ink"

    def __init__(self, inks: dict[str, int]) -> None:
        self.inks = inks
        self.styles = tuple(inks)
        self.paint = PAINT
        self.recoveries = 1
        self.asked: list[Look] = []
        self.closed = 0

    def __call__(self, frame: Frame, look: Look) -> Frame:
        self.asked.append(look)
        level = round(sum(self.inks[style] * weight for style, weight in look.mix))
        return frame.painted(np.full_like(frame.pixels, level))

    def close(self) -> None:
        self.closed += 1


def frames(count: int) -> list[Frame]:
    return [
        Frame(np.full((36, 64, 3), 9, np.uint8), 1.0, 2.0, n, f"camera-{n}") for n in range(count)
    ]


@pytest.fixture
def inks() -> tuple[Ink, Ink]:
    return Ink({"black": 0, "grey": 100}), Ink({"white": 200})


@pytest.fixture
def both(inks: tuple[Ink, Ink]) -> Ensemble:
    return Ensemble(inks)


def level(ensemble: Ensemble, **mix: float) -> int:
    """The one level of the painted picture."""
    pixels = ensemble(frames(1)[0], Look(tuple(sorted(mix.items())))).pixels
    assert pixels.min() == pixels.max()
    return int(pixels.min())


def test_each_paints_what_it_knows(both: Ensemble, inks: tuple[Ink, Ink]) -> None:
    assert both.styles == ("black", "grey", "white")
    look = Look((("black", 0.25), ("grey", 0.75)), why="as the show says")
    both(frames(1)[0], look)
    assert inks[0].asked == [look]
    assert not inks[1].asked


def test_a_mix_over_both_is_a_dissolve(both: Ensemble, inks: tuple[Ink, Ink]) -> None:
    assert level(both, grey=0.75, white=0.25) == 125
    assert inks[0].asked[-1].mix == (("grey", 1.0),)
    assert level(both, black=0.25, grey=0.25, white=0.5) == 125
    assert inks[0].asked[-1].mix == (("black", 0.5), ("grey", 0.5))
    assert len(inks[1].asked) == 2


def test_three_painters_get_their_shares() -> None:
    three = Ensemble([Ink({"a": 0}), Ink({"b": 100}), Ink({"c": 250})])
    assert level(three, a=0.5, b=0.1, c=0.4) == pytest.approx(110, abs=1)


def test_the_ends_of_a_fade_meet_what_stands_before_and_after(both: Ensemble) -> None:
    assert level(both, grey=1.0) == 100
    assert level(both, grey=0.999, white=0.001) == pytest.approx(100, abs=1)
    assert level(both, grey=0.001, white=0.999) == pytest.approx(200, abs=1)


def test_frames_keep_their_own_moments(both: Ensemble) -> None:
    painted = both.paint_all(frames(3), Look((("grey", 0.5), ("white", 0.5))))
    assert [frame.camera for frame in painted] == ["camera-0", "camera-1", "camera-2"]
    assert isinstance(both, Batching)


def test_it_is_resized_and_closed_as_one(both: Ensemble, inks: tuple[Ink, Ink]) -> None:
    assert isinstance(both, Resizable)
    both.paint = Size(32, 18)
    assert {ink.paint for ink in inks} == {Size(32, 18)} == {both.paint}
    assert both.recoveries == 2
    both.close()
    both.close()
    assert [ink.closed for ink in inks] == [2, 2]


def test_what_it_does_not_paint(both: Ensemble) -> None:
    with pytest.raises(KeyError):
        both(frames(1)[0], Look((("nobody", 1.0),)))
    with pytest.raises(ValueError, match="a dark look is not painted"):
        both(frames(1)[0], Look((), light=0.0))
    with pytest.raises(ValueError, match="two painters know one style"):
        Ensemble([Ink({"a": 0}), Ink({"a": 1})])


def test_a_bank_of_two_networks_is_painted_by_both(tmp_path: Path) -> None:
    bank = read_bank(write_bank_of_two(tmp_path / "two.safetensors"))
    whole = open_reference(bank, PAINT)
    shared, own = (PytorchStylizer(one, PAINT) for one in kernel_sets(bank))
    noise = np.random.default_rng(1).integers(0, 256, (36, 64, 3), np.uint8)
    frame = Frame(noise, 0.0, 0.0, 1, "test")
    for painter, style in ((shared, "a"), (own, "b"), (shared, "c")):
        look = Look(((style, 1.0),))
        assert np.array_equal(whole(frame, look).pixels, painter(frame, look).pixels)
    one, other = (
        p(frame, Look(((s, 1.0),))).pixels.astype(int) for p, s in ((shared, "a"), (own, "b"))
    )
    half = whole(frame, Look((("a", 0.5), ("b", 0.5)))).pixels
    assert np.abs(half - (one + other) / 2).max() <= 1
    assert np.abs(one - other).max() > 9
