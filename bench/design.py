"""Which painter learns most for its arithmetic?  Short trainings of one style, a row per design.

Every design learns the same painting from the same crops in the same order; only the network (or
the optimiser) differs.  Losses are those of `murai-show score` on held-out photographs.  `plain`
is the shipped `Painter`; the others are `Sketch`es, kept here because they did not make it.

    python bench/design.py --photos TRAIN --heldout FOLDER --features VGG.safetensors \\
        --style PICTURE --steps 400 plain skip …
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from murai_show.nets.conditional import ConditionalNorm, neutral_style, pairs
from murai_show.train.data import Photos, list_photos, open_picture
from murai_show.train.features import Features, load_features
from murai_show.train.lesson import sensor_noise
from murai_show.train.loss import content_loss, gram, noise_loss, style_loss, total_variation
from murai_show.train.muon import Muon

EPS = 1e-3


@dataclass(frozen=True)
class Design:
    """`fold`: ×2 or ×4 unshuffle; widths at 1/2 (or 1/4 when folded by 4), 1/4 and 1/8."""

    fold: int = 2
    half: int = 32
    quarter: int = 64
    blocks: int = 4
    eighth: int = 0  # with a width here the blocks work at 1/8
    skip: bool = False  # add the first layer's features before the last normalised one
    edge_kernel: int = 3  # of the first and the last convolution
    depthwise: bool = False  # blocks of a depthwise 3×3 and a 1×1
    dilate: int = 1  # of every second block
    optimiser: str = "adam"
    rate: float = 2e-3
    smooth: bool = True  # mean of each 2×2 after the shuffle


DESIGNS = {
    "plain": Design(),
    "narrow": Design(quarter=56),
    "short": Design(half=24, blocks=3),
    "skip": Design(skip=True),
    "skip-narrow": Design(quarter=56, skip=True),
    "dilated": Design(dilate=2),
    "eighth": Design(half=32, quarter=48, eighth=96, blocks=4, skip=True),
    "depthwise": Design(quarter=96, depthwise=True, blocks=6),
    "edge5": Design(edge_kernel=5),
    "fold4": Design(fold=4, half=64, quarter=64, blocks=4),
    "muon": Design(optimiser="muon", rate=0.05),
    "muon-calm": Design(optimiser="muon", rate=0.02),
    "torch-muon": Design(optimiser="torch-muon", rate=6e-3),
    "kiosk": Design(optimiser="muon", rate=0.05, quarter=56),
    "kiosk-short": Design(optimiser="muon", rate=0.05, half=24, blocks=3),
    "kiosk-eighth": Design(optimiser="muon", rate=0.05, quarter=48, eighth=96),
    "kiosk-depthwise": Design(optimiser="muon", rate=0.05, quarter=96, depthwise=True, blocks=6),
    "kiosk-dilated": Design(optimiser="muon", rate=0.05, quarter=56, dilate=2),
    "kiosk-edge5": Design(optimiser="muon", rate=0.05, quarter=56, edge_kernel=5),
    "kiosk-fold4": Design(optimiser="muon", rate=0.05, fold=4, half=64),
    "kiosk-rough": Design(optimiser="muon", rate=0.05, quarter=56, smooth=False),
    "pocket": Design(optimiser="muon", rate=0.05, half=16, quarter=40, blocks=3),
    "pocket-eighth": Design(optimiser="muon", rate=0.05, half=16, quarter=32, eighth=64, skip=True),
    "rough": Design(smooth=False),
    "stage": Design(half=48, quarter=96, blocks=4),
    "stage-skip": Design(half=48, quarter=96, blocks=4, skip=True),
    "fast": Design(rate=4e-3),
}


class Sketch(nn.Module):
    def __init__(self, design: Design) -> None:
        super().__init__()
        self.design = d = design
        deep = d.quarter if d.fold == 2 else d.half
        k = d.edge_kernel
        self.enter = self._conv(3 * d.fold**2, d.half, k)
        self.down = nn.ModuleList()
        widths = [d.half]
        if d.fold == 2:
            self.down.append(self._conv(d.half, d.quarter, 3, 2))
            widths.append(d.quarter)
        if d.eighth:
            self.down.append(self._conv(d.quarter, d.eighth, 3, 2))
            widths.append(d.eighth)
            deep = d.eighth
        self.blocks = nn.ModuleList()
        for i in range(2 * d.blocks):
            if d.depthwise:
                self.blocks.append(
                    nn.Sequential(
                        nn.Conv2d(
                            deep,
                            deep,
                            3,
                            padding=1,
                            padding_mode="replicate",
                            groups=deep,
                            bias=False,
                        ),
                        nn.Conv2d(deep, deep, 1, bias=False),
                    )
                )
            else:
                self.blocks.append(self._conv(deep, deep, 3, 1, d.dilate if i // 2 % 2 else 1))
        self.up = nn.ModuleList(
            self._conv(a, b, 3) for a, b in zip(widths[::-1], widths[-2::-1], strict=False)
        )
        self.head = self._conv(d.half, 3 * d.fold**2, k, bias=True)
        channels = [*widths, *[deep] * (2 * d.blocks), *widths[-2::-1]]
        self.norms = nn.ModuleList(ConditionalNorm(c, EPS) for c in channels)
        with torch.no_grad():
            same = d.fold**2
            for weight in (self.head.weight, self.head.bias):
                assert weight is not None
                weight.copy_(weight[::same].repeat_interleave(same, 0))

    @staticmethod
    def _conv(a: int, b: int, k: int, stride: int = 1, dilate: int = 1, bias: bool = False):
        edge = k // 2 * dilate
        return nn.Conv2d(
            a, b, k, stride, edge, dilation=dilate, padding_mode="replicate", bias=bias
        )

    def forward(self, picture: Tensor, style: Tensor) -> Tensor:
        norms: list[ConditionalNorm] = [*self.norms]  # pyright: ignore
        steps = iter(zip(norms, pairs(style, norms), strict=True))

        def normed(x: Tensor) -> Tensor:
            norm, (scale, shift) = next(steps)
            return norm(x, scale, shift)

        d = self.design
        x = F.relu(normed(self.enter(F.pixel_unshuffle(picture * 2.0 - 1.0, d.fold))))
        kept = [x]
        for down in self.down:
            x = F.relu(normed(down(x)))
            kept.append(x)
        for first, second in zip(self.blocks[::2], self.blocks[1::2], strict=True):
            x = x + normed(second(F.relu(normed(first(x)))))
        kept.pop()
        for up in self.up:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = normed(up(x))
            if d.skip:
                x = x + kept.pop()
            x = F.relu(x)
        x = F.pixel_shuffle(self.head(x), d.fold)
        if d.smooth:
            x = F.avg_pool2d(F.pad(x, (0, 1, 0, 1), mode="replicate"), 2, stride=1)
        return torch.sigmoid(x)


def macs_per_pixel(network: nn.Module, style: Tensor, side: int = 64) -> float:
    """Multiply-accumulates of the convolutions, per pixel of the picture."""
    total = 0

    def count(layer: nn.Module, _: object, output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        nonlocal total
        total += layer.weight[0].numel() * output.numel()

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        network(torch.zeros(1, 3, side, side), style[None])
    for hook in hooks:
        hook.remove()
    return total / side**2


def optimisers_for(
    design: Design, kernels: list[nn.Parameter], others: list[nn.Parameter]
) -> list[tuple[torch.optim.Optimizer, float]]:
    if design.optimiser == "adam":
        return [(torch.optim.Adam([*kernels, *others]), design.rate)]
    if design.optimiser == "muon":
        return [(Muon(kernels[:-1], kernels[-1:]), design.rate), (torch.optim.Adam(others), 2e-3)]
    # torch's Muon takes matrices only: each kernel (O, I, 3, 3), channels-last, is one, as a view.
    flat = [nn.Parameter(k.data.permute(0, 2, 3, 1).flatten(1)) for k in kernels]
    assert all(f.data_ptr() == k.data_ptr() for f, k in zip(flat, kernels, strict=True))
    muon = torch.optim.Muon(flat, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")

    def share(*_: object) -> None:
        for f, k in zip(flat, kernels, strict=True):
            assert k.grad is not None
            f.grad = k.grad.permute(0, 2, 3, 1).flatten(1)

    muon.register_step_pre_hook(share)
    return [(muon, design.rate), (torch.optim.Adam(others), 2e-3)]


def learn(design: Design, given: argparse.Namespace, features: Features) -> dict[str, float]:
    vgg, content_layer = features.network, features.content
    torch.manual_seed(375)
    network = Sketch(design).to(memory_format=torch.channels_last)  # pyright: ignore
    style = nn.Parameter(neutral_style(network))
    kernels = [p for p in network.parameters() if p.ndim == 4]
    others = [p for p in network.parameters() if p.ndim != 4] + [style]
    optimisers = optimisers_for(design, kernels, others)
    with torch.no_grad():
        found = vgg(open_picture(given.style, 512)[None])
        target = {layer: gram(found[layer])[0] for layer in features.style}
    photos = Photos(list_photos(given.photos), 375)
    begun = time.monotonic()
    for step in range(given.steps):
        photo = photos.batch(step, 4, given.crop)
        with torch.no_grad():
            wanted = vgg(photo)[content_layer]
        vector = style.expand(4, -1)
        painted = network(photo, vector)
        found = vgg(painted)
        loss = content_loss(found[content_layer], wanted)
        loss = loss + given.style_weight * style_loss(
            {k: found[k] for k in features.style}, [target] * 4
        )
        loss = loss + 0.3 * total_variation(painted)
        if step % 3 == 0:
            noisy = network(photo + sensor_noise(photo, 375, step), vector)
            loss = loss + 30.0 * noise_loss(painted, noisy)
        share = min(1.0, (step + 1) / 30) * (1.0 - 0.95 * step / given.steps)
        for optimiser, rate in optimisers:
            optimiser.param_groups[0]["lr"] = rate * share
            optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*kernels, *others], 10.0)
        for optimiser, _ in optimisers:
            optimiser.step()
    seconds = time.monotonic() - begun
    contents, styles = [], []
    with torch.inference_mode():
        for path in list_photos(given.heldout)[:: max(1, given.every)]:
            photo = open_picture(path, 320)
            top, left = (photo.shape[1] - 320) // 2, (photo.shape[2] - 320) // 2
            photo = photo[None, :, top : top + 320, left : left + 320]
            found = vgg(network(photo, style[None]))
            contents.append(content_loss(found[content_layer], vgg(photo)[content_layer]))
            styles.append(style_loss({k: found[k] for k in features.style}, [target]))
        photo = torch.rand(1, 3, 360, 640)
        times = []
        for _ in range(8):
            start = time.perf_counter()
            network(photo, style[None])
            times.append(time.perf_counter() - start)
    return {
        "content": round(torch.stack(contents).mean().item(), 3),
        "style": round(torch.stack(styles).mean().item(), 4),
        "macs": round(macs_per_pixel(network, style.detach())),
        "parameters": sum(p.numel() for p in network.parameters()),
        "ms": round(sorted(times)[4] * 1000, 1),
        "seconds": round(seconds),
    }


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("designs", nargs="+", choices=list(DESIGNS))
    options.add_argument("--photos", type=Path, required=True)
    options.add_argument("--heldout", type=Path, required=True)
    options.add_argument("--features", type=Path, required=True)
    options.add_argument("--style", type=Path, required=True)
    options.add_argument("--every", type=int, default=1, help="measure each n-th held-out photo")
    options.add_argument("--steps", type=int, default=400)
    options.add_argument("--crop", type=int, default=112)
    options.add_argument("--style-weight", type=float, default=10.0)
    given = options.parse_args()
    torch.set_flush_denormal(True)
    features = load_features(given.features)
    for name in given.designs:
        row = learn(DESIGNS[name], given, features)
        print(json.dumps({"design": name, **row}), flush=True)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
