"""A school in miniature: a VGG with four channels a layer, six photographs, two paintings."""

from __future__ import annotations

import os
import subprocess
import sys
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
from murai_show.train.lesson import Painting
from murai_show.train.recipe import Recipe
from murai_show.train.run import Training
from tests.plans import REPOSITORY
from tests.train.mini import CONFIG


@dataclass(frozen=True)
class School:
    content: Path
    features: Path
    pictures: dict[str, Path]
    paintings: tuple[Painting, ...]
    recipe: Recipe

    def training(self, place: Path, **changed) -> Training:
        facts = {
            "paintings": self.paintings,
            "content": self.content,
            "features": self.features,
            "bank": place / "bank.safetensors",
            "recipe": self.recipe,
            "folder": place / "run",
        }
        return Training(**{**facts, **changed})

    def words(self, *pictures: str) -> list[str]:
        """`train` and what it always needs here, for the command line; all pictures when none."""
        chosen = [str(self.pictures[name]) for name in pictures or self.pictures]
        return [
            "train",
            *chosen,
            *("--content", str(self.content)),
            *("--features", str(self.features)),
            *("--batch", "2", "--crop-side", "32", "--last-crop-side", "40"),
            *("--precision", "fp32"),  # not auto: every machine shall learn the same
        ]

    def process(self, folder: Path, *words: str, every: float = 30.0, **options):
        """`murai-show` with `words` in a process of its own, in `folder`; a Popen."""
        command = [sys.executable, "-m", "tests.train.mini", str(every), *words]
        return start(command, folder, **options)


def start(command: list[str], folder: Path, **options) -> subprocess.Popen[str]:
    folder.mkdir(parents=True, exist_ok=True)
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    usual = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environ, **{**usual, **options})


def save_vgg(
    path: Path, depth=19, about: dict[str, str] | None = None, leave_out: str = ""
) -> Path:
    """A VGG of four channels a layer, with the metadata that real files have."""
    torch.manual_seed(11)
    weights, inputs = {}, 3
    for block, count in enumerate(BLOCKS[depth], start=1):
        for i in range(1, count + 1):
            # The input is -124..151 around zero; this keeps every layer's features of that order.
            weights[f"conv{block}_{i}.weight"] = torch.randn(4, inputs, 3, 3) * 0.3
            weights[f"conv{block}_{i}.bias"] = torch.rand(4)
            inputs = 4
    weights.pop(leave_out, None)
    usual = {"arch": f"vgg{depth}", "input": "BGR, 0..255, minus mean"}
    save_file(weights, path, usual if about is None else about)
    return path


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> School:
    monkeypatch.setitem(painter.SIZES, "mini", CONFIG)  # pyright: ignore
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
    features = save_vgg(tmp_path / "vgg.safetensors")
    recipe = Recipe(
        size="mini", steps=8, batch=2, crop=32, last_crop=40, style_side=48, precision="fp32"
    )  # not "auto": every machine shall learn the same
    paintings = tuple(Painting(file, StyleCard(name)) for name, file in pictures.items())
    return School(content, features, pictures, paintings, recipe)
