"""Write docs/styles.md and its contact sheet: the shipped styles, a card each, with their figures.

    murai-show score montreal … --json > docs/scores/montreal.json
    python bench/styles.py [PHOTO …]

The figures come from docs/scores/montreal.json, the credits from models/montreal.json, and the
sheet is painted anew from the PHOTOs, or from the demo's photographs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from murai_show.app import demo_photos
from murai_show.paint import contact_sheet, cropped, open_photo
from murai_show.shipped import shipped
from murai_show.show.words import Size
from murai_show.style import open_reference
from murai_show.style.bank import Bank, read_bank
from murai_show.style.card import SHARED

DOCS = Path(__file__).resolve().parents[1] / "docs"
BANK = "montreal"
HEAD = """# The shipped styles

<!-- Written by bench/styles.py from models/{bank}.json and docs/scores/{bank}.json. -->

{holds}

![Every style over the same photographs](pictures/{bank}.jpg)

Content and style: means over {photos} photographs that it was not trained on, 320×320,
{features}; SSIM to the photograph; flicker: under sensor noise, the input's own being 1; motion:
warping error on Sintel's alley_1, the input's own being 1. Lower is closer or calmer, but for SSIM.
Measured on {machine}.
"""


def what_it_holds(bank: Bank) -> str:
    """How many paintings, which share the painter, and how a show goes from one to another."""
    parameters = sum(tensor.size for tensor in bank.network.values())
    own = [style.name for style in bank.card.styles if style.kernels != SHARED]
    shared = [style.name for style in bank.card.styles if style.kernels == SHARED]
    count = len(bank.card.styles)
    if not own:
        return (
            f"`bank: {BANK}` holds {count} paintings in one painter of {parameters:,} parameters. "
            "A show fades\nbetween them without a cut, and mixes them: "
            f"`{{ {shared[0]}: 0.6, {shared[1]}: 0.4 }}`."
        )
    told = (
        f"`bank: {BANK}` holds {count} paintings, painted by networks of {parameters:,} parameters."
    )
    if shared:
        told += f" {', '.join(shared)}\nshare one: a show fades between them along their vectors."
    return (
        f"{told} {', '.join(own)}\nhave [kernels of their own](training.md#kernels-of-its-own): "
        "a fade to one of them is a dissolve."
    )


def table(scores: dict[str, Any]) -> list[str]:
    lines = ["| style | content | style | SSIM | flicker | motion |", "|---|---|---|---|---|---|"]
    for row in scores["rows"]:
        alley = next(
            (
                f"{m['ratio']:.2f}"
                for m in row["motion"]
                if (m["scene"], m["gap"]) == ("alley_1", 1)
            ),
            "–",
        )
        name = f"*{row['name']}*" if row["peer"] else row["name"]
        lines.append(
            f"| {name} | {row['content']:.3f} | {row['style_loss']:.4f} | {row['ssim']:.3f} "
            f"| {row['flicker']:.2f} | {alley} |"
        )
    return lines


def main() -> None:
    bank = read_bank(shipped("models") / f"{BANK}.safetensors")
    scores = json.loads((DOCS / f"scores/{BANK}.json").read_text(encoding="utf-8"))
    head = HEAD.format(
        bank=BANK,
        holds=what_it_holds(bank),
        photos=len(scores["photos"]),
        features=scores["features"],
        machine=scores["machine"],
    )
    peers = (
        "Names in italics are other people's networks, measured by the same code in the same run."
    )
    lines = [head, *table(scores), "", peers, ""]
    for style in bank.card.styles:
        lines += [f"## {style.name}", "", f"{style.credit}. {style.licence.capitalize()}."]
        if style.crop is not None:
            x, y, width, height = style.crop
            lines += [f"Learned from {width}×{height} pixels at {x}, {y} of the photograph."]
        lines += [""]
    (DOCS / "styles.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    photos = [Path(word) for word in sys.argv[1:]] or demo_photos()
    stylizer = open_reference(bank, Size(640, 400))
    cut = [np.asarray(cropped(Image.fromarray(open_photo(p)), (640, 400))) for p in photos]
    sheet = contact_sheet(stylizer, cut, (256, 160), originals=False)
    sheet.save(DOCS / f"pictures/{BANK}.jpg", quality=78)
    print(f"docs/styles.md, docs/pictures/{BANK}.jpg: {sheet.width}x{sheet.height}")


if __name__ == "__main__":
    main()
