"""The flash limiter over films of stroboscopes, and over pictures that must pass untouched."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from murai_show.camera.pattern import Pattern
from murai_show.camera.still import Album, StillFilm, find_photos
from murai_show.frame import Frame
from murai_show.loop.flashes import FlashLimiter, cells
from murai_show.output.sample import sampled
from murai_show.show.words import Size
from tests.loop.flash_meter import flashes, luminance, redness

FPS = 60.0
SIZE = (54, 96)
Pixels = NDArray[np.uint8]
BLACK, WHITE, RED, BLUE = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255)


def flat(colour: tuple[int, int, int]) -> Pixels:
    return np.full((*SIZE, 3), colour, np.uint8)


def strobe(
    hertz: float, seconds: float, on: Pixels | None = None, off: Pixels | None = None
) -> list[Pixels]:
    """`hertz` flashes a second, half of the time lit, presented FPS times a second."""
    on, off = flat(WHITE) if on is None else on, flat(BLACK) if off is None else off
    frames = range(round(seconds * FPS))
    return [on if (number / FPS * hertz) % 1.0 >= 0.5 else off for number in frames]


def patch(share: float, colour: tuple[int, int, int] = WHITE) -> Pixels:
    """A grey picture with a patch of `share` of its area."""
    picture = flat((40, 40, 40))
    height, width = (round(side * share**0.5) for side in SIZE)
    picture[20 : 20 + height, 30 : 30 + width] = colour
    return picture


def show(
    film: Iterable[Pixels],
    light: Callable[[float], float] = lambda now: 1.0,
    limiter: FlashLimiter | None = None,
) -> list[float]:
    """The light that each picture is shown in."""
    limiter = limiter or FlashLimiter(sampled)
    lights = []
    for number, pixels in enumerate(film):
        now = 100.0 + number / FPS
        frame = Frame(pixels, 0.0, now, number, "club")
        lights.append(limiter.permitted(frame, light(now - 100.0), now))
    return lights


def general(film: list[Pixels], lights: list[float]) -> int:
    shown = [luminance(p) * light for p, light in zip(film, lights, strict=True)]
    return flashes(shown, FPS, 0.1, 0.8)


def red(film: list[Pixels], lights: list[float]) -> int:
    shown = [redness(p) * light for p, light in zip(film, lights, strict=True)]
    return flashes(shown, FPS, 20 / 320, 2.0)


@pytest.mark.parametrize("hertz", [4, 10, 30])
@pytest.mark.parametrize("on", [flat(WHITE), patch(0.1)], ids=["whole", "a tenth"])
def test_a_strobe_is_no_strobe_on_the_wall(hertz: float, on: Pixels) -> None:
    film = strobe(hertz, 5.0, on, flat((40, 40, 40)))
    assert general(film, [1.0] * len(film)) >= 4  # the meter sees the film for what it is
    lights = show(film)
    assert general(film, lights) <= 3
    assert max(lights) == 1.0
    assert lights[-1] < 0.6


@pytest.mark.parametrize("hertz", [1, 2, 3])
def test_three_flashes_a_second_are_allowed(hertz: float) -> None:
    film = strobe(hertz, 5.0)
    assert set(show(film)) == {1.0}
    assert general(film, [1.0] * len(film)) == hertz


@pytest.mark.parametrize("hertz", [4, 10, 30])
def test_red_and_blue(hertz: float) -> None:
    film = strobe(hertz, 4.0, flat(RED), flat(BLUE))
    assert red(film, [1.0] * len(film)) >= 4
    lights = show(film)
    assert red(film, lights) <= 3
    assert general(film, lights) <= 3


def test_a_red_that_is_no_brighter_than_the_green_beside_it() -> None:
    """Of the same luminance: no general flash at all, and still a red one."""
    film = strobe(8, 4.0, flat(RED), flat((0, 127, 0)))
    assert general(film, [1.0] * len(film)) == 0
    assert red(film, [1.0] * len(film)) >= 4
    assert red(film, show(film)) <= 3


def test_a_flickering_lamp_is_too_small_to_count() -> None:
    film = strobe(10, 3.0, patch(0.008), flat((40, 40, 40)))
    assert set(show(film)) == {1.0}


def test_lights_that_take_turns_count_together() -> None:
    """Two lamps, each of a quarter of the picture, twice a second each."""
    left, right = flat(BLACK), flat(BLACK)
    left[:, 32:48] = right[:, 48:64] = 255
    film = strobe(5, 4.0, left)
    film = [p if i % 24 < 12 or not p.any() else right for i, p in enumerate(film)]
    assert general(film, [1.0] * len(film)) >= 4
    assert general(film, show(film)) <= 3


def test_a_bright_wall_may_glitter() -> None:
    """Above 0.80 of the maximum nothing is a flash."""
    film = strobe(10, 3.0, flat(WHITE), flat((233, 233, 233)))
    assert set(show(film)) == {1.0}


def test_light_that_is_switched_counts_too() -> None:
    film = [flat(WHITE)] * 240

    def light(now: float) -> float:
        return float(round(now * FPS) % 10 < 5)

    lights = show(film, light)
    assert general(film, [light(i / FPS) for i in range(240)]) >= 4
    assert general(film, lights) <= 3
    assert all(found <= light(i / FPS) for i, found in enumerate(lights))


def test_a_slow_fade_passes_as_it_is() -> None:
    film = [flat(WHITE)] * 360
    wanted = [abs(1.0 - i / 180) for i in range(360)]
    assert show(film, lambda now: wanted[round(now * FPS)]) == wanted


def test_the_light_comes_back_slowly_once_it_is_calm(caplog) -> None:
    limiter = FlashLimiter(sampled)
    film = strobe(10, 3.0) + [flat(WHITE)] * 360
    with caplog.at_level(logging.INFO):
        lights = show(film, limiter=limiter)
    dimmed = lights[179]
    assert dimmed < 0.15
    assert lights[-1] == 1.0
    after = lights[180:]
    assert after == sorted(after)  # no step back
    assert max(np.diff(after)) < 0.02  # and none at once
    assert general(film, lights) <= 3
    assert limiter.limited >= 20
    assert caplog.text.count("more than 3 times a second") == 1
    assert caplog.text.count("flashes: calm after") == 1


def test_switched_off_it_looks_at_nothing() -> None:
    limiter = FlashLimiter(lambda pixels: pytest.fail("it looked"))
    limiter.on = False
    assert set(show(strobe(10, 1.0), limiter=limiter)) == {1.0}


def test_what_cannot_be_looked_at_is_shown_as_it_is() -> None:
    assert set(show(strobe(10, 1.0), limiter=FlashLimiter(lambda pixels: None))) == {1.0}


def test_a_pattern_and_photographs_pass_untouched() -> None:
    pattern = Pattern(Size(320, 180), FPS)
    assert set(show(np.array(pattern.picture(i)) for i in range(300))) == {1.0}
    photos = find_photos("demo")
    with Album(photos, Size(96, 54)) as album:
        film = StillFilm(album, Size(96, 54), FPS, 1.0, noise=0.02, seed=1)
        assert set(show(np.array(film.picture(i)) for i in range(300))) == {1.0}


def test_a_crowd_passes_untouched() -> None:
    """People as dark and bright shapes that walk before a façade."""
    draw = np.random.default_rng(4)
    starts, speeds = draw.uniform(0, 96, 40), draw.normal(0, 12, 40)
    shades, rows = draw.integers(0, 200, 40), draw.integers(20, 44, 40)

    def picture(number: int) -> Pixels:
        found = flat((90, 80, 70))
        for start, speed, shade, row in zip(starts, speeds, shades, rows, strict=True):
            x = int(start + speed * number / FPS) % 92
            found[row : row + 10, x : x + 4] = shade
        return found

    assert set(show(picture(i) for i in range(300))) == {1.0}


def test_cells_average_what_they_cover() -> None:
    picture = np.zeros((30, 45, 3), np.uint8)
    picture[:2, :3] = 255  # one cell
    picture[2:4, 0] = (255, 0, 0)  # a third of the next
    seen = cells(picture)
    assert seen.shape == (2, 15, 15)
    assert seen[0, 0, 0] == pytest.approx(1.0)
    assert seen[1, 1, 0] == pytest.approx(1 / 3)
    assert seen[0, 1, 0] == pytest.approx(0.2126 / 3)
    assert np.count_nonzero(seen) == 3


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 1.0))
def test_no_film_flashes_more_than_three_times(seed: int, steady: float) -> None:
    """Pictures of random blocks at random times: whatever comes, the wall is within the limit."""
    draw = np.random.default_rng(seed)
    film: list[Pixels] = []
    current = flat(BLACK)
    for _ in range(150):
        if draw.random() > steady * 0.9:
            blocks = draw.integers(0, 256, (3, 3, 3)).astype(np.uint8)
            current = np.kron(blocks, np.ones((18, 32, 1), np.uint8))
        film.append(current)
    lights = show(film)
    assert all(light <= 1.0 for light in lights)
    assert general(film, lights) <= 3
    assert red(film, lights) <= 3
