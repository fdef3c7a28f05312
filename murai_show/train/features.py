"""What the school looks with: a VGG, and the layers that carry content and style in it."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from murai_show.errors import TrainError
from murai_show.nets.vgg import BLOCKS, Convention, Depth, VggFeatures

# torchvision's VGG-16, ImageNet weights: what Johnson et al. 2016 looked with, in today's file.
VGG16_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"

# torch checks the hash of what it fetches, not of what lies in its cache already: this is what the
# restricted unpickler trips over in a damaged file.
_DAMAGED = (EOFError, ValueError, LookupError, pickle.UnpicklingError)


@dataclass(frozen=True)
class Features:
    """A frozen network, and the layers to compare at.  `name` travels in the bank's card."""

    network: VggFeatures
    content: str
    style: tuple[str, ...]
    name: str

    def to(self, device: torch.device) -> Features:
        self.network.to(device)
        return self


CONTENT: dict[Depth, str] = {16: "relu3_3", 19: "relu4_2"}
STYLE: dict[Depth, tuple[str, ...]] = {
    16: ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),  # Johnson et al. 2016, §4.1
    19: ("relu1_1", "relu2_1", "relu3_1", "relu4_1"),  # Gatys et al. 2016, §3, as far as block 4
}


def load_features(path: Path | None) -> Features:
    """Read VGG weights from a safetensors file, or fetch VGG-16 when `path` is None.

    The file's metadata says which network it is (``arch``) and how its input is made (``input``).
    Raises TrainError when the file is not that, or when the weights cannot be fetched.
    """
    if path is None:
        return _features(_fetch_vgg16(), 16, "rgb1", "vgg16-397923af (torchvision)", VGG16_URL)
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            weights = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 - not a dict
    except FileNotFoundError:
        raise TrainError(f"{path}: no such file; --features names VGG weights") from None
    except (OSError, SafetensorError) as error:
        raise TrainError(f"{path}: not a safetensors file: {error}") from None
    depth, convention = _read_about(path, about)
    return _features(weights, depth, convention, path.name, str(path))


def _read_about(path: Path, about: dict[str, str]) -> tuple[Depth, Convention]:
    arch, made = about.get("arch", ""), about.get("input", "")
    depths: list[Depth] = [d for d in BLOCKS if arch.lower().startswith(f"vgg{d}")]
    if not depths:
        raise TrainError(
            f"{path}: not VGG weights: its metadata says arch {arch!r}; "
            "it should begin with vgg16 or vgg19"
        )
    if made.startswith("BGR, 0..255"):
        return depths[0], "bgr255"
    if made.startswith("RGB, 0..1"):
        return depths[0], "rgb1"
    raise TrainError(
        f"{path}: its metadata says input {made!r}; it should begin with 'BGR, 0..255' "
        "(the original's) or 'RGB, 0..1' (torchvision's)"
    )


def _features(
    weights: dict[str, Tensor], depth: Depth, convention: Convention, name: str, where: str
) -> Features:
    layers = (*STYLE[depth], CONTENT[depth])
    _check_shapes(weights, where)
    try:
        network = VggFeatures(weights, tuple(dict.fromkeys(layers)), depth, convention)
    except KeyError as error:
        raise TrainError(f"{where}: not VGG-{depth} weights: {error} is missing") from None
    return Features(network, CONTENT[depth], STYLE[depth], name)


def _check_shapes(weights: dict[str, Tensor], where: str) -> None:
    """Raises TrainError for the first convolution that does not fit the one before it."""
    inputs = 3
    for name in sorted(key for key in weights if key.endswith(".weight")):
        found = tuple(weights[name].shape)
        if len(found) != 4 or found[1:] != (inputs, 3, 3):
            raise TrainError(f"{where}: {name} has shape {found}, not (any, {inputs}, 3, 3)")
        inputs = found[0]


def _fetch_vgg16() -> dict[str, Tensor]:
    """torchvision's file, once, into torch's own cache; its hash is checked, nothing unpickles."""
    try:
        state = torch.hub.load_state_dict_from_url(
            VGG16_URL, map_location="cpu", check_hash=True, weights_only=True
        )
    except (OSError, RuntimeError, *_DAMAGED) as error:
        raise TrainError(
            f"VGG-16 cannot be fetched: {error}; give a file of weights with --features"
        ) from None
    weights: dict[str, Tensor] = {}
    index = 0  # torchvision numbers its layers: convolution, ReLU, …, pooling
    for block, count in enumerate(BLOCKS[16], start=1):
        for i in range(1, count + 1):
            weights[f"conv{block}_{i}.weight"] = state[f"features.{index}.weight"]
            weights[f"conv{block}_{i}.bias"] = state[f"features.{index}.bias"]
            index += 2
        index += 1
    return weights
