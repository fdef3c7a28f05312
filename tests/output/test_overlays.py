"""Captions over canvases, read back pixel by pixel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import segno

from murai_show.frame import Frame
from murai_show.output import open_output
from murai_show.output.lettering import SHADE, mixing, srgb_curve
from murai_show.output.overlays import KEPT
from murai_show.show.caption import Caption, OverlaySpec
from murai_show.show.planned import CanvasSpec
from murai_show.show.timeline import LIT
from tests.output.planning import STARTED, a_canvas, a_frame, an_output, corners, flat, noise
from tests.output.surfaces import specs, three
from tests.output.wall import Projected, unevenness, wall

WHITE = (1.0, 1.0, 1.0)


def linear(values: np.ndarray) -> np.ndarray:
    """sRGB, 0..255 → linear light, 0..1 (IEC 61966-2-1)."""
    v = np.asarray(values, np.float64) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


URL = "https://example.org/tonight"


def a_spec(name: str = "t", **changed: Any) -> OverlaySpec:
    facts: dict[str, Any] = {
        "code": False, "at": "top_left", "size": 0.2, "margin": 0.0, "colour": WHITE,
        "font": "bold", "shaded": False, **changed,
    }  # fmt: skip
    return OverlaySpec(name, **facts)


def written(make_canvas, spec: CanvasSpec, picture: Frame, *captions: Caption, light: float = 1.0):
    canvas = make_canvas(spec, cubic=False)
    canvas.draw(picture, light, captions)
    return np.array(canvas.read()).astype(int)


def test_a_canvas_with_nothing_to_write_draws_what_it_always_drew(make_canvas) -> None:
    picture = noise(1, 320, 180)
    plain = written(make_canvas, a_canvas(), picture)
    overlaid = written(make_canvas, a_canvas(overlays=(a_spec(),)), picture)
    assert np.array_equal(plain, overlaid)
    other = written(make_canvas, a_canvas(overlays=(a_spec(),)), picture, Caption("gone", "text"))
    assert np.array_equal(plain, other)


@pytest.mark.parametrize(
    ("at", "across", "down"),
    [("top_left", 0, 0), ("top_right", 1, 0), ("bottom_left", 0, 1), ("bottom_right", 1, 1),
     ("centre", 0.5, 0.5), ("bottom", 0.5, 1), ([0.5, 0.5], 0.5, 0.5)],
)  # fmt: skip
def test_a_caption_stands_where_it_is_told(make_canvas, at, across, down) -> None:
    spec = a_spec(at=at if isinstance(at, str) else tuple(at), margin=0.1)
    found = written(
        make_canvas, a_canvas(overlays=(spec,)), flat((0, 0, 0)), Caption("t", "HOHO")
    ).any(2)
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    middle = np.array([columns.mean() / 320, rows.mean() / 180])
    if (across, down) == (0.5, 0.5):
        assert middle == pytest.approx([0.5, 0.5], abs=0.02)
    margin = 0.1 * 180
    assert columns[0] >= margin
    assert columns[-1] < 320 - margin
    assert rows[0] >= margin
    assert rows[-1] < 180 - margin
    for value, wanted in zip(middle, (across, down), strict=True):
        assert (value < 0.5) == (wanted < 0.5) or wanted == 0.5


def test_letters_are_white_and_fade_evenly_to_the_eye(make_canvas) -> None:
    """In signals: half of it is half of the signal."""
    found = written(
        make_canvas, a_canvas(overlays=(a_spec(),)), flat((0, 0, 0)), Caption("t", "HHH")
    )
    assert found.max() == 255
    half = written(
        make_canvas, a_canvas(overlays=(a_spec(),)), flat((0, 0, 0)), Caption("t", "HHH", 0.5)
    )
    assert half[found[..., 0] == 255].min() == half[found[..., 0] == 255].max() == 128


def srgb(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(("ground", "error"), [(0, 1), (255, 1), (128, 26)])
def test_rims_are_mixed_in_light(ground, error) -> None:
    """Half covered is half the light: 188 of sRGB on black, not 128; white stays white."""
    coverage = np.zeros((1, 255, 2), np.uint8)
    coverage[..., 0] = np.arange(255)
    found = mixing(coverage, np.ones(3), srgb_curve()) / 255
    mixed = found[..., :3] + (1 - found[..., 3:]) * (ground / 255)
    part = np.arange(255)[:, None] / 255
    exact = srgb((1 - part) * linear(np.array(ground)) + part)
    assert np.abs(255 * (mixed[0] - exact)).max() <= error
    assert (mixed[0] >= ground / 255 - 1e-2).all()


def test_a_shade_takes_light_from_the_picture_and_no_colour(make_canvas) -> None:
    spec = a_spec(shaded=True, colour=(0.0, 0.0, 0.0), at="centre")
    ground = (200, 150, 100)
    found = written(make_canvas, a_canvas(overlays=(spec,)), flat(ground), Caption("t", " " * 30))
    assert found[0, 0].tolist() == list(ground)
    shaded = found[90, 160] / 255
    light = ((shaded + 0.055) / 1.055) ** 2.4 / (((np.array(ground) / 255) + 0.055) / 1.055) ** 2.4
    assert light == pytest.approx([light[0]] * 3, abs=0.03)
    assert light[0] == pytest.approx(1 - SHADE, abs=0.03)


def test_a_code_says_what_it_should_module_for_module(make_canvas) -> None:
    spec = a_spec("code", code=True, at="bottom_right", size=0.8)
    found = written(
        make_canvas, a_canvas(640, 360, overlays=(spec,)), noise(3, 640, 360), Caption("code", URL)
    )
    modules = np.pad(1 - np.array(segno.make_qr(URL, error="m").matrix), 4, constant_values=1)
    count = len(modules)
    each = round(0.8 * 360 / count)
    plate = found[-count * each :, -count * each :]
    assert np.array_equal(
        plate, np.kron(modules, np.ones((each, each)))[..., None].repeat(3, 2) * 255
    )


@pytest.mark.parametrize("size", [(1280, 720), (640, 360)])
def test_a_telephone_reads_the_code_also_on_a_pinned_wall(make_canvas, size) -> None:
    cv2 = pytest.importorskip("cv2")
    spec = a_spec("code", code=True, at="bottom_right", size=0.4, margin=0.05)
    pin = corners((0.08, 0.1), (0.95, 0.04), (0.9, 0.96), (0.02, 0.9))
    canvas = a_canvas(*size, overlays=(spec,), corners=pin)
    found = written(make_canvas, canvas, noise(3, 640, 360), Caption("code", URL))
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(found.astype(np.uint8)[..., ::-1].copy())
    assert text == URL


def test_captions_at_one_place_stand_one_behind_the_other_and_glide(make_canvas) -> None:
    overlays = (a_spec("first", at="bottom_left"), a_spec("second", at="bottom_left"))
    canvas = a_canvas(overlays=overlays)
    black = flat((0, 0, 0))

    def top(*captions: Caption) -> int:
        found = written(make_canvas, canvas, black, *captions)
        return int(np.flatnonzero(found.any(2).any(1))[0])

    one, two = Caption("first", "H"), Caption("second", "H")
    alone, both = top(two), top(one, two)
    half = top(replace(one, opacity=128 / 255), two)
    assert both < half < alone
    assert half == pytest.approx((alone + both) / 2, abs=1)


def test_what_is_too_long_is_written_smaller(make_canvas) -> None:
    canvas = a_canvas(overlays=(a_spec(size=0.5, margin=0.05, shaded=True),))
    found = written(make_canvas, canvas, flat((0, 0, 0)), Caption("t", "much too long for a wall"))
    columns = np.flatnonzero(found.any(2).any(0))
    assert columns[0] >= 9
    assert columns[-1] < 320 - 9
    tall = written(make_canvas, canvas, flat((0, 0, 0)), Caption("t", "\n".join("abcdefgh")))
    rows = np.flatnonzero(tall.any(2).any(1))
    assert rows[-1] < 180 - 9


def test_text_turns_with_the_canvas_and_is_never_mirrored(make_canvas) -> None:
    black, caption = flat((0, 0, 0)), Caption("t", "F7")
    upright = written(make_canvas, a_canvas(320, 180, overlays=(a_spec(),)), black, caption)
    for rotate, turns, size in ((90, -1, (180, 320)), (180, 2, (320, 180)), (270, 1, (180, 320))):
        canvas = a_canvas(*size, rotate=rotate, overlays=(a_spec(),))
        assert (
            np.abs(written(make_canvas, canvas, black, caption) - np.rot90(upright, turns)).max()
            <= 2
        )
    mirrored = a_canvas(320, 180, mirror="horizontal", overlays=(a_spec(),))
    assert np.array_equal(written(make_canvas, mirrored, black, caption), upright)


def test_in_the_dark_a_caption_stands_on_black(make_canvas) -> None:
    canvas = a_canvas(overlays=(a_spec(at="centre"),))
    found = written(make_canvas, canvas, flat((255, 0, 0)), Caption("t", "soon"), light=0.0)
    assert found.max() == 255
    assert np.array_equal(found[..., 0], found[..., 1])


def test_the_same_captions_are_drawn_once_and_others_again(make_canvas) -> None:
    canvas = make_canvas(a_canvas(overlays=(a_spec(),)))
    picture = noise(1)
    assert canvas.draw(picture, 1.0, (Caption("t", "20:59"),))
    assert not canvas.draw(picture, 1.0, (Caption("t", "20:59"),))
    assert not canvas.draw(picture, 1.0, (Caption("t", "20:59"), Caption("other", "…")))
    assert canvas.draw(picture, 1.0, (Caption("t", "21:00"),))
    assert canvas.draw(picture, 1.0, (Caption("t", "21:00", 0.5),))
    assert canvas.draw(picture, 1.0)
    assert canvas.draws == 4


def test_letters_are_set_once_and_their_number_is_bounded(make_canvas, monkeypatch) -> None:
    from murai_show.output import overlays

    canvas = make_canvas(a_canvas(overlays=(a_spec(),)))
    asked: list[str] = []
    real = overlays.letter
    monkeypatch.setattr(overlays, "letter", lambda *a: (asked.append(a[1]), real(*a))[1])
    for number in range(5):
        canvas.draw(noise(number), 1.0, (Caption("t", "same"),))
    assert asked == ["same"]
    for number in range(100):
        canvas.draw(noise(number), 1.0, (Caption("t", str(number)),))
    assert len(canvas._overlays._lettered) <= KEPT + 1


def test_a_font_that_fails_costs_its_caption_and_not_the_picture(
    make_canvas, tmp_path, caplog
) -> None:
    from murai_show.output.lettering import SHIPPED

    font = tmp_path / "own.ttf"
    font.write_bytes(SHIPPED["bold"].read_bytes())
    canvas = make_canvas(a_canvas(overlays=(a_spec("own", font=font), a_spec("t", at="bottom"))))
    font.unlink()
    captions = (Caption("own", "lost"), Caption("t", "still here"))
    canvas.draw(flat((10, 20, 30)), 1.0, captions)
    canvas.draw(flat((10, 20, 31)), 1.0, captions)
    assert canvas.read()[0, 0].tolist() == [10, 20, 31]
    assert canvas.read().max() == 255
    assert caplog.text.count("overlay own: the font") == 1


def test_accents_and_right_to_left_are_in_the_shipped_fonts() -> None:
    from PIL import features

    from murai_show.output.lettering import font_of

    for name in ("regular", "bold"):
        font = font_of(name, 40)
        nothing = bytes(font.getmask("\U0010fffe"))
        for sign in "éÇñßøŁčřąşğİőďΩжЂאשعمԱ€…’—":
            assert bytes(font.getmask(sign)) != nothing, sign
    if features.check("raqm") and features.check("fribidi"):
        regular = font_of("regular", 40)
        # Joined and turned round: the letters of a word are not those that stand alone.
        assert regular.getlength("سلام") < sum(regular.getlength(c) for c in "سلام")


# --- surfaces -------------------------------------------------------------------------------------

BIG = a_spec("t", at="centre", size=0.3, shaded=True)


def overlaid(folder: Path, body: str, *overlays: OverlaySpec) -> list[CanvasSpec]:
    return [replace(spec, overlays=overlays) for spec in specs(folder, body)]


def thrown(make_canvas, canvases: list[CanvasSpec], picture: Frame, *captions: Caption):
    sent: list[Projected] = []
    for spec in canvases:
        canvas = make_canvas(spec, cubic=False)
        canvas.draw(picture, 1.0, captions)
        sent.append(Projected(spec, np.array(canvas.read())))
    return sent


@pytest.mark.parametrize("settings", [{}, {"black_level": 0.06}, {"gains": "{ red: 0.8 }"}])
@pytest.mark.parametrize(("bar", "brighter"), [("█" * 20, True), (" " * 60, False)])
def test_a_surface_s_caption_is_even(make_canvas, tmp_path, settings, bar, brighter) -> None:
    """A bar of letters, and of shade: three projectors write it as one would, without a seam."""
    black = 0.06**2.2 if "black_level" in settings else 0.0
    canvases = overlaid(tmp_path, three(**settings), BIG)
    grey = flat((220, 220, 220))  # a step of 8 bits is less than two per cent, shaded too
    with_bar = wall(thrown(make_canvas, canvases, grey, Caption("t", bar)), black=black)
    without = wall(thrown(make_canvas, canvases, grey), black=black)
    middle = slice(50, 70), slice(200, 520)
    change = with_bar[middle].mean() / without[middle].mean()
    assert change > 1.3 if brighter else change < 0.4
    assert unevenness(with_bar[middle]) < 0.025
    assert np.abs(with_bar[:4] - without[:4]).max() == 0.0


def test_on_bent_projectors_letters_lie_where_they_lie_on_straight_ones(
    make_canvas, tmp_path
) -> None:
    text = Caption("t", "HOI HOI HOI HOI")
    white = a_spec("t", at="centre", size=0.3)
    black = flat((0, 0, 0))
    straight = wall(thrown(make_canvas, overlaid(tmp_path, three(), white), black, text))
    bent = wall(thrown(make_canvas, overlaid(tmp_path, three(askew=True), white), black, text))
    lit = straight[..., 0] > 0.02
    assert lit.mean() > 0.02
    # As well as pixels that do not fall together can agree: most light is where it should be.
    same = np.minimum(straight[..., 0], bent[..., 0]).sum() / straight[..., 0].sum()
    assert same > 0.85
    assert bent[..., 0].sum() == pytest.approx(straight[..., 0].sum(), rel=0.04)


def test_a_film_of_the_wall_has_the_whole_caption(make_canvas, tmp_path) -> None:
    body = three() + "  film: { kind: recording, surface: facade, size: 720x120 }\n"
    *projectors, film = overlaid(tmp_path, body, a_spec("t", at="centre", size=0.3))
    text, black = Caption("t", "over all three"), flat((0, 0, 0))
    (seen,) = thrown(make_canvas, [film], black, text)
    light = wall(thrown(make_canvas, projectors, black, text))
    filmed = (seen.pixels / 255.0) ** 2.2
    assert np.abs(filmed - light).mean() < 0.01
    assert filmed.mean() == pytest.approx(light.mean(), rel=0.05)


def test_a_part_of_a_surface_without_blending_cuts_a_caption_at_its_edge(
    make_canvas, tmp_path
) -> None:
    places = ("top_left: [0.2, 0.2]", "top_right: [0.8, 0.2]", "bottom_right: [0.8, 0.8]")
    pin = f"corners: {{ {', '.join(places)}, bottom_left: [0.2, 0.8] }}"
    body = three(soft_edge="off").replace("tile: 1 }", "tile: 1, " + pin + " }")
    left, *_ = overlaid(tmp_path, body, a_spec("t", at="centre", size=0.6))
    assert left.projection is not None
    assert not left.projection.lit
    found = written(make_canvas, left, flat((0, 0, 0)), Caption("t", "█" * 30)).any(2)
    assert found.any()
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    width, height = left.size
    assert columns[0] >= 0.2 * width - 1
    assert columns[-1] <= 0.8 * width
    assert rows[0] >= 0.2 * height - 1
    assert rows[-1] <= 0.8 * height


def test_a_mask_hides_captions_too(make_canvas, tmp_path) -> None:
    from PIL import Image

    mask = np.zeros((120, 720), np.uint8)
    mask[:, :360] = 255
    Image.fromarray(mask).save(tmp_path / "half.png")
    body = three().replace("overlap: 60 }", "overlap: 60, mask: half.png }")
    canvases = overlaid(tmp_path, body, a_spec("t", at="centre", size=0.3))
    light = wall(thrown(make_canvas, canvases, flat((0, 0, 0)), Caption("t", "█" * 30)))
    assert light[:, :350].max() > 0.5
    assert light[:, 370:].max() < 1e-6


# --- outputs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["offscreen", "snapshot", "recording"])
def test_outputs_show_the_captions_of_the_look(make_stage, tmp_path, kind) -> None:
    canvas = a_canvas(320, 180, overlays=(a_spec(),))
    file = {"snapshot": tmp_path / "a.png", "recording": tmp_path / "a.mp4"}.get(kind)
    stage = make_stage(an_output(kind, canvas, file))
    output = open_output(an_output(kind, canvas, file), stage, "", STARTED)
    output.show(flat((0, 0, 0)), replace(LIT, captions=(Caption("t", "HOHO"),)), 1.0)
    output.close()
    assert stage.read_rgba(canvas)[..., 0].max() == 255
    assert a_frame(stage.read_rgba(canvas)[..., :3]).pixels[0, 0, 0] < 255
