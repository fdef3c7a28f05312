"""Other people's networks must paint as they did; the reference is written from TensorFlow's words:
out[i] = Σ in[i·stride + k - before]·w[k] for SAME, and the transpose of that on the way up."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from murai_show.errors import BankError, UsageError
from murai_show.style.bank import read_bank
from murai_show.train.peers import bank_entrants, open_peer
from tests.banks import write_small_bank
from tests.plans import DATA
from tests.train.test_importers import a_state
from tests.train.test_importers import reference as classic_reference

PEERS = DATA / "peers"


def some_variables(widths=(3, 4, 5), blocks=2) -> dict[str, np.ndarray]:
    """The variables of a small lengstrom network, weights at random, in TensorFlow's order."""
    draw = np.random.default_rng(4)
    one, two, four = widths
    kernels = [(9, 9, 3, one), (3, 3, one, two), (3, 3, two, four)]
    kernels += [(3, 3, four, four)] * (2 * blocks)
    kernels += [(3, 3, two, four), (3, 3, one, two), (9, 9, one, 3)]
    shifts = [one, two, four, *[four] * (2 * blocks), two, one, 3]
    arrays: list[np.ndarray] = []
    for kernel, channels in zip(kernels, shifts, strict=True):
        arrays += [
            draw.normal(0, 0.3, kernel),
            draw.normal(0, 0.3, channels),
            draw.uniform(0.2, 1, channels),
        ]
    return {
        f"Variable_{i}" if i else "Variable": array.astype(np.float32)
        for i, array in enumerate(arrays)
    }


def same(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """`x`: (H, W, in), `kernel`: (k, k, in, out); tf.nn.conv2d, padding SAME."""
    k = kernel.shape[0]
    out = [math.ceil(side / stride) for side in x.shape[:2]]
    total = [max((o - 1) * stride + k - s, 0) for o, s in zip(out, x.shape[:2], strict=True)]
    padded = np.pad(x, [(t // 2, t - t // 2) for t in total] + [(0, 0)])
    y = np.zeros((*out, kernel.shape[3]))
    for i in range(out[0]):
        for j in range(out[1]):
            seen = padded[i * stride : i * stride + k, j * stride : j * stride + k]
            y[i, j] = np.tensordot(seen, kernel, 3)
    return y


def same_transposed(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """`kernel`: (3, 3, out, in); tf.nn.conv2d_transpose, stride 2, SAME: of the strided convolution
    of a picture of twice the size, which pads one row after and none before, the transpose."""
    height, width = x.shape[:2]
    y = np.zeros((2 * height + 1, 2 * width + 1, kernel.shape[2]))
    for i in range(height):
        for j in range(width):
            y[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += kernel @ x[i, j]
    return y[: 2 * height, : 2 * width]


def reference(variables: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """The whole network; RGB 0..255 in and out, (H, W, 3)."""
    arrays = list(variables.values())
    layers = iter([arrays[i : i + 3] for i in range(0, len(arrays), 3)])

    def layer(x: np.ndarray, stride: int = 1, *, up: bool = False) -> np.ndarray:
        kernel, shift, scale = next(layers)
        y = same_transposed(x, kernel) if up else same(x, kernel, stride)
        normed = (y - y.mean((0, 1))) / np.sqrt(y.var((0, 1)) + 1e-3)
        return normed * scale + shift

    for stride in (1, 2, 2):
        x = np.maximum(layer(x, stride), 0)
    for _ in range((len(arrays) // 3 - 6) // 2):
        x = x + layer(np.maximum(layer(x), 0))
    for _ in range(2):
        x = np.maximum(layer(x, up=True), 0)
    return np.tanh(layer(x)) * 150 + 127.5


@pytest.mark.parametrize("size", [(16, 20), (13, 18)])
def test_a_lengstrom_network_paints_as_tensorflow_does(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    variables = some_variables()
    np.savez(tmp_path / "a.npz", **variables)  # pyright: ignore[reportArgumentType]
    peer = open_peer(str(tmp_path / "a.npz"), ["a"])
    photo = np.random.default_rng(5).uniform(0, 255, (*size, 3))
    expected = reference(variables, photo)[: size[0], : size[1]].clip(0, 255) / 255
    painted = peer.paint(torch.from_numpy(photo / 255).float().permute(2, 0, 1)[None])
    assert painted.shape == (1, 3, *size)
    assert np.abs(painted[0].permute(1, 2, 0).numpy() - expected).max() < 2e-3
    assert peer.parameters == sum(array.size for array in variables.values())
    assert (peer.name, peer.style, peer.kind, peer.peer) == ("a.npz", "a", "lengstrom", True)


def test_a_network_of_pytorch_examples_paints_as_it_did(tmp_path: Path) -> None:
    state = a_state()
    torch.save(state, tmp_path / "wave_old.pth")
    peer = open_peer(str(tmp_path / "wave_old.pth"), ["starry", "wave"])
    photo = torch.rand(2, 3, 24, 32)
    expected = (classic_reference(state, photo * 255) / 255).clamp(0, 1)
    assert (peer.paint(photo) - expected).abs().max() < 1 / 255
    assert (peer.name, peer.style, peer.kind) == ("wave_old", "wave", "pytorch/examples")
    assert list(tmp_path.iterdir()) == [tmp_path / "wave_old.pth"]


def test_the_styles_of_a_bank_paint_differently_with_one_network(tmp_path: Path) -> None:
    first, second = bank_entrants(read_bank(write_small_bank(tmp_path / "small.safetensors")))
    photo = torch.rand(1, 3, 32, 40)
    assert first.network is second.network
    assert not torch.allclose(first.paint(photo), second.paint(photo))
    assert [(e.name, e.style, e.peer) for e in (first, second)] == [
        ("a", "a", False),
        ("b", "b", False),
    ]


def test_the_style_of_a_peer_is_the_longest_that_its_name_begins_with(tmp_path: Path) -> None:
    np.savez(tmp_path / "wave_red_x.npz", **some_variables())  # pyright: ignore
    file = str(tmp_path / "wave_red_x.npz")
    assert open_peer(file, ["wave", "wave_red"]).style == "wave_red"
    assert open_peer(f"wave={file}", ["wave", "wave_red"]).style == "wave"


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ("mosaic.pth", r"which style is that\? write NAME=mosaic.pth, NAME one of wave, starry"),
        ("weve=x.npz", "no style 'weve' in this bank; did you mean wave"),
        ("wave.onnx", "write a .pth of pytorch/examples or a .npz of lengstrom"),
    ],
)
def test_a_peer_that_cannot_be_told(choice: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        open_peer(choice, ["wave", "starry"])


def test_other_archives_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BankError, match="no such file"):
        open_peer(str(tmp_path / "a.npz"), ["a"])
    (tmp_path / "a.npz").write_bytes(b"this is no archive")
    with pytest.raises(BankError, match=r"not a \.npz of plain arrays"):
        open_peer(str(tmp_path / "a.npz"), ["a"])
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "a.npz")
    with pytest.raises(BankError, match=r"not a \.npz of plain arrays"):
        open_peer(str(tmp_path / "a.npz"), ["a"])
    np.savez(tmp_path / "a.npz", Variable=np.array([object()]))
    with pytest.raises(BankError, match=r"not a \.npz of plain arrays"):
        open_peer(str(tmp_path / "a.npz"), ["a"])
    variables = some_variables()
    wrong = {**variables, "Variable_3": np.zeros((3, 3, 9, 4), np.float32)}
    np.savez(tmp_path / "a.npz", **wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(BankError, match="do not fit together"):
        open_peer(str(tmp_path / "a.npz"), ["a"])
    del variables["Variable_7"]
    np.savez(tmp_path / "a.npz", **variables)  # pyright: ignore[reportArgumentType]
    with pytest.raises(BankError, match="not a network of lengstrom"):
        open_peer(str(tmp_path / "a.npz"), ["a"])


@pytest.mark.skipif(not PEERS.is_dir(), reason="../shared/data/peers is not here")
def test_the_real_ones_open() -> None:
    assert open_peer(str(PEERS / "wave_lengstrom.npz"), ["wave"]).parameters == 1_677_638
    assert open_peer(str(PEERS / "udnie_lengstrom.npz"), ["udnie"]).parameters == 1_677_638
    assert open_peer(f"wave={PEERS / 'mosaic_nc16.pth'}", ["wave"]).parameters == 424_099
