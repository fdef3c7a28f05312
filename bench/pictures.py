"""The pictures of the README, painted anew from the shipped bank.

python bench/pictures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from murai_show.app import demo_photos
from murai_show.paint import contact_sheet, cropped, open_photo
from murai_show.shipped import shipped
from murai_show.show.words import Size
from murai_show.style import open_reference
from murai_show.style.bank import read_bank

PICTURES = Path(__file__).resolve().parents[1] / "docs/pictures"
SHOWN = ("astronaut", "chelsea", "rocket")


def main() -> None:
    bank = read_bank(shipped("models") / "montreal.safetensors")
    stylizer = open_reference(bank, Size(640, 400))
    wanted = [path for path in demo_photos() if path.stem in SHOWN]
    photos = [cropped(Image.fromarray(open_photo(path)), (640, 400)) for path in wanted]
    PICTURES.mkdir(exist_ok=True)
    sheet = contact_sheet(stylizer, [np.asarray(p) for p in photos], (256, 160), originals=False)
    sheet.save(PICTURES / "styles.jpg", quality=85)
    print(f"{PICTURES / 'styles.jpg'}: {sheet.width}x{sheet.height}")


if __name__ == "__main__":
    main()
