"""The curve of content against style: one style learned anew at several style weights.

    python bench/curve.py DATA --style wave --against DATA/peers/wave_lengstrom.npz \\
        [--bank models/montreal.safetensors] [--weights 5 40 100] [--minutes 2] [--photos 20]

DATA as in bench/montreal.py, with photos/heldout beside.  For each weight the style's vector is
learned into a copy of the bank, whose painter stays as it is (`murai-show train --vector-only`);
the bank's own vector and the public network stand beside.  Content and style as `murai-show score`
measures them: VGG-19, held-out photographs, 320x320.  Writes docs/scores/curve-STYLE.json and
draws docs/pictures/curve.png from all that are there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from matplotlib.figure import Figure
from montreal import PAINTINGS, link_photos

from murai_show.style.bank import read_bank
from murai_show.train.cost import machine
from murai_show.train.data import list_photos
from murai_show.train.features import Features, load_features
from murai_show.train.loss import content_loss, gram, style_loss
from murai_show.train.peers import Paint, bank_entrants, open_peer
from murai_show.train.score import Picture, find_paintings, open_photos

DOCS = Path(__file__).resolve().parents[1] / "docs"
COLOURS = ("#d98324", "#5b7a99", "#5f8f5a", "#a2559b")


def learn(given: argparse.Namespace, weight: float, folder: Path) -> Path:
    """The bank with one style more, learned at `weight`."""
    painting = next(p for p in PAINTINGS if p.name == given.style)
    bank = folder / f"{given.style}-{weight:g}.safetensors"
    words = [sys.executable, "-m", "murai_show", "train"]
    words += [str(given.data / "styles" / painting.file), "--crop", painting.crop]
    words += ["--name", f"{given.style}-{weight:g}", "--content", str(folder / "photos")]
    words += ["--into", str(given.bank), "--vector-only", "--bank", str(bank)]
    words += ["--features", str(given.data / "vgg/vgg19_to_conv4_4_fp16.safetensors")]
    words += ["--batch", "1", "--crop-side", "320", "--last-crop-side", "320"]
    words += ["--style-weight", f"{weight:g}", "--minutes", f"{given.minutes:g}"]
    words += ["--run", str(folder / f"run-{weight:g}"), "--preview-every", "1000000"]
    subprocess.run(words, check=True, stdout=sys.stderr)
    return bank


@torch.inference_mode()
def losses(
    paint: Paint, photos: tuple[Picture, ...], painting: Picture, features: Features
) -> dict[str, float]:
    """Content and style loss of what `paint` makes of the photographs, in the mean."""
    whole = features.network(painting.pixels[None])
    target = {layer: gram(whole[layer])[0] for layer in features.style}
    content, style = [], []
    for photo in photos:
        pixels = photo.pixels[None]
        wanted = features.network(pixels)[features.content]
        found = features.network(paint(pixels))
        content.append(content_loss(found[features.content], wanted).item())
        seen = {layer: found[layer] for layer in features.style}
        style.append(style_loss(seen, [target]).item())
    return {
        "content": round(statistics.mean(content), 4),
        "style": round(statistics.mean(style), 5),
    }


def measure(given: argparse.Namespace) -> dict[str, object]:
    features = load_features(given.data / "vgg/vgg19_to_conv4_4_fp16.safetensors")
    photos = open_photos(list_photos(given.data / "photos/heldout"), given.photos)
    bank = read_bank(given.bank)
    paintings, _ = find_paintings(bank.card.styles, given.data / "styles")
    painting = paintings[given.style]

    def found(paint: Paint) -> dict[str, float]:
        return losses(paint, photos, painting, features)

    own = next(entrant for entrant in bank_entrants(bank) if entrant.name == given.style)
    rows: dict[str, dict[str, float]] = {"the bank": found(own.paint)}
    for peer in given.against:
        rows["public network"] = found(open_peer(f"{given.style}={peer}", [given.style]).paint)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        link_photos(given.data / "photos/train", folder / "photos")
        for weight in given.weights:
            learned = bank_entrants(read_bank(learn(given, weight, folder)))[-1]
            rows[f"{weight:g}"] = found(learned.paint)
            print(weight, rows[f"{weight:g}"], file=sys.stderr, flush=True)
    return {"machine": machine(), "style": given.style, "minutes": given.minutes, "rows": rows}


def draw() -> None:
    """All curves that were measured, as docs/pictures/curve.png."""
    figure = Figure((7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for path, colour in zip(sorted((DOCS / "scores").glob("curve-*.json")), COLOURS, strict=False):
        found = json.loads(path.read_text(encoding="utf-8"))
        rows, style = found["rows"], found["style"]
        learned = [(row["style"], row["content"], name) for name, row in rows.items()]
        line = sorted(point for point in learned if point[2][0].isdecimal())
        axes.plot([p[0] for p in line], [p[1] for p in line], "o-", color=colour, label=style)
        for x, y, name in learned:
            marker = {"the bank": "s", "public network": "*"}.get(name)
            if marker:
                axes.plot([x], [y], marker, color=colour, markersize=11)
            axes.annotate(name, (x, y), (7, 5), textcoords="offset points", fontsize=9)
    axes.set_xlabel("style loss (less: nearer to the painting)")
    axes.set_ylabel("content loss (less: nearer to the photograph)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(DOCS / "pictures/curve.png", dpi=110)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("data", type=Path)
    options.add_argument("--style", default="wave")
    options.add_argument("--bank", type=Path, default=Path("models/montreal.safetensors"))
    options.add_argument("--against", type=Path, action="append", default=[])
    options.add_argument("--weights", type=float, nargs="+", default=[5, 40, 100])
    options.add_argument("--minutes", type=float, default=2.0)
    options.add_argument("--photos", type=int, default=20)
    given = options.parse_args()
    told = json.dumps(measure(given), indent=1)
    (DOCS / f"scores/curve-{given.style}.json").write_text(told + "\n", encoding="utf-8")
    draw()


if __name__ == "__main__":
    main()
