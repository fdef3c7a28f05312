"""Painters on this machine's CPU: our engines beside the network that people use, in one run.

    python bench/engines.py [--bank montreal] [--size 640x360] [--rounds 9] [--json]

Every painter takes a frame and gives a picture, both (H, W, 3), uint8, RGB; in every round each has
its turn, a call to warm up and one that is timed, so that a noisy machine is noisy for all.  The
network of pytorch/examples fast_neural_style (Johnson et al. 2016 with instance norm) is run as
people run it: eager fp32, and exported to ONNX Runtime; its weights are random, which costs the
same.  Wants the extras `cpu` and `bench`.

    python bench/engines.py --rounds 0 --sheet docs/pictures/int8.jpg \\
        --content PHOTOS --pictures PAINTINGS --features VGG.safetensors

paints photographs that nothing was learned from in fp32 and in int8, tells style loss and SSIM for
each style, and draws them beside each other.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from murai_show.app import find_bank
from murai_show.frame import Frame
from murai_show.paint import contact_sheet, cropped
from murai_show.ports import Stylizer
from murai_show.practice import practice_frames
from murai_show.show.timeline import Look
from murai_show.show.words import Size, parse_size
from murai_show.style.bank import Bank, kernel_sets, read_bank
from murai_show.style.build import Engines, build_engines, find_engines
from murai_show.style.ensemble import Ensemble
from murai_show.style.judge import ssim
from murai_show.style.openvino import OpenvinoStylizer
from murai_show.style.pytorch import PytorchStylizer
from murai_show.train.cost import machine
from murai_show.train.data import list_photos
from murai_show.train.features import load_features
from murai_show.train.loss import content_loss, gram, style_loss
from murai_show.train.score import find_paintings, open_photos

Painter = Callable[[np.ndarray], np.ndarray]


class Residual(nn.Module):
    """x + norm(conv(relu(norm(conv(x)))))"""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            *layer(channels, channels, 3), *layer(channels, channels, 3)[:-1]
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


def layer(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    return [
        nn.ReflectionPad2d(kernel // 2),
        nn.Conv2d(inputs, outputs, kernel, stride),
        nn.InstanceNorm2d(outputs, affine=True),
        nn.ReLU(),
    ]


def johnson() -> nn.Module:
    """9×9 to 32 channels, two strides, five residual blocks of 128, two up-samplings, 9×9 out."""
    return nn.Sequential(
        *layer(3, 32, 9),
        *layer(32, 64, 3, 2),
        *layer(64, 128, 3, 2),
        *(Residual(128) for _ in range(5)),
        nn.Upsample(scale_factor=2),
        *layer(128, 64, 3),
        nn.Upsample(scale_factor=2),
        *layer(64, 32, 3),
        nn.ReflectionPad2d(4),
        nn.Conv2d(32, 3, 9),
    ).eval()


def eager(network: nn.Module) -> Painter:
    @torch.inference_mode()
    def paint(frame: np.ndarray) -> np.ndarray:
        picture = network(torch.from_numpy(frame).permute(2, 0, 1)[None].float())
        return picture[0].clamp(0, 255).permute(1, 2, 0).to(torch.uint8).numpy()

    return paint


def through_onnx(network: nn.Module, size: Size) -> Painter:
    import onnxruntime

    file = io.BytesIO()
    example = torch.zeros(1, 3, size.height, size.width)
    torch.onnx.export(network, (example,), file, dynamo=False)  # pyright: ignore[reportArgumentType]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(file.getvalue(), options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def paint(frame: np.ndarray) -> np.ndarray:
        wide = np.ascontiguousarray(frame.transpose(2, 0, 1)[None], np.float32)
        picture = np.asarray(session.run(None, {name: wide})[0])
        return picture[0].clip(0, 255).transpose(1, 2, 0).astype(np.uint8)

    return paint


def ours(stylizer: Stylizer) -> Painter:
    look = Look(((stylizer.styles[0], 1.0),))
    return lambda frame: stylizer(Frame(frame, 0.0, 0.0, 1, "bench"), look).pixels


def open_engines(bank: Bank) -> Engines:
    say = partial(print, file=sys.stderr)
    return find_engines(bank) or build_engines(bank, practice_frames, say)


def opened(bank: Bank, precision: str, size: Size) -> Stylizer:
    """`bank` in OpenVINO, all of its kernel sets in `precision`."""
    parts = kernel_sets(bank)
    programs = [open_engines(part).program(precision) for part in parts]
    return Ensemble([OpenvinoStylizer(*pair, size) for pair in zip(parts, programs, strict=True)])


def race(painters: dict[str, Painter], size: Size, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each painter in every round."""
    frame = np.random.default_rng(1).integers(0, 256, (size.height, size.width, 3), np.uint8)
    taken: dict[str, list[float]] = {name: [] for name in painters}
    for _ in range(rounds):
        for name, paint in painters.items():
            paint(frame)
            begun = time.perf_counter()
            paint(frame)
            taken[name].append((time.perf_counter() - begun) * 1e3)
    return taken


def speeds(bank: Bank, size: Size, rounds: int) -> dict[str, object]:
    """Medians, spreads, and how often each paints while the network that people use paints once."""
    first = kernel_sets(bank)[0]
    engines = open_engines(first)
    people = johnson()
    painters: dict[str, Painter] = {
        "pytorch/examples, eager": eager(people),
        "pytorch/examples, ONNX Runtime": through_onnx(people, size),
        f"{bank.path.stem}, pytorch": ours(PytorchStylizer(first, size)),
    }
    for precision in engines.precisions:
        stylizer = OpenvinoStylizer(first, engines.program(precision), size)
        painters[f"{bank.path.stem}, openvino {precision}"] = ours(stylizer)
    taken = race(painters, size, rounds)
    slow, onnx = (taken[name] for name in list(painters)[:2])

    def times(other: list[float], own: list[float]) -> float:
        return round(statistics.median(a / b for a, b in zip(other, own, strict=True)), 1)

    return {
        name: {
            "ms": round(statistics.median(own), 1),
            "least": round(min(own), 1),
            "most": round(max(own), 1),
            "times eager": times(slow, own),
            "times ONNX Runtime": times(onnx, own),
        }
        for name, own in taken.items()
    }


@torch.inference_mode()
def pictures(bank: Bank, content: Path, folder: Path, vgg: Path, sheet: Path) -> dict[str, object]:
    """Style and content loss in fp32 and int8, and their likeness, on 8 photographs."""
    features = load_features(vgg)
    paintings, _ = find_paintings(bank.card.styles, folder)
    photos = [
        (photo.pixels * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        for photo in open_photos(list_photos(content), 8)
    ]
    side = photos[0].shape[0]
    exact, quick = (opened(bank, precision, Size(side, side)) for precision in ("fp32", "int8"))
    found: dict[str, object] = {}
    for style in bank.card.names:
        target = {k: gram(v)[0] for k, v in features.network(paintings[style].pixels[None]).items()}
        losses: dict[str, list[float]] = {"fp32": [], "int8": [], "ssim": [], "content": []}
        for photo in photos:
            frame, look = Frame(photo, 0.0, 0.0, 1, "bench"), Look(((style, 1.0),))
            one, other = (s(frame, look).pixels for s in (exact, quick))
            losses["ssim"].append(ssim(one, other))
            contents: list[float] = []
            for name, picture in (("fp32", one), ("int8", other)):
                seen = features.network(_tensor(picture))
                styled = {layer: seen[layer] for layer in features.style}
                losses[name].append(style_loss(styled, [target]).item())
                wanted = features.network(_tensor(photo))[features.content]
                contents.append(content_loss(seen[features.content], wanted).item())
            losses["content"].append(contents[1] / contents[0])
        fp32, int8 = statistics.mean(losses["fp32"]), statistics.mean(losses["int8"])
        found[style] = {
            "style fp32": round(fp32, 5),
            "style int8": round(int8, 5),
            "style int8 / fp32": round(int8 / fp32, 4),
            "content int8 / fp32": round(statistics.mean(losses["content"]), 4),
            "ssim": round(statistics.mean(losses["ssim"]), 4),
        }
        print(style, found[style], file=sys.stderr, flush=True)
    draw(bank, sheet)
    return found


def _tensor(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255.0


def draw(bank: Bank, sheet: Path) -> None:
    """Every style over one photograph: fp32 above, int8 below it."""
    view = np.asarray(cropped(Image.fromarray(practice_frames().unseen[0]), (480, 300)))
    tile, head, gap = (300, 188), 30, 6  # as contact_sheet lays them out
    exact, quick = (
        contact_sheet(opened(bank, precision, Size(480, 300)), [view], tile, originals=False)
        for precision in ("fp32", "int8")
    )
    row = tile[1] + gap
    bands = exact.height // (head + row)
    both = Image.new("RGB", (exact.width, bands * (head + 2 * row)), (17, 17, 20))
    for band in range(bands):
        top, then = band * (head + row), band * (head + 2 * row)
        both.paste(exact.crop((0, top, exact.width, top + head + row)), (0, then))
        below = quick.crop((0, top + head, quick.width, top + head + row))
        both.paste(below, (0, then + head + row))
    both.save(sheet, quality=80)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--bank", default="montreal")
    options.add_argument("--size", type=parse_size, default=Size(640, 360))
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--sheet", type=Path)
    options.add_argument("--content", type=Path)
    options.add_argument("--pictures", type=Path)
    options.add_argument("--features", type=Path)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    bank = read_bank(find_bank(given.bank, Path.cwd()))
    found: dict[str, object] = {"machine": machine(), "size": str(given.size)}
    if given.rounds:
        found["painters"] = speeds(bank, given.size, given.rounds)
    if given.sheet:
        told = partial(pictures, bank, given.content, given.pictures, given.features)
        found["pictures"] = told(given.sheet)
    print(json.dumps(found, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
