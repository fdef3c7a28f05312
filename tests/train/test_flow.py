import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import map_coordinates

from murai_show.errors import TrainError
from murai_show.train.flow import (
    MAGIC,
    Pair,
    chain,
    find_pairs,
    hidden,
    inside,
    read_flo,
    warp,
    write_flo,
)
from murai_show.train.stability import warping_error
from tests.plans import DATA

FLOW = DATA / "flow"


def constant(x: float, y: float, height: int = 32, width: int = 40) -> torch.Tensor:
    return torch.tensor([float(x), float(y)]).view(2, 1, 1).expand(2, height, width).contiguous()


def write_frames(folder: Path, numbers: range, pattern: str, step: int = 2) -> None:
    """Frames of a texture that walks `step` pixels to the right from one to the next."""
    folder.mkdir(parents=True, exist_ok=True)
    texture = np.random.default_rng(3).integers(0, 256, (32, 80, 3), np.uint8)
    for number in numbers:
        left = 40 - step * (number - numbers[0])
        Image.fromarray(texture[:, left : left + 40]).save(folder / pattern.format(number))


def test_a_flow_comes_back_as_it_was_written(tmp_path: Path) -> None:
    flow = torch.randn(2, 7, 11)
    flow[:, 2, 3] = torch.nan
    write_flo(tmp_path / "a.flo", flow)
    assert torch.equal(read_flo(tmp_path / "a.flo").nan_to_num(99), flow.nan_to_num(99))
    data = (tmp_path / "a.flo").read_bytes()
    assert data[:4] == b"PIEH"  # what MAGIC spells, by the format's own page
    assert np.frombuffer(data, "<i4", 2, 4).tolist() == [11, 7]  # width comes first


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a .flo file"),
        (b"P5 12 12 255 ...", "not a .flo file"),
        (
            np.float32(MAGIC).tobytes() + np.array([-3, 5], np.int32).tobytes(),
            "-3x5 pixels cannot be meant",
        ),
        (
            np.float32(MAGIC).tobytes() + np.array([3, 5], np.int32).tobytes(),
            "12 bytes; .* 3x5 .* has 132",
        ),
    ],
)
def test_broken_flows(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "a.flo").write_bytes(content)
    with pytest.raises(TrainError, match=sentence):
        read_flo(tmp_path / "a.flo")
    with pytest.raises(TrainError, match="cannot be read"):
        read_flo(tmp_path / "none.flo")


def test_warp_is_what_scipy_interpolates() -> None:
    torch.manual_seed(1)
    picture, flow = torch.rand(3, 20, 30), torch.randn(2, 20, 30) * 5
    y, x = np.mgrid[:20, :30]
    places = [y + flow[1].numpy(), x + flow[0].numpy()]
    expected = [map_coordinates(c.numpy(), places, order=1, mode="nearest") for c in picture]
    assert np.abs(warp(picture, flow).numpy() - np.stack(expected)).max() < 1e-4


def test_inside_knows_the_borders() -> None:
    assert inside(constant(0, 0)).all()
    found = inside(constant(3, -2))
    assert found[2:, :-3].all()
    assert not found[:2].any()
    assert not found[:, -3:].any()


def test_chained_translations_add_up() -> None:
    everywhere = torch.ones(32, 40, dtype=torch.bool)
    flow, mask = chain((constant(2, -1), everywhere), (constant(0.5, 3), everywhere))
    assert torch.allclose(flow, constant(2.5, 2))
    assert torch.equal(mask, inside(constant(2, -1)) & inside(constant(2.5, 2)))


def test_chained_flow_and_mask_are_read_where_the_first_flow_leads() -> None:
    everywhere = torch.ones(32, 40, dtype=torch.bool)
    second = torch.zeros(2, 32, 40)
    second[0, 10, 20] = 8.0
    gap = everywhere.clone()
    gap[15, 25] = False
    flow, mask = chain((constant(3, 0), everywhere), (second, gap))
    assert flow[0, 10, 17] == pytest.approx(11, abs=1e-4)  # 17 + 3 is 20
    assert flow[0, 10, 20] == pytest.approx(3, abs=1e-4)
    assert not mask[15, 22]
    assert mask[15, 25]


def test_what_a_moving_square_hides_is_hidden() -> None:
    """A square of 8 walks 4 to the right over a still background: the 4 columns it moves onto."""
    flow = torch.zeros(2, 32, 40)
    flow[0, 10:18, 10:18] = 4.0
    found = hidden(flow)
    assert found[10:18, 18:22].all()
    assert found.sum() <= 10 * (4 + 4 + 4)  # with what hides it, and a border of one
    assert not found[:8].any()
    assert not found[:, 24:].any()
    assert not hidden(constant(5, 3)).any()


@pytest.mark.parametrize("layout", ["split", "flat", "official"])
def test_scenes_in_the_manner_of_sintel(tmp_path: Path, layout: str) -> None:
    clean, flows = {
        "split": (tmp_path / "alley/clean", tmp_path / "alley/flow"),
        "flat": (tmp_path / "alley", tmp_path / "alley"),
        "official": (tmp_path / "clean/alley", tmp_path / "flow/alley"),
    }[layout]
    write_frames(clean, range(1, 5), "frame_{:04}.png")
    flows.mkdir(parents=True, exist_ok=True)
    for number in (1, 2, 3, 4):  # the last leads to a frame that is not here
        write_flo(flows / f"frame_{number:04}.flo", constant(2, 0))
    pairs = list(find_pairs(tmp_path, (1, 2, 10)))
    assert [(p.group, p.scene, p.gap) for p in pairs] == [
        *[("sintel", "alley", 1)] * 3,
        *[("sintel", "alley", 2)] * 2,
        ("sintel", "alley", 3),  # ten are not to be had: the longest there is
    ]
    assert pairs[0].after is pairs[1].before
    for pair in pairs:
        assert warping_error(pair.before, pair.after, pair) < 1e-6
        assert torch.equal(pair.mask, inside(constant(2.0 * pair.gap, 0)))


def test_masks_of_sintel_are_obeyed(tmp_path: Path) -> None:
    write_frames(tmp_path / "a/clean", range(2, 4), "frame_{:04}.png")
    (tmp_path / "a/flow").mkdir()
    write_flo(tmp_path / "a/flow/frame_0002.flo", constant(0, 0))
    for kind, row in (("occlusions", 5), ("invalid", 9)):
        white = np.zeros((32, 40), np.uint8)
        white[row] = 255
        (tmp_path / f"a/{kind}").mkdir()
        Image.fromarray(white).save(tmp_path / f"a/{kind}/frame_0002.png")
    (pair,) = find_pairs(tmp_path)
    assert (~pair.mask).nonzero()[:, 0].unique().tolist() == [5, 9]


def test_scenes_in_the_manner_of_middlebury(tmp_path: Path) -> None:
    write_frames(tmp_path / "Venus", range(10, 12), "frame{}.png")
    flow = constant(2, 0)
    flow[:, 3, 4] = 2e9  # the format's word for unknown
    write_flo(tmp_path / "Venus/flow10.flo", flow)
    (pair,) = find_pairs(tmp_path, (1, 10))
    assert (pair.group, pair.scene, pair.gap) == ("middlebury", "Venus", 1)
    assert not pair.mask[3, 4]
    assert pair.mask[3, 5]
    assert pair.flow.abs().max() == 2
    assert warping_error(pair.before, pair.after, pair) < 1e-6


def test_folders_without_a_pair(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no such folder; --flow names"):
        next(find_pairs(tmp_path / "none"))
    write_flo(tmp_path / "frame_0001.flo", constant(0, 0))
    with pytest.raises(TrainError, match="no frames with their flow in it"):
        next(find_pairs(tmp_path))
    write_frames(tmp_path, range(1, 3), "frame_{:04}.png")
    write_flo(tmp_path / "frame_0001.flo", constant(0, 0, 30))
    with pytest.raises(TrainError, match="a flow of 40x30 pixels beside frames of 40x32"):
        next(find_pairs(tmp_path))


@pytest.mark.skipif(not FLOW.is_dir(), reason="../shared/data/flow is not here")
def test_real_flow_leads_from_frame_to_frame(tmp_path: Path) -> None:
    """Warped, the frames of alley_1 differ a quarter as much; and a mask made from the flow alone
    leaves the error that Sintel's own mask leaves."""
    shutil.copytree(FLOW / "sintel/alley_1", tmp_path / "own/alley_1")
    shutil.copytree(
        FLOW / "sintel/alley_1",
        tmp_path / "made/alley_1",
        ignore=shutil.ignore_patterns("occlusions", "invalid"),
    )
    own, made = (
        next(p for i, p in enumerate(find_pairs(tmp_path / k, (1,))) if i == 1)
        for k in ("own", "made")
    )
    error = warping_error(own.before, own.after, own)
    still = Pair("", "", 1, own.before, own.after, torch.zeros_like(own.flow), own.mask)
    assert error < 0.25 * warping_error(own.before, own.after, still)
    assert warping_error(made.before, made.after, made) == pytest.approx(error, rel=0.05)
