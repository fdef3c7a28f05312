"""Films: pacing by time stamps, looping, damage, sizes."""

from __future__ import annotations

import time
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from murai_show.camera import open_camera
from murai_show.camera.decode import Damage, sane
from murai_show.camera.film import Pace, file_source, film
from murai_show.errors import CameraError
from murai_show.show.plan import PlannedCamera
from murai_show.show.schema import FileCamera
from murai_show.show.words import Size
from tests.camera.stand_ins import FakeWire, WallClock, until, write_film
from tests.rtsp_server import encode

CLIPS = Path(__file__).resolve().parents[2] / "../shared/data/clips"


def spec(path: Path, **more) -> FileCamera:
    return FileCamera(kind="file", path=str(path), **more)


def grey(pixels: np.ndarray) -> int:
    return round(float(pixels[-8:, -8:].mean()))


def test_a_film_is_paced_by_its_stamps_and_loops_without_a_seam(tmp_path: Path) -> None:
    wire = FakeWire()
    path = write_film(tmp_path / "film.mp4", frames=20, fps=20)
    pictures = list(islice(file_source(spec(path)).pictures(wire), 50))
    assert [p.pts for p in pictures] == pytest.approx([i / 20 for i in range(50)], abs=1e-4)
    assert [p.captured - 100 for p in pictures] == pytest.approx(
        [p.pts for p in pictures], abs=1e-6
    )
    shades = [grey(p.pixels) for p in pictures]
    assert shades == pytest.approx([20 + 10 * (i % 20) for i in range(50)], abs=4)
    assert pictures[0].pixels.shape == (48, 64, 3)
    assert pictures[0].pixels.dtype == np.uint8
    red = pictures[0].pixels[4, 4]
    assert red[0] > 200 > 80 > red[2]  # RGB, not BGR
    assert not wire.drops


def test_without_loop_it_ends_after_the_last_picture_had_its_time(tmp_path: Path) -> None:
    wire = FakeWire()
    path = write_film(tmp_path / "film.mkv", frames=10, fps=20)
    assert len(list(file_source(spec(path, loop=False)).pictures(wire))) == 10
    assert wire.now - 100.0 == pytest.approx(0.5, abs=0.01)


def test_raw_h264_without_stamps_is_paced_and_loops(tmp_path: Path) -> None:
    path = tmp_path / "raw.h264"
    path.write_bytes(b"".join(encode(64, 48, 12)))
    pictures = list(islice(file_source(spec(path)).pictures(FakeWire()), 30))
    steps = [b.pts - a.pts for a, b in pairwise(pictures)]
    assert steps == pytest.approx([0.04] * 29, abs=1e-3)


def test_a_change_of_size_in_mid_stream_survives(tmp_path: Path) -> None:
    path = tmp_path / "two.h264"
    path.write_bytes(b"".join(encode(64, 48, 10) + encode(128, 96, 10)))
    shapes = [p.pixels.shape for p in file_source(spec(path, loop=False)).pictures(FakeWire())]
    assert set(shapes) == {(48, 64, 3), (96, 128, 3)}
    assert shapes == sorted(shapes)


def test_a_phone_held_upright_is_upright(tmp_path: Path) -> None:
    for turn, corner in ((90, (-8, 4)), (-90, (4, -8))):
        path = write_film(tmp_path / f"phone{turn}.mp4", frames=2, rotation=turn)
        picture = next(file_source(spec(path)).pictures(FakeWire()))
        assert picture.pixels.shape == (64, 48, 3)
        with av.open(str(path)) as container:
            turned = np.rot90(
                next(container.decode(video=0)).to_ndarray(format="rgb24"), turn // 90
            )
        assert np.array_equal(picture.pixels, turned)
        assert picture.pixels[corner][0] > 150 > 90 > picture.pixels[corner][2]


def test_flipped_bytes_survive(tmp_path: Path) -> None:
    path = write_film(tmp_path / "bad.mkv", frames=60, size=(320, 240))
    data = bytearray(path.read_bytes())
    draw = np.random.default_rng(2)
    for position in draw.integers(2000, len(data) - 200, 60):
        data[position] ^= 1 << draw.integers(8)
    path.write_bytes(data)
    wire = FakeWire(end=20.0)
    pictures = list(islice(file_source(spec(path)).pictures(wire), 100))
    assert len(pictures) == 100
    assert all(a.pts < b.pts for a, b in pairwise(pictures))
    assert wire.now < 115.0  # broken stamps made no long pause


@pytest.mark.parametrize("content", ["nothing", "text", "head", "no such file"])
def test_a_film_without_pictures_is_a_clear_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.mp4"
    whole = write_film(tmp_path / "good.mp4").read_bytes()
    if content != "no such file":
        path.write_bytes({"nothing": b"", "text": b"no film\n" * 99, "head": whole[:300]}[content])
    with pytest.raises(CameraError, match=r"^bad\.mp4 ") as caught:
        next(file_source(spec(path)).pictures(FakeWire()))
    assert str(tmp_path) not in str(caught.value)


def test_a_broken_film_does_not_spin(tmp_path: Path) -> None:
    path = tmp_path / "bad.mp4"
    path.write_bytes(b"\0" * 5000)
    camera = open_camera(PlannedCamera("bad", spec(path)), WallClock())
    try:
        assert until(lambda: camera.health(0).trouble)
        spent = time.process_time()
        time.sleep(0.4)  # what is measured: nothing happens meanwhile
        assert time.process_time() - spent < 0.2
        assert camera.health(time.monotonic()).state == "connecting"
    finally:
        camera.close()


def test_absurd_geometry_is_refused_and_counted(tmp_path: Path) -> None:
    path = write_film(tmp_path / "tiny.avi", frames=5, size=(8, 8), codec="mpeg4")
    wire = FakeWire()
    with pytest.raises(CameraError, match="no picture"):
        list(file_source(spec(path)).pictures(wire))
    assert wire.drops == {"geometry": 5}
    assert sane(16, 16384)
    assert sane(8192, 8192)
    assert not sane(16384, 16384)
    assert not sane(15, 100)
    assert not sane(100, 16385)


def test_most_pictures_damaged_means_rebuild() -> None:
    damage = Damage(window=10, most=0.5)
    for _ in range(50):
        damage.saw(False)  # joined between two key frames: no judgement yet
    assert not damage.any_good
    for i in range(40):
        damage.saw(i % 2 == 0)  # half is borne
    with pytest.raises(CameraError, match="6 of its last 10 pictures were damaged"):
        damage.saw(False)


def test_pace_skips_ahead_and_builds_no_delay() -> None:
    pace, now, shown, worst = Pace(), 50.0, [], 0.0
    for i in range(300):  # decoding takes 60 ms, a picture lasts 40
        now += 0.06
        due = pace.due(i * 0.04, now)
        if due is not None:
            now = max(now, due)
            shown.append(now)
            worst = max(worst, now - (pace.anchor + i * 0.04))
    assert worst <= 1.0  # never more than a second behind its own time …
    assert max(b - a for a, b in pairwise(shown)) <= 0.31  # … and never frozen
    quick = Pace()
    assert [quick.due(i * 0.04, 50.0 + i * 0.04 - 0.01 * (i > 0)) for i in range(3)] == [
        pytest.approx(50.0 + i * 0.04) for i in range(3)
    ]


def test_a_late_picture_is_skipped_before_it_is_converted(tmp_path: Path) -> None:
    wire = FakeWire()
    path = write_film(tmp_path / "film.mp4", frames=20, fps=20)
    seen = []
    for picture in islice(file_source(spec(path)).pictures(wire), 10):
        seen.append(round(picture.pts * 20))
        if len(seen) == 3:
            wire.now += 0.24  # the machine was busy
    assert seen[:3] == [0, 1, 2]
    assert seen[3] == 5  # the first that was due within 0.1 s of now
    assert wire.drops["late"] == 2


def test_a_slow_film_does_not_flap(tmp_path: Path) -> None:
    path = write_film(tmp_path / "slow.mkv", frames=6, fps=1)
    source = file_source(spec(path))
    assert source.patience >= 1.0
    pictures = list(islice(source.pictures(FakeWire()), 8))
    assert [p.pts for p in pictures] == pytest.approx(list(range(8)), abs=0.01)


def test_a_film_that_cannot_be_rewound_is_opened_again(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", frames=3)
    opened = 0

    class Stubborn:
        def __init__(self, container) -> None:
            self._container = container

        def __getattr__(self, name):
            return getattr(self._container, name)

        def seek(self, *_):
            raise av.error.PermissionError(1, "Operation not permitted")

    def open_film():
        nonlocal opened
        opened += 1
        return Stubborn(av.open(str(path)))

    assert len(list(islice(film(open_film, "film", FakeWire(), loop=True), 8))) == 8
    assert opened == 3


def test_a_real_clip() -> None:
    clip = CLIPS / "carphone_pristine.mp4"
    if not clip.is_file():
        pytest.skip("../shared/data/clips is not here")
    pictures = list(islice(file_source(spec(clip)).pictures(FakeWire()), 150))
    steps = [b.pts - a.pts for a, b in pairwise(pictures)]
    assert steps == pytest.approx([1001 / 30000] * 149, abs=0.002)


@pytest.mark.parametrize(
    ("rotation", "within", "shape"),
    [(0, (32, 32), (24, 32)), (90, (32, 32), (32, 24)), (0, (640, 480), (48, 64))],
)
def test_a_film_is_scaled_to_the_paint_size(tmp_path: Path, rotation, within, shape) -> None:
    """In the pass that converts its colours: upright, never enlarged, the same picture."""
    path = write_film(tmp_path / "film.mp4", frames=3, rotation=rotation)
    small = next(file_source(spec(path), Size(*within)).pictures(FakeWire())).pixels
    whole = next(file_source(spec(path)).pictures(FakeWire())).pixels
    assert small.shape == (*shape, 3)
    assert small.mean() == pytest.approx(whole.mean(), abs=2)  # a box filter keeps the mean


def test_while_nobody_keeps_up_less_is_decoded(tmp_path: Path) -> None:
    """Fewer pictures, each at its own moment and shade, and all of them again afterwards."""
    wire = FakeWire()
    pictures = file_source(spec(write_film(tmp_path / "film.mp4", bframes=2))).pictures(wire)
    list(islice(pictures, 20))
    wire.behind = True
    some = list(islice(pictures, 8))
    steps = [round((b.pts - a.pts) * 20) for a, b in pairwise(some)]
    assert max(steps) > 1
    assert [grey(p.pixels) for p in some] == pytest.approx(
        [20 + 10 * (round(p.pts * 20) % 20) for p in some], abs=6
    )
    wire.behind = False
    after = [round(p.pts * 20) for p in islice(pictures, 30)][10:]
    assert [b - a for a, b in pairwise(after)] == [1] * 19
