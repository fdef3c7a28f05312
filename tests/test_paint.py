from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from murai_show.errors import UsageError
from murai_show.frame import Frame
from murai_show.paint import (
    contact_sheet,
    cropped,
    open_photo,
    paint_film,
    paint_photo,
    parse_mix,
)
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style.identity import IdentityStylizer

LOOK = Look((("a", 1.0),))


class Negative(IdentityStylizer):
    """Paints the negative, so that a test can tell what was painted."""

    def __call__(self, frame: Frame, look: Look) -> Frame:
        out = super().__call__(frame, look)
        return out.painted(255 - out.pixels)


@pytest.fixture
def negative() -> Negative:
    return Negative(("a", "b"), Size(4096, 4096))


def write_film(path: Path, frames: int = 12, size=(63, 49), sound: bool = True) -> None:
    """Grey ramps with a tone; odd sizes are cut to even, as phones never do and people do."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=24, options={"crf": "5"})
        video.width, video.height, video.pix_fmt = size[0] // 2 * 2, size[1] // 2 * 2, "yuv420p"
        tone = out.add_stream("aac", rate=16000) if sound else None
        for number in range(frames):
            grey = np.full((video.height, video.width, 3), 20 + number * 10, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if tone is not None:
            wave = (np.sin(np.arange(8000) / 5) * 9000).astype(np.int16)[None]
            samples = av.AudioFrame.from_ndarray(wave, "s16", "mono")
            samples.sample_rate, samples.pts = 16000, 0
            out.mux(tone.encode(samples))
            out.mux(tone.encode(None))


@pytest.mark.parametrize(
    ("text", "mix"),
    [
        ("wave", (("wave", 1.0),)),
        ("wave:3,starry:1", (("starry", 0.25), ("wave", 0.75))),
        (" wave : 0.5 , starry", (("starry", 2 / 3), ("wave", 1 / 3))),
        ("wave,wave", (("wave", 1.0),)),
    ],
)
def test_mixes(text: str, mix) -> None:
    found = parse_mix(text, ("wave", "starry"))
    assert [name for name, _ in found] == [name for name, _ in mix]
    assert [weight for _, weight in found] == pytest.approx([weight for _, weight in mix])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("wvae", "no style 'wvae' in this bank; did you mean wave"),
        ("cubism", "no style 'cubism' in this bank; there are: wave, starry"),
        ("wave:x", "'x' is not a weight; write NAME:WEIGHT, such as wave:0.5"),
        ("wave:-1", "'-1' is not a weight"),
        ("wave:nan", "'nan' is not a weight"),
        ("", "no style ''"),
    ],
)
def test_wrong_mixes(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse_mix(text, ("wave", "starry"))


def test_a_photograph(tmp_path, negative) -> None:
    photo = np.zeros((48, 64, 3), np.uint8)
    photo[:, :32] = (200, 100, 50)
    Image.fromarray(photo).save(tmp_path / "in.png")
    assert paint_photo(tmp_path / "in.png", tmp_path / "deep/out.png", negative, LOOK) == (64, 48)
    assert np.array_equal(open_photo(tmp_path / "deep/out.png"), 255 - photo)


def test_a_photograph_on_its_side_is_turned_upright(tmp_path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 32)).save(tmp_path / "phone.jpg", exif=exif)
    assert open_photo(tmp_path / "phone.jpg").shape == (64, 32, 3)


@pytest.mark.parametrize("content", [None, b"", b"GIF89a nothing"])
def test_no_photograph(tmp_path, content) -> None:
    if content is not None:
        (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.png: "):
        open_photo(tmp_path / "x.png")


def test_a_film_keeps_its_times_and_its_sound(tmp_path, negative) -> None:
    write_film(tmp_path / "in.mp4")
    seen: list[tuple[int, int]] = []
    done = paint_film(
        tmp_path / "in.mp4", tmp_path / "out.mp4", negative, LOOK, lambda *a: seen.append(a)
    )
    assert done == 12
    assert seen[-1] == (12, 12)
    with av.open(str(tmp_path / "in.mp4")) as before, av.open(str(tmp_path / "out.mp4")) as after:
        times = [[round(float(f.time), 3) for f in c.decode(video=0)] for c in (before, after)]
        assert times[0] == times[1]
        levels = []
        after.seek(0)
        levels = [int(f.to_ndarray(format="rgb24").mean()) for f in after.decode(video=0)]
        assert levels == pytest.approx([235 - i * 10 for i in range(12)], abs=4)  # via YUV
        assert after.streams.audio[0].codec_context.name == "aac"
        after.seek(0)
        assert sum(f.samples for f in after.decode(audio=0)) >= 8000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


@pytest.mark.parametrize("content", [b"", b"no film at all" * 100])
def test_no_film(tmp_path, negative, content: bytes) -> None:
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.mp4: not a film that can be read"):
        paint_film(tmp_path / "x.mp4", tmp_path / "y.mp4", negative, LOOK, lambda *a: None)
    assert [p.name for p in tmp_path.iterdir()] == ["x.mp4"]


def test_a_sheet_has_a_column_for_each_style(negative) -> None:
    photo = np.full((90, 160, 3), 40, np.uint8)
    sheet = np.asarray(contact_sheet(negative, [photo, photo], tile=(80, 45)))
    assert sheet.shape == (30 + 2 * 51, 6 + 3 * 86, 3)
    for row in (0, 1):
        middle = 30 + row * 51 + 22
        assert sheet[middle, 46].tolist() == [40] * 3
        assert sheet[middle, 46 + 86].tolist() == [215] * 3
        assert sheet[middle, 46 + 172].tolist() == [215] * 3


def test_a_sheet_of_many_styles_goes_on_below(negative) -> None:
    negative.styles = tuple(f"style-{i}" for i in range(7))
    photo = np.full((90, 160, 3), 40, np.uint8)
    sheet = np.asarray(contact_sheet(negative, [photo], tile=(80, 45), originals=False))
    assert sheet.shape == (2 * (30 + 51), 6 + 5 * 86, 3)
    assert sheet[81 + 30 + 22, 46 + 86].tolist() == [215] * 3  # the seventh
    assert sheet[81 + 30 + 22, 46 + 2 * 86].tolist() == [17, 17, 20]


def test_cropping_covers_and_keeps_the_shape() -> None:
    for size in ((10, 300), (300, 10), (64, 64)):
        assert cropped(Image.new("RGB", size), (50, 40)).size == (50, 40)
