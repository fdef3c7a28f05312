"""Several styles in one picture: each where it belongs, painted once, and over the whole frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from murai_show.errors import OutputError
from murai_show.frame import Frame
from murai_show.output.mask import read_mask
from murai_show.show.timeline import AreaLook, Look, MaskFile, Wipe
from murai_show.show.words import Size
from murai_show.style.collage import Collage, softened, wiped
from murai_show.style.lay import lay

PAINT = Size(64, 36)
INK = {"red": (255, 0, 0), "blue": (0, 0, 255)}
RED, BLUE = (("red", 1.0),), (("blue", 1.0),)
PLAIN = (("plain", 1.0),)


class Inks:
    """Paints all of a frame in the ink of its heaviest style, and counts."""

    engine = "inks"
    styles = tuple(INK)

    def __init__(self) -> None:
        self.painted: list[str] = []
        self.closed = False

    def __call__(self, frame: Frame, look: Look) -> Frame:
        ink = INK[look.main]
        self.painted.append(look.main)
        return frame.painted(np.full((frame.height, frame.width, 3), ink, np.uint8))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def inks() -> Inks:
    return Inks()


@pytest.fixture
def collage(inks) -> Collage:
    return Collage(inks, PAINT, read_mask)


def grey(level: int = 90, width: int = 64, height: int = 36) -> Frame:
    return Frame(np.full((height, width, 3), level, np.uint8), 1.0, 2.0, 3, "test")


def half_mask(folder: Path, name: str = "left.png") -> MaskFile:
    """White on the left."""
    pixels = np.zeros((18, 32), np.uint8)
    pixels[:, :16] = 255
    Image.fromarray(pixels).save(folder / name)
    return MaskFile(folder / name, "0")


def test_a_look_without_areas_goes_to_the_painter_as_it_is(collage, inks) -> None:
    out = collage(grey(), Look(RED))
    assert inks.painted == ["red"]
    assert (out.number, out.pts, out.captured, out.camera) == (3, 1.0, 2.0, "test")
    assert (out.pixels == INK["red"]).all()


def test_an_area_is_where_its_mask_is_white(collage, inks, tmp_path) -> None:
    area = AreaLook(half_mask(tmp_path), 0.0, BLUE)
    pixels = collage(grey(), Look(RED, areas=(area,))).pixels
    assert (pixels[:, :30] == INK["blue"]).all()
    assert (pixels[:, 34:] == INK["red"]).all()
    assert sorted(inks.painted) == ["blue", "red"]


def test_later_areas_lie_on_top_and_each_look_is_painted_once(collage, inks, tmp_path) -> None:
    left = half_mask(tmp_path)
    areas = (AreaLook(left, 0.0, BLUE), AreaLook(left, 0.0, RED), AreaLook(left, 0.0, BLUE))
    pixels = collage(grey(), Look(RED, areas=areas)).pixels
    assert (pixels[:, :30] == INK["blue"]).all()
    assert (pixels[:, 34:] == INK["red"]).all()
    assert sorted(inks.painted) == ["blue", "red"]


def test_what_a_wipe_hides_is_not_painted(collage, inks, tmp_path) -> None:
    over, before = AreaLook(Wipe("up", 1.0), 0.1, BLUE), AreaLook(Wipe("up", 0.0), 0.1, RED)
    pixels = collage(grey(), Look(RED, areas=(AreaLook(half_mask(tmp_path), 0.0, RED), over)))
    assert (pixels.pixels == INK["blue"]).all()
    assert inks.painted == ["blue"]
    assert (collage(grey(), Look(BLUE, areas=(before,))).pixels == INK["blue"]).all()
    assert inks.painted == ["blue", "blue"]
    dim = AreaLook(Wipe("up", 1.0), 0.1, BLUE, 0.5)
    assert (collage(grey(), Look(RED, areas=(dim,))).pixels[..., 2] < 130).all()


def test_plain_is_the_frame_itself_and_paints_nothing(collage, inks) -> None:
    assert (collage(grey(90), Look(PLAIN)).pixels == 90).all()
    assert inks.painted == []


def test_plain_in_a_mix_is_a_dissolve(collage, inks) -> None:
    pixels = collage(grey(100), Look((("plain", 0.25), ("red", 0.75)))).pixels
    assert np.abs(pixels.astype(int) - (216, 25, 25)).max() <= 1
    assert inks.painted == ["red"]


def test_plain_comes_at_the_size_of_the_painting(collage) -> None:
    out = collage(grey(90, 128, 72), Look(PLAIN))
    assert (out.width, out.height) == PAINT


def test_a_dark_area_is_black_and_a_dim_one_dimmer(collage, tmp_path) -> None:
    left = half_mask(tmp_path)
    pixels = collage(grey(), Look(RED, areas=(AreaLook(left, 0.0, (), 0.0),))).pixels
    assert (pixels[:, :30] == 0).all()
    pixels = collage(grey(), Look(RED, areas=(AreaLook(left, 0.0, BLUE, 0.5),))).pixels
    assert np.abs(pixels[:, :30].astype(int) - (0, 0, 127)).max() <= 1


def test_a_soft_edge_rises_evenly_over_its_width() -> None:
    hard = np.zeros((4, 200), np.float32)
    hard[:, 100:] = 1.0
    line = softened(hard, 20.0)[2].astype(int)
    assert (np.diff(line) >= 0).all()
    assert abs(int(line[99]) + int(line[100]) - 255) <= 2
    assert 30 < line[90] < 55  # 16 % one deviation before the edge
    assert set(np.unique(softened(hard, 0.0))) == {0, 255}


@pytest.mark.parametrize("towards", ["right", "left", "down", "up"])
def test_a_wipe_begins_with_nothing_ends_with_all_and_goes_where_it_says(towards) -> None:
    size = Size(64, 36)
    assert (wiped(Wipe(towards, 0.0), 6.0, size) == 0).all()
    assert (wiped(Wipe(towards, 1.0), 6.0, size) == 255).all()
    middle = wiped(Wipe(towards, 0.5), 6.0, size).astype(int)
    assert middle.shape == (36, 64)
    turned = {"right": middle, "left": middle[:, ::-1], "down": middle.T, "up": middle.T[:, ::-1]}
    line = turned[towards][0]
    assert (np.diff(line) <= 0).all()
    assert line[0] == 255
    assert line[-1] == 0
    shares = [wiped(Wipe(towards, p / 10), 6.0, size).mean() for p in range(11)]
    assert shares == sorted(shares)


def test_a_wipe_without_softness_is_sharp() -> None:
    line = wiped(Wipe("right", 0.5), 0.0, Size(64, 4))[0]
    assert (line[:31] == 255).all()
    assert (line[33:] == 0).all()


def test_a_device_lays_as_the_cpu_does() -> None:
    """torch's arithmetic against Pillow's; a CPU tensor stands for a GPU's."""
    torch = pytest.importorskip("torch")
    draw = np.random.default_rng(5)
    under, over = (draw.integers(0, 256, (36, 64, 3), np.uint8) for _ in range(2))
    mask = draw.integers(0, 256, (36, 64), np.uint8)
    for share in (mask, 0.3):
        host = lay(under, over, share)
        device = lay(torch.from_numpy(under.copy()), over, share)
        assert device.dtype == torch.uint8
        assert np.abs(host.astype(int) - device.numpy()).max() <= 1  # Pillow cuts, torch rounds
    colour = np.zeros((1, 1, 3), np.uint8)
    assert (lay(torch.from_numpy(under.copy()), colour, 1.0) == 0).all()


def test_masks_are_read_before_the_show_and_kept(inks, tmp_path) -> None:
    reads: list[Size] = []

    def read(file: Path, size: Size) -> np.ndarray:
        reads.append(size)
        return read_mask(file, size)

    collage, mask = Collage(inks, PAINT, read), half_mask(tmp_path)
    collage.prepare([mask])
    look = Look(RED, areas=(AreaLook(mask, 0.0, BLUE),))
    for _ in range(3):
        collage(grey(), look)
    assert reads == [PAINT, PAINT]
    newer = MaskFile(mask.file, "1")
    collage(grey(), Look(RED, areas=(AreaLook(newer, 0.0, BLUE),)))
    assert len(reads) == 3


def test_a_mask_that_cannot_be_read_is_said_before_the_show(collage, tmp_path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.raises(OutputError, match=r"broken\.png cannot be read"):
        collage.prepare([MaskFile(tmp_path / "broken.png", "0")])


def test_closing_closes_the_painter(collage, inks) -> None:
    collage.close()
    assert inks.closed


def test_several_frames_are_painted_in_one_call_where_the_painter_can(tmp_path) -> None:
    class Together(Inks):
        def __init__(self) -> None:
            super().__init__()
            self.calls: list[int] = []

        def paint_all(self, frames: Sequence[Frame], look: Look) -> Sequence[Frame]:
            self.calls.append(len(frames))
            return [self(frame, look) for frame in frames]

    inks = Together()
    collage = Collage(inks, PAINT, read_mask)
    look = Look(RED, areas=(AreaLook(half_mask(tmp_path), 0.0, BLUE),))
    frames = [grey(), grey(20, 48, 36)]
    both = collage.paint_all(frames, look)
    assert inks.calls == [2, 2]
    for frame, picture in zip(frames, both, strict=True):
        assert (picture.pixels == collage(frame, look).pixels).all()
    assert inks.calls == [2, 2]
