"""Captions as pixels: text by FreeType, shaped by HarfBuzz and ordered by FriBidi, and QR codes.

Pillow holds all three (its "Raqm" layout), and is here already.  Where FriBidi is not installed,
text that runs from right to left would come out reversed, and a line in the log says so.
"""

from __future__ import annotations

import logging
import math
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont, features

from murai_show.errors import OutputError
from murai_show.show.caption import OverlaySpec

Coverage = NDArray[np.uint8]
Pixels = NDArray[np.uint8]
Light = NDArray[np.float64]
Curve = NDArray[np.float32]
Align = Literal["left", "center", "right"]

log = logging.getLogger(__name__)

SHIPPED = {
    "regular": Path(__file__).parent / "fonts" / "DejaVuSansCondensed.ttf",
    "bold": Path(__file__).parent / "fonts" / "DejaVuSansCondensed-Bold.ttf",
}
SHADE = 0.72  # of the ground's light that the shade takes, where it is darkest
_PAD, _SOFT = 0.55, 0.13  # of a line's height: how far the shade reaches out, how soft its rim is
_BARE = 0.12  # … and what is free around letters without one: some lean out of their place
_LEADING = 1.18  # from line to line, in heights of a line
_FINE = 2  # text is set this many times as large, so that its layout does not depend on the canvas
_HIGHEST = 1024.0  # pixels of the wall: of a line
_LARGEST = 8192  # pixels a side: what every OpenGL 3.3 holds
_QUIET = 4  # modules around a code (ISO/IEC 18004, 9.1)


@dataclass(frozen=True, eq=False)
class Lettering:
    """One caption, drawn: (H, W, 2), uint8, top row first.

    The first plane is how much of a pixel is writing, the second how much light the ground loses:
    `SHADE` of it behind text, all of it behind the plate of a code.  `size` is what it takes up on
    the wall, in the wall's pixels: the planes may be finer or coarser.
    """

    coverage: Coverage
    size: tuple[float, float]


def letter(
    spec: OverlaySpec,
    text: str,
    height: float,
    room: tuple[float, float],
    scale: float,
    align: Align,
) -> Lettering:
    """`text` as the overlay `spec` writes it.

    `height` is that of a line (of a code: the whole plate) and `room` how wide and high it may be,
    all in pixels of the wall; `scale` is how many pixels of the canvas each of those is.  What is
    too large for its room is made smaller.  Raises OutputError when the font is gone, and OSError
    or ValueError when it is damaged where this text needs it.
    """
    if spec.code:
        return _code(text, min(height, *room), scale)
    height = min(height, _HIGHEST)
    fine = max(_FINE, math.ceil(scale))
    page = _page(spec, text, height, fine)
    wide, high = (side / fine for side in page.size)
    fits = min(1.0, room[0] / wide, room[1] / high)
    if fits < 1.0:
        page = _page(spec, text, height * fits, fine)
    return _printed(page, _set(page, align), scale)


def check_font(spec: OverlaySpec) -> None:
    """Raises OutputError when the font of `spec` cannot be read."""
    if not spec.code:
        font_of(spec.font, 16)


def font_of(font: str | Path, pixels: int) -> ImageFont.FreeTypeFont:
    """A font that ships along by its name, or a file, at a size in pixels.

    Raises OutputError when it cannot be read.
    """
    path = SHIPPED.get(str(font), Path(font))
    try:
        return _opened(path, pixels, path.stat().st_mtime_ns)
    except OSError as error:
        raise OutputError(f"the font {path} cannot be read: {error}") from error


@lru_cache(maxsize=32)
def _opened(path: Path, pixels: int, _stamp: int) -> ImageFont.FreeTypeFont:
    """One opening for each version of a file."""
    return ImageFont.truetype(str(path), pixels)


@dataclass(frozen=True, eq=False)
class _Page:
    """How a text is set: `fine` pixels for each of the wall; `reach` is what is free around it."""

    lines: tuple[str, ...]
    font: ImageFont.FreeTypeFont
    height: float
    fine: int
    reach: int
    step: int
    size: tuple[int, int]
    shaded: bool


def _page(spec: OverlaySpec, text: str, height: float, fine: int) -> _Page:
    """As large as whole pixels of the wall: where the canvas's are the same, letters are sharp."""
    _warn_of_reversed(text)
    lines = tuple(text.split("\n"))
    pixels = max(4, round(height * fine))
    font = font_of(spec.font, pixels)
    ascent, descent = font.getmetrics()
    reach, step = math.ceil((_PAD if spec.shaded else _BARE) * pixels), round(_LEADING * pixels)
    wide = max(font.getlength(line) for line in lines) + 2 * reach
    high = ascent + descent + (len(lines) - 1) * step + 2 * reach
    size = (math.ceil(wide / fine) * fine, math.ceil(high / fine) * fine)
    return _Page(lines, font, height, fine, reach, step, size, spec.shaded)


def _set(page: _Page, align: Align) -> Image.Image:
    large = Image.new("L", page.size, 0)
    pen = ImageDraw.Draw(large)
    for number, line in enumerate(page.lines):
        free = page.size[0] - 2 * page.reach - page.font.getlength(line)
        x = page.reach + {"left": 0.0, "center": free / 2, "right": free}[align]
        pen.text((x, page.reach + number * page.step), line, 255, page.font)
    return large


def _printed(page: _Page, large: Image.Image, scale: float) -> Lettering:
    """The page as fine as the canvas is, with its shade."""
    wide, high = (side / page.fine for side in page.size)
    side = (_whole(wide * scale), _whole(high * scale))
    letters = np.asarray(large.resize(side, Image.Resampling.BOX))
    ground = np.zeros_like(letters)
    if page.shaded:
        ground = _shade(side, page.reach / page.fine * scale, page.height * scale)
    return Lettering(np.stack([letters, ground], axis=-1), (wide, high))


def _whole(pixels: float) -> int:
    return min(_LARGEST, max(1, round(pixels)))


def _shade(size: tuple[int, int], pad: float, height: float) -> Coverage:
    """A plate with round corners and a soft rim that ends where the picture of it does."""
    soft = _SOFT * height
    inset = min(2.2 * soft, pad, min(size) / 2 - 1)
    plate = Image.new("L", size, 0)
    box = (inset, inset, size[0] - 1 - inset, size[1] - 1 - inset)
    ImageDraw.Draw(plate).rounded_rectangle(box, 0.35 * height, round(255 * SHADE))
    return np.asarray(plate.filter(ImageFilter.GaussianBlur(soft)))


def _code(text: str, side: float, scale: float) -> Lettering:
    """Modules of whole pixels of the wall, as near to `side` as those come."""
    import segno

    modules = np.array(segno.make_qr(text, error="m").matrix, np.uint8)
    light = np.pad(1 - modules, _QUIET, constant_values=1)
    count = len(light)
    module = max(1, round(side / count))  # on the wall, where projectors must agree about it
    each = min(max(1, round(module * scale)), _LARGEST // count)
    plate = np.kron(light, np.ones((each, each), np.uint8)) * np.uint8(255)
    size = float(count * module)
    return Lettering(np.stack([plate, np.full_like(plate, 255)], axis=-1), (size, size))


def mixing(coverage: Coverage, writing: Light, curve: Curve) -> Pixels:
    """What a caption does to a signal: (H, W, 4), uint8.  RGB is added to it, once alpha of it is
    taken away ("premultiplied").

    `writing` is the letters' colour in linear light, `curve` a table of the signals of light, 0..1.
    Of a ground's light a caption leaves a part and adds some of its own.  That is no straight line
    in signals, which is what OpenGL mixes without reading the ground; but the line through its
    values on black and on white is exact there, and for a shade alone under a power law.  In
    between it errs towards the writing, by a tenth of full signal at most, where a white letter's
    faintest rim lies on mid-grey without a shade.  Of a colour's three lines the lowest is taken.
    """
    planes = coverage.astype(np.float32) / np.float32(255)
    letters, shade = planes[..., :1], planes[..., 1:]
    own = writing.astype(np.float32)
    own = own[:1] if np.ptp(own) == 0 else own
    low = letters * own
    added = _signal(low, curve)
    kept = _signal(np.minimum(low + (1 - letters) * (1 - shade), np.float32(1)), curve) - added
    pixels = np.empty((*coverage.shape[:2], 4), np.uint8)
    pixels[..., :3] = np.rint(255 * added)
    pixels[..., 3] = np.rint(255 * (1 - kept.min(axis=-1)))
    return pixels


def _signal(light: NDArray[np.float32], curve: Curve) -> NDArray[np.float32]:
    return curve[(light * np.float32(len(curve) - 1) + np.float32(0.5)).astype(np.intp)]


def power_curve(gamma: float) -> Curve:
    """The signals of a projector that makes signal ^ gamma of light."""
    return (_RAMP ** (1.0 / gamma)).astype(np.float32)


def srgb_curve() -> Curve:
    """The signals of sRGB (IEC 61966-2-1)."""
    power = 1.055 * _RAMP ** (1 / 2.4) - 0.055
    return np.where(_RAMP <= 0.0031308, _RAMP * 12.92, power).astype(np.float32)


_RAMP = np.linspace(0.0, 1.0, 1 << 16)


def _warn_of_reversed(text: str) -> None:
    if any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in text) and not _ordered():
        _say_reversed()


def _ordered() -> bool:
    return bool(features.check("raqm") and features.check("fribidi"))


@lru_cache(maxsize=1)
def _say_reversed() -> None:
    log.warning(
        "text from right to left needs the library FriBidi; on Debian and Ubuntu: "
        "apt-get install libfribidi0"
    )
