"""The virtual camera: deterministic, its flow exact, its pace kept."""

from __future__ import annotations

import time
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from murai_show.camera.still import Album, Grain, StillFilm, demo_photos, find_photos, still_source
from murai_show.errors import CameraError
from murai_show.show.schema import StillCamera
from murai_show.show.words import Size
from tests.camera.stand_ins import FakeWire

SIZE = Size(160, 90)


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, ...]:
    """Three photographs of soft coloured blobs, in different shapes."""
    draw = np.random.default_rng(4)
    paths = []
    for i, side in enumerate([(300, 200), (200, 260), (640, 480)]):
        blobs = draw.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        path = tmp_path / f"photo{i}.png"
        Image.fromarray(blobs).resize(side, Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    return tuple(paths)


def film(photos, *, noise: float = 0.0, seed: int = 1, each: float = 2.0) -> StillFilm:
    return StillFilm(Album(photos, SIZE), SIZE, fps=25.0, each=each, noise=noise, seed=seed)


def warped(pixels: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """`pixels` looked up where `flow` points, bilinearly: (H, W, 3) float."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    x, y = np.clip(x + flow[..., 0], 0, width - 1), np.clip(y + flow[..., 1], 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[..., None], (y - top)[..., None]
    upper = pixels[top, left] * (1 - across) + pixels[top, right] * across
    lower = pixels[bottom, left] * (1 - across) + pixels[bottom, right] * across
    return upper * (1 - down) + lower * down


@pytest.mark.parametrize(("a", "b"), [(20, 21), (20, 35), (48, 18), (70, 95), (120, 149)])
def test_the_flow_is_exact(photos, a: int, b: int) -> None:
    stills = film(photos)
    flow, valid = stills.flow(a, b)
    assert flow.shape == (90, 160, 2)
    assert flow.dtype == np.float32
    assert valid.mean() > 0.5
    first, second = stills.picture(a).astype(float), stills.picture(b)
    still = np.abs(second - first)[valid].mean()
    error = np.abs(warped(second, flow) - first)[valid]
    assert error.mean() < 0.6, "a pixel grid rounds twice; more than that is a wrong flow"
    assert np.quantile(error, 0.999) < 4.0
    assert error.mean() < still / 2 or still < 1.0
    # It is sharp: half a pixel off is already seen.
    off = np.abs(warped(second, flow + np.float32(0.5)) - first)[valid].mean()
    assert off > 1.5 * error.mean()


def test_the_flow_of_a_photograph_of_the_world() -> None:
    if not demo_photos():
        pytest.skip("the demo photographs (scikit-image) are not installed")
    size = Size(320, 180)
    stills = StillFilm(Album(demo_photos(), size), size, 30.0, 6.0, 0.0, 1)
    flow, valid = stills.flow(60, 66)
    error = np.abs(warped(stills.picture(66), flow) - stills.picture(60))[valid]
    assert np.abs(flow).max() > 1.0
    assert error.mean() < 2.0


def test_the_flow_says_nothing_across_photographs_and_in_a_dissolve(photos) -> None:
    stills = film(photos)  # 50 frames each, the first 15 of them a dissolve
    assert not stills.flow(40, 60)[1].any()
    assert not stills.flow(55, 70)[1].any()
    assert not stills.flow(70, 55)[1].any()
    assert stills.flow(70, 70)[1].all()
    assert np.abs(stills.flow(70, 70)[0]).max() < 1e-4
    assert stills.flow(5, 6)[1].any()  # nothing to dissolve from at the very beginning


def test_the_same_seed_is_the_same_film(photos) -> None:
    one, same, other = film(photos, noise=0.02), film(photos, noise=0.02), film(photos, seed=2)
    for number in (0, 30, 52, 500):
        assert np.array_equal(one.picture(number), same.picture(number))
    assert not np.array_equal(one.picture(30), other.picture(30))
    backwards = film(photos, noise=0.02)
    assert np.array_equal(backwards.picture(500), one.picture(500))  # in any order


def test_it_moves_smoothly_and_dissolves(photos) -> None:
    stills = film(photos)
    frames = [stills.picture(n).astype(int) for n in range(30, 80)]
    steps = [np.abs(b - a).mean() for a, b in pairwise(frames)]
    assert min(steps) > 0.0
    assert max(steps) < 12.0  # no cut, though the photograph changes in frame 50


def test_noise_is_gaussian_saturates_and_changes() -> None:
    size = Size(320, 180)
    grain = Grain(size, 0.02, 1)
    for value in (0, 128, 255):
        pixels = np.full((180, 320, 3), value, np.uint8)
        grain.add(pixels, 7)
        noise = pixels.astype(int) - value
        if value == 128:
            assert noise.std() == pytest.approx(0.02 * 255, rel=0.03)
            assert abs(noise.mean()) < 0.05
            again = np.full((180, 320, 3), value, np.uint8)
            grain.add(again, 8)
            between = np.corrcoef(noise.ravel(), again.ravel() - 128.0)[0, 1]
            assert abs(between) < 0.02
        else:  # it does not wrap around at black and white
            assert np.abs(noise).max() < 40
            assert (noise >= 0).all() if value == 0 else (noise <= 0).all()


def test_the_view_never_leaves_the_photograph(photos) -> None:
    stills = film(photos, each=4.0)
    for number in range(0, 2000, 7):
        visit, seconds = stills.visit(number)
        photo = stills._photo(visit).size
        view = stills._seen_through(visit, seconds)
        left, top, right, bottom = view.box(SIZE)
        assert -1e-6 <= left < right <= photo[0] + 1e-6
        assert -1e-6 <= top < bottom <= photo[1] + 1e-6
        assert view.scale <= 1.01  # the cheap filter would alias


def test_it_is_paced_and_skips_when_slow(photos) -> None:
    wire = FakeWire(end=30.0)
    spec = StillCamera(kind="still", photos=tuple(map(str, photos)), size=SIZE, fps=20.0)
    seen = []
    for picture in islice(still_source(spec).pictures(wire), 30):
        assert picture.pixels.shape == (90, 160, 3)
        seen.append(picture)
        wire.now += 0.12 if len(seen) == 10 else 0.001
    assert [round(p.pts * 20) for p in seen] == [*range(10), *range(11, 31)]
    assert all(p.captured - 100.0 == pytest.approx(p.pts) for p in seen)
    assert wire.drops == {"late": 1}


def test_photos_are_found(tmp_path: Path, photos) -> None:
    assert find_photos(str(tmp_path)) == photos
    assert find_photos(str(photos[1])) == (photos[1],)
    assert find_photos((str(photos[2]), str(tmp_path))) == (photos[2], *photos)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CameraError, match=r"no photograph in .*empty"):
        find_photos(str(tmp_path / "empty"))


def test_the_demo_photographs_are_there() -> None:
    if not demo_photos():
        pytest.skip("the demo photographs (scikit-image) are not installed")
    assert [path.name for path in find_photos("demo")][:2] == ["astronaut.png", "coffee.png"]
    assert len(demo_photos()) == 5


def test_without_the_demo_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CameraError, match=r"pip install 'murai-show\[demo\]'"):
        find_photos("demo")


def test_a_damaged_photograph_is_replaced_and_counted(tmp_path: Path, photos) -> None:
    (tmp_path / "photo1.png").write_bytes(photos[0].read_bytes()[:200])
    dropped: list[str] = []
    album = Album(photos, SIZE, dropped.append)
    assert album.photo(1) is album.photo(2)
    assert dropped == ["unreadable"]
    for path in photos:
        path.write_bytes(b"no picture")
    with pytest.raises(CameraError, match="none of 3 photographs can be read"):
        Album(photos, SIZE).photo(0)


def test_a_frame_is_quick(photos) -> None:
    size = Size(1280, 720)
    stills = StillFilm(Album(photos, size), size, 30.0, 6.0, 0.01, 1)
    stills.picture(0)
    best = 1.0
    for number in range(1, 8):
        began = time.perf_counter()
        stills.picture(number)
        best = min(best, time.perf_counter() - began)
    assert best < 0.05  # about 8 ms on a free core; the bound is for a busy one


def test_a_closed_album_says_so(photos) -> None:
    """A picture that is taken while the camera closes must not raise what nobody expects."""
    with Album(photos, SIZE) as album:
        album.photo(0)
    album.photo(0)
    with pytest.raises(CameraError, match="the album is closed"):
        album.photo(1)
