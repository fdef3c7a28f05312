"""Paint outside a show: one photograph, one film, a contact sheet of a bank."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from murai_show.errors import UsageError
from murai_show.frame import Frame
from murai_show.ports import Stylizer
from murai_show.show.timeline import Look, Mix

PHOTOS = (".jpg", ".jpeg", ".png", ".webp")
FILMS = (".mp4", ".mkv", ".mov")


def parse_mix(text: str, styles: Sequence[str]) -> Mix:
    """`wave:0.7,starry:0.3` → a mix of sum 1; a style without a weight weighs 1.

    Raises UsageError with "did you mean".
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = (piece.strip() for piece in part.partition(":"))
        if name not in styles:
            near = difflib.get_close_matches(name, styles, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(styles)}"
            raise UsageError(f"no style {name!r} in this bank; {hint}")
        try:
            number = float(weight or "1")
        except ValueError:
            number = math.nan
        if not 0 < number < math.inf:
            raise UsageError(f"{weight!r} is not a weight; write NAME:WEIGHT, such as {name}:0.5")
        weights[name] = weights.get(name, 0.0) + number
    total = sum(weights.values())
    return tuple(sorted((name, weight / total) for name, weight in weights.items()))


def open_photo(path: Path) -> np.ndarray:
    """A photograph as (H, W, 3), uint8, RGB, turned upright.  Raises UsageError."""
    from PIL import ImageOps

    try:
        with Image.open(path) as file:
            return np.array(ImageOps.exif_transpose(file).convert("RGB"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise UsageError(f"{path}: not a picture that can be read: {error}") from None


def paint_photo(source: Path, target: Path, stylizer: Stylizer, look: Look) -> tuple[int, int]:
    """Paint one photograph; returns the size painted.  Raises UsageError."""
    painted = stylizer(Frame(open_photo(source), 0.0, 0.0, 1, source.name), look)
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(painted.pixels).save(target, quality=95)
    return painted.width, painted.height


def paint_film(
    source: Path,
    target: Path,
    stylizer: Stylizer,
    look: Look,
    watch: Callable[[int, int], None],
) -> int:
    """Paint a film, its sound kept as it is; returns the frames painted.

    `watch(done, total)` is called after every frame; `total` is 0 where the file does not say.
    Raises UsageError when the source cannot be read.  The target appears when it is whole.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.stem}.part{target.suffix}")
    done = 0
    try:
        with av.open(str(source)) as film, av.open(str(part), "w") as out:
            if not film.streams.video:
                raise UsageError(f"{source}: no picture in it, sound only")
            video = film.streams.video[0]
            video.thread_type = "AUTO"
            sound = film.streams.audio[0] if film.streams.audio else None
            rate = Fraction(video.average_rate or 30).limit_denominator(1001)
            painting = out.add_stream("libx264", rate=rate, options={"crf": "18"})
            copied = out.add_stream_from_template(sound) if sound else None
            early: list[av.Packet] = []  # sound before the first picture decides the film's size
            for packet in film.demux(*([video, sound] if sound else [video])):
                if copied is not None and packet.stream is sound and packet.dts is not None:
                    packet.stream = copied
                    early.append(packet)
                for decoded in packet.decode() if packet.stream is video else ():
                    assert isinstance(decoded, av.VideoFrame)
                    done += 1
                    picture = _painted_frame(decoded, done, source.name, stylizer, look)
                    if done == 1:
                        painting.width, painting.height = picture.width, picture.height
                        painting.pix_fmt = "yuv420p"
                        painting.time_base = video.time_base
                    out.mux(painting.encode(picture))
                    watch(done, video.frames)
                if done:
                    out.mux(early)
                    early.clear()
            if done:
                out.mux(painting.encode(None))
        if not done:
            raise UsageError(f"{source}: no frame in it")
        part.replace(target)
    except FFmpegError as error:
        raise UsageError(f"{source}: not a film that can be read: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return done


def _painted_frame(
    decoded: av.VideoFrame, number: int, name: str, stylizer: Stylizer, look: Look
) -> av.VideoFrame:
    pts = float(decoded.time or 0.0)
    frame = Frame(decoded.to_ndarray(format="rgb24"), pts, pts, number, name)
    pixels = stylizer(frame, look).pixels
    height, width = (side - side % 2 for side in pixels.shape[:2])  # yuv420p has half the chroma
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), "rgb24")
    picture.pts, picture.time_base = decoded.pts, decoded.time_base
    return picture


ACROSS = 5  # styles side by side on a contact sheet, before it goes on below


def contact_sheet(
    stylizer: Stylizer,
    photos: Sequence[np.ndarray],
    tile: tuple[int, int] = (320, 200),
    originals: bool = True,
) -> Image.Image:
    """The styles of a bank, a column each, over `photos`, a row each; five columns to a band.

    `photos` are (H, W, 3), uint8, RGB; with `originals` they stand on the left of every band.
    """
    width, height = tile
    gap, head = 6, 30
    bands = [
        [*([None] if originals else []), *stylizer.styles[i : i + ACROSS]]
        for i in range(0, len(stylizer.styles), ACROSS)
    ]
    deep = head + len(photos) * (height + gap)
    across = max(len(band) for band in bands)
    sheet = Image.new("RGB", (gap + across * (width + gap), len(bands) * deep), (17, 17, 20))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    for number, band in enumerate(bands):
        for column, style in enumerate(band):
            left, top = gap + column * (width + gap), number * deep
            draw.text((left + 2, top + 7), style or "", (235, 230, 220), font)
            for row, photo in enumerate(photos):
                pixels = photo if style is None else _painted(stylizer, photo, style)
                picture = cropped(Image.fromarray(pixels), tile)
                sheet.paste(picture, (left, top + head + row * (height + gap)))
    return sheet


def _painted(stylizer: Stylizer, photo: np.ndarray, style: str) -> np.ndarray:
    return stylizer(Frame(photo, 0.0, 0.0, 1, "sheet"), Look(((style, 1.0),))).pixels


def cropped(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """`picture` scaled to cover `size`, cut a little above the middle, where faces are."""
    factor = max(size[0] / picture.width, size[1] / picture.height)
    scaled = picture.resize(
        (max(size[0], round(picture.width * factor)), max(size[1], round(picture.height * factor))),
        Image.Resampling.LANCZOS,
    )
    left, top = (scaled.width - size[0]) // 2, (scaled.height - size[1]) // 3
    return scaled.crop((left, top, left + size[0], top + size[1]))
