"""Content and style loss of every style of a bank, on photographs that it was not trained on.

Content: mean((F - F_photo)²) / mean(F_photo²) at relu4_2.  Style: the mean over relu1_1, 2_1, 3_1
and 4_1 of mean((G - G_style)²) / mean(G_style²), the painting at short side 512.  Photographs are
scaled and cut to 320x320; the features are VGG-19's.  Lower is closer.

    python bench/losses.py BANK --photos FOLDER --features VGG.safetensors --style NAME=PICTURE …
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import torch

from murai_show.style.bank import read_bank
from murai_show.style.pytorch import build_network
from murai_show.train.data import list_photos, open_picture
from murai_show.train.loss import content_loss, gram, style_loss
from murai_show.train.run import CONTENT_LAYER, STYLE_LAYERS, load_features

SIDE = 320


@torch.inference_mode()
def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("bank", type=Path)
    options.add_argument("--photos", type=Path, required=True)
    options.add_argument("--features", type=Path, required=True)
    options.add_argument("--style", action="append", required=True, metavar="NAME=PICTURE")
    options.add_argument("--count", type=int, default=20)
    given = options.parse_args()
    bank = read_bank(given.bank)
    network = build_network(bank)
    vgg = load_features(given.features, (*STYLE_LAYERS, CONTENT_LAYER))
    targets = {}
    for name, _, picture in (pair.partition("=") for pair in given.style):
        found = vgg(open_picture(Path(picture), 512)[None])
        targets[name] = {layer: gram(found[layer])[0] for layer in STYLE_LAYERS}
    losses: dict[str, list[tuple[float, float]]] = {name: [] for name in targets}
    for path in list_photos(given.photos)[: given.count]:
        photo = open_picture(path, SIDE)
        top, left = (photo.shape[1] - SIDE) // 2, (photo.shape[2] - SIDE) // 2
        photo = photo[None, :, top : top + SIDE, left : left + SIDE]
        wanted = vgg(photo)[CONTENT_LAYER]
        for name, target in targets.items():
            vector = torch.from_numpy(bank.styles[[bank.card.names.index(name)]])
            found = vgg(network(photo, vector))
            content = content_loss(found.pop(CONTENT_LAYER), wanted).item()
            losses[name].append((content, style_loss(found, [target]).item()))
    report = {
        name: {
            "content": round(statistics.mean(c for c, _ in rows), 3),
            "style": round(statistics.mean(s for _, s in rows), 4),
        }
        for name, rows in losses.items()
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
