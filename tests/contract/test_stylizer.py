"""Every engine that the schema allows passes these."""

from typing import Any

import numpy as np
import pytest

from murai_show.errors import BankError
from murai_show.frame import Frame
from murai_show.ports import Batching
from murai_show.show.plan import PlannedBank
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style import ENGINES, ON_GPU, open_stylizer
from tests.banks import write_bank_of_two, write_small_bank

PAINT = Size(64, 36)


@pytest.fixture(scope="module", params=["one network", "two networks"])
def bank(request, tmp_path_factory):
    """`a` and `b`, which share a network or do not."""
    path = tmp_path_factory.mktemp("bank") / "small.safetensors"
    if request.param == "one network":
        return write_small_bank(path)
    return write_bank_of_two(path, ("a", "b"))


def on_host(picture: Frame) -> np.ndarray:
    """The pixels, wherever they lie."""
    pixels = picture.pixels
    return pixels if isinstance(pixels, np.ndarray) else pixels.cpu().numpy()


@pytest.fixture(
    params=[pytest.param(e, marks=pytest.mark.needs_gpu if e in ON_GPU else ()) for e in ENGINES]
)
def stylizer(request, bank):
    if request.param == "tensorrt":
        pytest.importorskip("tensorrt", reason="TensorRT is not installed")
    opened = open_stylizer(PlannedBank("small", bank, request.param, ("a", "b")), PAINT)
    yield opened
    opened.close()


def a_frame(width: int = 64, height: int = 36) -> Frame:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    return Frame(pixels, 1.5, 2.5, 7, "square")


def test_it_names_itself(stylizer, request) -> None:
    assert stylizer.engine == request.node.callspec.params["stylizer"]
    assert stylizer.styles == ("a", "b")


@pytest.mark.parametrize(
    ("given", "painted"),
    [((64, 36), (64, 36)), ((128, 72), (64, 36)), ((64, 48), (48, 36)), ((30, 90), (16, 36)),
     ((32, 20), (32, 20)), ((127, 71), (64, 36))],
)  # fmt: skip
def test_it_paints_inside_the_paint_size_and_keeps_the_moment(stylizer, given, painted) -> None:
    frame = a_frame(*given)
    out = stylizer(frame, Look((("a", 1.0),)))
    assert (out.width, out.height) == painted
    assert on_host(out).dtype == np.uint8
    assert (out.pts, out.captured, out.number, out.camera) == (1.5, 2.5, 7, "square")


def test_the_frame_is_left_as_it_was(stylizer) -> None:
    frame = a_frame()
    before = frame.pixels.copy()
    stylizer(frame, Look((("b", 1.0),)))
    assert np.array_equal(frame.pixels, before)


def test_a_frame_that_cannot_be_written_is_painted(stylizer, recwarn) -> None:
    frame = a_frame()
    frame.pixels.flags.writeable = False
    stylizer(frame, Look((("a", 1.0),)))
    assert not recwarn.list


def test_a_mix_is_taken(stylizer) -> None:
    out = stylizer(a_frame(), Look((("a", 0.25), ("b", 0.75))))
    assert out.pixels.shape == (36, 64, 3)


def test_the_same_frame_gives_the_same_picture(stylizer) -> None:
    look = Look((("a", 1.0),))
    one, other = (on_host(stylizer(a_frame(), look)) for _ in range(2))
    assert np.array_equal(one, other)


def test_an_unknown_style_is_a_key_error(stylizer) -> None:
    with pytest.raises(KeyError):
        stylizer(a_frame(), Look((("nobody", 1.0),)))


def scenes_of(*sizes: tuple[int, int]) -> list[Frame]:
    """Frames that differ, numbered from 1."""
    draw = np.random.default_rng(2)
    return [
        Frame(draw.integers(0, 256, (h, w, 3), np.uint8), i / 10, float(i), i, f"camera-{i}")
        for i, (w, h) in enumerate(sizes, 1)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_together_is_as_one_by_one(stylizer, count) -> None:
    """To the bit where the engine adds in the same order; a .5 may round either way."""
    assert isinstance(stylizer, Batching)
    frames, look = scenes_of(*[(64, 36)] * count), Look((("a", 0.5), ("b", 0.5)))
    together = stylizer.paint_all(frames, look)
    assert [f.camera for f in together] == [f.camera for f in frames]
    singly: Any = stylizer
    for frame, painted in zip(frames, together, strict=True):
        alone = on_host(singly(frame, look)).astype(int)
        difference = np.abs(on_host(painted).astype(int) - alone)
        assert difference.max() <= 1
        assert (difference > 0).mean() < 0.01
    assert len({id(f.pixels) for f in together}) == count


def test_frames_of_many_sizes_come_back_in_their_order(stylizer) -> None:
    frames = scenes_of((64, 36), (64, 48), (128, 72), (32, 20), (64, 48), (64, 36))
    look = Look((("b", 1.0),))
    together = stylizer.paint_all(frames, look)
    assert [f.number for f in together] == [1, 2, 3, 4, 5, 6]
    sizes = [(f.width, f.height) for f in together]
    assert sizes == [(64, 36), (48, 36), (64, 36), (32, 20), (48, 36), (64, 36)]
    for frame, painted in zip(frames, together, strict=True):
        alone = on_host(stylizer(frame, look)).astype(int)
        assert np.abs(on_host(painted).astype(int) - alone).max() <= 1
    assert tuple(stylizer.paint_all([], look)) == ()


def test_together_too_a_look_is_lit_and_known(stylizer) -> None:
    frames = scenes_of((64, 36), (64, 36))
    with pytest.raises(KeyError):
        stylizer.paint_all(frames, Look((("nobody", 1.0),)))
    with pytest.raises(ValueError, match="dark"):
        stylizer.paint_all(frames, Look((), 0.0))


def test_a_dark_look_is_refused(stylizer) -> None:
    with pytest.raises(ValueError, match="dark"):
        stylizer(a_frame(), Look((), 0.0))


def test_a_fade_walks_from_one_style_to_the_other(stylizer) -> None:
    """The ends of a mix are the styles themselves, the middle is neither."""
    if stylizer.engine == "identity":
        pytest.skip("it paints nothing")
    a, middle, b = (
        on_host(stylizer(a_frame(), Look(mix))).astype(int)
        for mix in ((("a", 1.0),), (("a", 0.5), ("b", 0.5)), (("b", 1.0),))
    )
    assert np.abs(a - b).mean() > 1
    assert np.abs(a - middle).mean() < np.abs(a - b).mean()
    assert np.abs(b - middle).mean() < np.abs(a - b).mean()


def test_weights_that_do_not_fit_their_card(tmp_path) -> None:
    bank = write_small_bank(tmp_path / "small.safetensors")
    card = bank.with_suffix(".json")
    card.write_text(card.read_text().replace('"half": 8', '"half": 9'))
    with pytest.raises(BankError, match=r"small\.safetensors: the weights do not fit its card"):
        open_stylizer(PlannedBank("small", bank, "pytorch", ("a", "b")), PAINT)
