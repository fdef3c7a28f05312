"""How long the school's look at a picture takes on a CPU: VGG-19 as far as relu4_2.

Convolved directly, as PyTorch does, against murai_show.nets.winograd, and directly in bf16;
forward, and forward with the gradient that the content and style losses have at the picture,
interleaved.  The weights are random, which costs the same.

    OMP_NUM_THREADS=1 python bench/vgg.py [--side 320] [--rounds 9]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from unittest.mock import patch

import torch

from murai_show.nets import vgg
from murai_show.nets.vgg import BLOCKS, VggFeatures
from murai_show.train.loss import content_loss, gram, style_loss

CONTENT = "relu4_2"
WAYS = {"direct": 1 << 20, "winograd": vgg.NARROWEST, "bf16": 1 << 20}  # narrowest convolution
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2")


def random_weights() -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = {}
    inputs = 3
    for block, count in enumerate(BLOCKS[19], start=1):
        outputs = (64, 128, 256, 512)[block - 1]
        for i in range(1, count + 1):
            kernel = torch.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
            weights[f"conv{block}_{i}.weight"] = kernel
            weights[f"conv{block}_{i}.bias"] = torch.zeros(outputs)
            inputs = outputs
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    network = VggFeatures(random_weights(), LAYERS)
    photo, painting = torch.rand(2, 1, 3, given.side, given.side)
    with torch.no_grad():
        wanted = network(photo)[CONTENT]
        target = {layer: gram(found)[0] for layer, found in network(painting).items()}
    taken: dict[str, list[float]] = {}
    for number in range(given.rounds + 1):
        for way, narrowest in WAYS.items():
            half = torch.autocast("cpu", torch.bfloat16, enabled=way == "bf16")
            with half, patch.object(vgg, "NARROWEST", narrowest):
                begun = time.perf_counter()
                with torch.no_grad():
                    network(photo)
                seen = time.perf_counter()
                picture = photo.clone().requires_grad_()
                found = network(picture)
                loss = content_loss(found.pop(CONTENT), wanted)
                (loss + style_loss(found, [target])).backward()
                ended = time.perf_counter()
            if number:  # the first round transforms the kernels
                taken.setdefault(f"{way} forward", []).append(seen - begun)
                taken.setdefault(f"{way} with gradient", []).append(ended - seen)
    rows = {name: round(1e3 * statistics.median(times), 1) for name, times in taken.items()}
    print(json.dumps({"side": given.side, "threads": torch.get_num_threads(), "ms": rows}))


if __name__ == "__main__":
    main()
