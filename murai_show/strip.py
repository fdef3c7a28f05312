"""An evening as a picture: its sky, a filmstrip of what plays, the rules behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from zlib import crc32

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from murai_show.evening_table import lasting, long_date, summary
from murai_show.show.evening import Evening
from murai_show.show.hours import Stretch
from murai_show.show.sun import elevation
from murai_show.show.timeline import Mix, mix_words, turn_at

WIDTH, MARGIN = 1920, 80
HEAD, SKY, GAP, FILM, AXIS, ROW = 176, 190, 4, 150, 96, 46
THUMB, ACROSS, LINES = (168, 94), 10, 2
PAPER, INK, DIM, FAINT = (15, 16, 20), (236, 234, 228), (150, 150, 156), (62, 64, 72)
HAIR = (168, 166, 172)
BLACK, AMBER = (7, 7, 9), (240, 190, 110)
RULES = ((247, 178, 92), (236, 106, 106), (122, 190, 255), (160, 222, 150), (206, 150, 255),
         (255, 140, 190), (120, 220, 214))  # fmt: skip
CUE = (250, 248, 240)
SHADE = (74, 76, 84)  # of rules that play dark
# The sky's colour by the sun's elevation in degrees: night, blue hour, sunset, day.
HEIGHTS = (-24, -14, -8, -4, -1, 2, 8, 20, 60)
COLOURS = ((10, 12, 26), (16, 21, 46), (32, 38, 82), (84, 62, 104), (170, 92, 90),
           (208, 138, 96), (146, 158, 172), (106, 148, 190), (96, 146, 200))  # fmt: skip
FONTS = {
    "plain": ("Inter-Regular.ttf", "NotoSans-Regular.ttf", "DejaVuSans.ttf", "Arial.ttf"),
    "bold": ("Inter-SemiBold.ttf", "NotoSans-Bold.ttf", "DejaVuSans-Bold.ttf", "Arial Bold.ttf"),
}
Colour = tuple[int, int, int]


def draw_evening(evening: Evening, thumbnails: Mapping[Mix, Image.Image]) -> Image.Image:
    """The evening as an RGB picture, `WIDTH` pixels wide and as high as it has rules and styles.

    `thumbnails` has a small picture of each look of `evening.entries()`; a look without one is a
    swatch of colour.
    """
    entries = evening.entries()
    rows = math.ceil(len(entries) / ACROSS)
    sky = SKY if evening.sun else 0
    film = HEAD + sky + GAP
    table = film + FILM + AXIS
    notes = table + ROW * len(evening.rows()) + 44
    said = [note for note in evening.plan.notes if note.startswith(("schedule", "cue "))]
    shelf = notes + 34 * len(said) + (20 if said else 0)
    height = shelf + rows * (THUMB[1] + 76) + 20
    page = _Page(evening, thumbnails, Image.new("RGB", (WIDTH, height), PAPER))
    page.head()
    if sky:
        page.sky(HEAD)
    page.film(film)
    page.cues(film)
    page.axis(film + FILM)
    page.table(table)
    page.notes(notes, said)
    page.shelf(shelf, entries)
    return page.sheet


@lru_cache(maxsize=16)
def font(size: int, weight: str = "plain") -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of this machine, else the one that comes with Pillow."""
    for name in FONTS[weight]:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def frame_of(evening: Evening) -> tuple[float, float]:
    """What the strip shows: the lit hours and an hour and a half around them, to whole hours."""
    begins, ends = evening.span or (evening.day.begins, evening.day.ends)
    first = max(evening.day.begins, math.floor((begins - 5400) / 3600) * 3600)
    last = min(evening.day.ends, math.ceil((ends + 5400) / 3600) * 3600)
    return first, last


def swatch(mix: Mix, size: tuple[int, int]) -> Image.Image:
    """A colour that always means the same look."""
    parts = [(_hue(style), weight) for style, weight in mix if style != "dark"]
    total = sum(weight for _, weight in parts)
    colour = np.array([np.array(c) * w for c, w in parts]).sum(axis=0) / total if parts else BLACK
    return Image.new("RGB", size, tuple(int(c) for c in colour))


def _hue(style: str) -> Colour:
    hue = crc32(style.encode()) % 360
    return Image.new("HSV", (1, 1), (hue * 255 // 360, 120, 150)).convert("RGB").getpixel((0, 0))  # type: ignore[return-value]


def colour_of(stretch: Stretch | None) -> Colour:
    """The colour of a rule wherever it stands on the page; of a cue without one."""
    if stretch is None:
        return CUE
    rule = stretch.rule
    return RULES[rule.order % len(RULES)] if rule.playlist.lit else SHADE


@dataclass(frozen=True)
class _Page:
    """One picture being drawn.  Each part begins at the height that it is given."""

    evening: Evening
    thumbnails: Mapping[Mix, Image.Image]
    sheet: Image.Image

    @cached_property
    def pen(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.sheet)

    @cached_property
    def frame(self) -> tuple[float, float]:
        return frame_of(self.evening)

    def x(self, wall: float) -> int:
        """Where an instant is on the strip; the strip's end for those beyond it."""
        first, last = self.frame
        share = min(1.0, max(0.0, (wall - first) / (last - first)))
        return round(MARGIN + share * (WIDTH - 2 * MARGIN))

    def write(
        self,
        at: tuple[int, int],
        text: str,
        size: int = 22,
        ink: Colour = INK,
        anchor: str = "la",
        weight: str = "plain",
    ) -> None:
        self.pen.text(at, text, ink, font(size, weight), anchor=anchor)

    def head(self) -> None:
        plan = self.evening.plan
        self.write((MARGIN, 54), plan.title, 46, weight="bold")
        self.write((WIDTH - MARGIN, 64), long_date(self.evening.date), 32, anchor="ra")
        self.write((MARGIN, 122), summary(self.evening), 24, AMBER)
        self.write((WIDTH - MARGIN, 122), plan.place.tz, 24, DIM, anchor="ra")

    def sky(self, top: int) -> None:
        """The sky's colours over the evening, the sun's path through them, its marks."""
        place = self.evening.plan.place
        first, last = self.frame
        columns = np.linspace(first, last, WIDTH - 2 * MARGIN)
        coarse = np.linspace(first, last, 200)
        heights = np.interp(
            columns, coarse, [elevation(place.lat, place.lon, float(t)) for t in coarse]
        )
        up = np.linspace(7.0, 0.0, SKY)[:, None]  # the zenith is ahead of the horizon by a little
        seen = heights[None, :] - up * (heights[None, :] < 25)
        channels = [np.interp(seen, HEIGHTS, [c[i] for c in COLOURS]) for i in range(3)]
        pixels = (np.stack(channels, axis=-1) * 0.82).astype(np.uint8)
        band = Image.fromarray(pixels)
        band.paste((226, 222, 210), mask=_path(heights))
        self.sheet.paste(band, (MARGIN, top))
        beyond = -math.inf
        for mark in self.evening.sun:
            if not first < mark.instant < last:
                continue
            x = self.x(mark.instant)
            text = f"{mark.word} {self.evening.clock(mark.instant)}"
            low = x < beyond  # it would run into the one before
            y = top + (52 if low else 16)
            self.pen.line((x, y - 2 if low else top, x, top + SKY - 1), HAIR)
            right = x + 12 + self.pen.textlength(text, font(20)) > WIDTH - MARGIN
            self.write((x - 10 if right else x + 10, y), text, 20, anchor="ra" if right else "la")
            beyond = -math.inf if low else x + 30 + self.pen.textlength(text, font(20))

    def film(self, top: int) -> None:
        """A filmstrip: what plays at the middle of each tile."""
        self.pen.rectangle((MARGIN, top, WIDTH - MARGIN, top + FILM), BLACK)
        for stretch in self.evening.stretches:
            left, right = self.x(stretch.begins), self.x(stretch.ends)
            if right <= left:
                continue
            if stretch.rule.playlist.lit:
                self._tiles(stretch, left, right, top)
            bar = (left, top + FILM + 1, max(left, right - 2), top + FILM + 8)
            self.pen.rectangle(bar, colour_of(stretch))
            self._label(stretch, left, right, top + FILM + 18)

    def cues(self, top: int) -> None:
        """Over the film, the cues that the schedule calls: a tile for each look that has room, and
        a flag with the name."""
        beyond = [-1, -1, -1]  # where the flags end that fly at each of three heights
        for run in self.evening.runs:
            left, right = self.x(run.begins), self.x(run.ends)
            if right <= MARGIN or left >= WIDTH - MARGIN:
                continue
            right = max(right, left + 6)
            count = max(1, min(len(run.cue.mixes), (right - left) // 24))
            edges = [left + round(i * (right - left) / count) for i in range(count + 1)]
            for mix, begin, end in zip(run.cue.mixes, edges, edges[1:], strict=False):
                size = (max(1, end - begin - 1), FILM)
                self.sheet.paste(self.thumbnail(mix, size), (begin, top))
            self.pen.rectangle((left - 1, top, right, top + FILM - 1), outline=CUE)
            self.pen.rectangle((left, top + FILM + 1, right - 1, top + FILM + 8), CUE)
            width = round(self.pen.textlength(run.cue.name, font(18))) + 14
            flag = min(left - 1, WIDTH - MARGIN - width)
            free = [row for row, end in enumerate(beyond) if end < flag]
            row = free[0] if free else 0
            beyond[row] = flag + width
            y = top + 32 * row
            self.pen.rectangle((flag, y, flag + width, y + 27), CUE)
            self.write((flag + 7, y + 3), run.cue.name, 18, PAPER)

    def _tiles(self, stretch: Stretch, left: int, right: int, top: int) -> None:
        count = max(1, round((right - left) / (FILM * 0.9)))
        edges = [left + round(i * (right - left) / count) for i in range(count + 1)]
        first, last = max(stretch.begins, self.frame[0]), min(stretch.ends, self.frame[1])
        for i in range(count):
            middle = first + (i + 0.5) * (last - first) / count
            turn = turn_at(self.evening.plan, stretch.rule.playlist, middle)
            size = (max(1, edges[i + 1] - edges[i] - 2), FILM)
            self.sheet.paste(self.thumbnail(turn.entry, size), (edges[i], top))

    def _label(self, stretch: Stretch, left: int, right: int, y: int) -> None:
        words = stretch.rule.playlist.words
        if self.pen.textlength(words, font(20)) <= right - left - 4:
            lit = stretch.rule.playlist.lit
            self.write((left + 1, y), words, 20, INK if lit else DIM)

    def thumbnail(self, entry: Mix, size: tuple[int, int]) -> Image.Image:
        picture = self.thumbnails.get(entry)
        if picture is None:
            return swatch(entry, size)
        return ImageOps.fit(picture, size, Image.Resampling.LANCZOS, centering=(0.5, 0.35))

    def axis(self, top: int) -> None:
        """Whole hours; fewer of them where there are many."""
        first, last = self.frame
        step = 1 if last - first <= 13 * 3600 else 2
        hour = math.ceil(first / 3600) * 3600
        while hour <= last:
            text = self.evening.clock(hour)
            if int(text[:2]) % step == 0:
                x = self.x(hour)
                self.write((x, top + 52), text, 19, DIM, anchor="ma")
            hour += 3600

    def table(self, top: int) -> None:
        """A row for each stretch from noon to noon."""
        plan = self.evening.plan
        for number, row in enumerate(self.evening.rows()):
            y = top + 16 + number * ROW
            ink, mark = INK if row.lit else DIM, colour_of(row.stretch)
            self.pen.line((MARGIN, y - 14, WIDTH - MARGIN, y - 14), (32, 33, 39))
            self.pen.rounded_rectangle((MARGIN, y + 3, MARGIN + 16, y + 19), 4, mark)
            clock = f"{self.evening.clock(row.begins)} to {self.evening.clock(row.ends)}"
            self.write((MARGIN + 38, y), clock, 21, ink)
            self.write((MARGIN + 330, y), lasting(row.ends - row.begins), 21, DIM, "ra")
            self.write((MARGIN + 372, y), self._cut(row.plays, 360), 21, ink)
            self.write((MARGIN + 760, y), self._cut(row.when, 700), 21, DIM)
            where = f"{plan.source.name}:{row.line}"
            self.write((WIDTH - MARGIN, y), self._cut(where, 280), 21, DIM, anchor="ra")

    def _cut(self, text: str, width: int) -> str:
        while len(text) > 1 and self.pen.textlength(text, font(21)) > width:
            text = text[:-2] + "…"
        return text

    def notes(self, top: int, said: Sequence[str]) -> None:
        for number, note in enumerate(said):
            self.write((MARGIN, top + 34 * number), note, 19, AMBER)

    def shelf(self, top: int, entries: Sequence[Mix]) -> None:
        """The looks that the evening knows, with their names."""
        step = (WIDTH - 2 * MARGIN + 8) / ACROSS
        for number, entry in enumerate(entries):
            row, column = divmod(number, ACROSS)
            x, y = round(MARGIN + column * step), top + row * (THUMB[1] + 76)
            self.sheet.paste(self.thumbnail(entry, THUMB), (x, y))
            for line, part in enumerate(mix_words(entry).split(" + ")[:LINES]):
                self.write((x, y + THUMB[1] + 10 + 23 * line), part, 17, DIM)


def _path(heights: np.ndarray) -> Image.Image:
    """The sun's way over the band as a mask, drawn large and made small so that it is smooth."""
    scale = 3
    size = (len(heights) * scale, SKY * scale)
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    level = 0.58 * size[1]
    # Steep near the horizon, where it matters; night and noon are pressed together.
    y = level - heights / (np.abs(heights) + 35.0) * 0.62 * size[1]
    points = [(i * scale, float(y[i])) for i in range(0, len(heights), 4)]
    pen.line([(0, level), (size[0], level)], 46, scale)
    pen.line(points, 150, 2 * scale, joint="curve")
    return mask.resize((len(heights), SKY), Image.Resampling.LANCZOS)
