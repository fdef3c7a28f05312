"""Train `models/montreal.safetensors` again: ten paintings, chosen photographs, one command.

    python bench/montreal.py DATA --style-weight 15 --minutes 90

and any other option of `murai-show train`, such as --resume or --from models/montreal.safetensors.

DATA has `styles/` with the paintings named below, `photos/train/` with photographs and
`vgg/vgg19_to_conv4_4_fp16.safetensors`.  Of the photographs only those under a Creative Commons
licence or in the public domain are taken, because the bank is given away.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

OPEN_SETS = ("coco", "openimages", "skimage", "urban100")
LICENCE = "painting in the public domain"


class Painting(NamedTuple):
    name: str
    file: str
    crop: str  # margins, frames and signatures are no part of a style
    credit: str


PAINTINGS = (
    Painting(
        "wave",
        "hokusai_great_wave_small.jpg",
        "-",
        "Katsushika Hokusai (1760-1849), The Great Wave off Kanagawa, c. 1831",
    ),
    Painting("udnie", "picabia_udnie.jpg", "-", "Francis Picabia (1879-1953), Udnie, 1913"),
    Painting(
        "starry",
        "van_gogh_starry_night.jpg",
        "-",
        "Vincent van Gogh (1853-1890), The Starry Night, 1889",
    ),
    Painting(
        "kandinsky",
        "kandinsky_composition_vii.jpg",
        "27,21,1017,666",
        "Wassily Kandinsky (1866-1944), Composition VII, 1913",
    ),
    Painting(
        "delaunay",
        "delaunay_portrait_metzinger_1906.jpg",
        "-",
        "Robert Delaunay (1885-1941), portrait of Jean Metzinger, 1906",
    ),
    Painting(
        "klee",
        "klee.jpg",
        "14,22,568,428",
        "Paul Klee (1879-1940), composition of colour fields with figures",
    ),
    Painting(
        "scream",
        "munch_the_scream.jpg",
        "40,40,1100,1420",
        "Edvard Munch (1863-1944), The Scream, 1893",
    ),
    Painting(
        "mondrian",
        "mondrian_1913.jpg",
        "110,70,690,680",
        "Piet Mondrian (1872-1944), cubist composition, c. 1913",
    ),
    Painting(
        "klimt",
        "klimt_the_kiss.jpg",
        "420,260,1080,1560",
        "Gustav Klimt (1862-1918), The Kiss, 1908",
    ),
    Painting(
        "matisse",
        "matisse_woman_with_a_hat.jpg",
        "6,6,580,788",
        "Henri Matisse (1869-1954), Woman with a Hat, 1905",
    ),
)


def link_photos(train: Path, folder: Path) -> None:
    """Link the photographs that may be used for what is given away into `folder`."""
    for path in sorted(train.iterdir()):
        if path.name.startswith(OPEN_SETS):
            (folder / path.name).symlink_to(path.resolve())


def command(data: Path, content: Path, options: list[str]) -> list[str]:
    words = [sys.executable, "-m", "murai_show", "train"]
    words += [str(data / "styles" / painting.file) for painting in PAINTINGS]
    for painting in PAINTINGS:
        words += ["--name", painting.name, "--crop", painting.crop]
        words += ["--credit", painting.credit, "--licence", LICENCE]
    words += ["--content", str(content)]
    words += ["--features", str(data / "vgg/vgg19_to_conv4_4_fp16.safetensors")]
    if not any(option.startswith("--bank") for option in options):
        words += ["--bank", "models/montreal.safetensors"]
    return words + options


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    data, options = Path(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        link_photos(data / "photos/train", Path(folder))
        sys.exit(subprocess.run(command(data, Path(folder), options), check=False).returncode)


if __name__ == "__main__":
    main()
