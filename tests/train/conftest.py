"""A school in miniature: a VGG with four channels a layer, six photographs, two paintings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from murai_show.nets import painter
from murai_show.nets.vgg import BLOCKS
from murai_show.style.card import StyleCard
from murai_show.train.recipe import Recipe
from murai_show.train.run import Painting


@dataclass(frozen=True)
class School:
    content: Path
    features: Path
    pictures: dict[str, Path]
    paintings: list[Painting]
    recipe: Recipe


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> School:
    mini = {"half": 4, "quarter": 6, "blocks": 1}
    monkeypatch.setitem(painter.SIZES, "mini", mini)  # pyright: ignore
    draw = np.random.default_rng(7)
    content = tmp_path / "photos"
    content.mkdir()
    for i in range(6):
        noise = draw.integers(0, 256, (12, 16, 3), np.uint8)
        Image.fromarray(noise).resize((80, 60)).save(content / f"{i}.jpg")
    pictures = {}
    for name in ("dots", "lines"):
        pictures[name] = tmp_path / f"{name}.png"
        noise = draw.integers(0, 256, (20, 20 if name == "dots" else 2, 3), np.uint8)
        Image.fromarray(noise).resize((64, 64)).save(pictures[name])
    torch.manual_seed(11)
    weights, inputs = {}, 3
    for block, count in enumerate(BLOCKS[19], start=1):
        for i in range(1, count + 1):
            # The input is -124..151 around zero; this keeps every layer's features of that order.
            weights[f"conv{block}_{i}.weight"] = torch.randn(4, inputs, 3, 3) * 0.3
            weights[f"conv{block}_{i}.bias"] = torch.rand(4)
            inputs = 4
    about = {"arch": "vgg19", "input": "BGR, 0..255, minus mean"}
    save_file(weights, tmp_path / "vgg.safetensors", about)
    recipe = Recipe(size="mini", steps=8, batch=2, crop=32, last_crop=40, style_side=48)
    paintings = [Painting(file, StyleCard(name)) for name, file in pictures.items()]
    return School(content, tmp_path / "vgg.safetensors", pictures, paintings, recipe)
