"""The pictures of docs/projection.md: what three projectors are sent, and the wall they light.

murai-show paint PHOTOGRAPH painted.png --bank montreal --style starry
python -m tests.output.wall_pictures painted.png docs/pictures
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from murai_show.frame import Frame
from murai_show.output import Stage
from murai_show.output.testcard import card_frame, card_of
from tests.output.planning import a_frame
from tests.output.surfaces import plan_of, three
from tests.output.wall import Projected, photograph, wall

LEVEL = 0.12  # a black that a page can show: few projectors are that bad
BLACK = LEVEL**2.2
WIDTH, HEIGHT = 1080, 180


def greys() -> np.ndarray:
    """Four bands: white, mid-grey, dark grey, black."""
    bands = np.repeat(np.array([255, 128, 40, 0], np.uint8), HEIGHT // 4)
    return np.broadcast_to(bands[:, None, None], (HEIGHT, WIDTH, 3))


def lit(body: str, picture: Frame) -> list[Projected]:
    """What each projector of the show `body` is sent."""
    with TemporaryDirectory() as folder:
        plan = plan_of(Path(folder), body.replace("720x120", f"{WIDTH}x{HEIGHT}"))
    stage = Stage(plan.outputs)
    sent: list[Projected] = []
    for output in plan.outputs:
        assert output.canvas is not None
        stage.draw(output.canvas, picture, 1.0)
        sent.append(Projected(output.canvas, np.array(stage.read_rgba(output.canvas)[..., :3])))
    stage.close()
    return sent


def page(rows: list[tuple[str, list[Image.Image]]]) -> Image.Image:
    """Rows of pictures below their titles."""
    gap, title = 12, 30
    height = sum(max(p.height for p in row) + title + gap for _, row in rows)
    sheet = Image.new("RGB", (WIDTH + 2 * gap, height + gap), (28, 28, 30))
    draw, font, y = ImageDraw.Draw(sheet), ImageFont.load_default(18), gap
    for text, row in rows:
        draw.text((gap, y), text, (225, 225, 225), font)
        between = (WIDTH - sum(p.width for p in row)) // max(1, len(row) - 1)
        x = gap
        for picture in row:
            sheet.paste(picture, (x, y + title))
            x += picture.width + between
        y += max(p.height for p in row) + title + gap
    return sheet


def sent_row(sent: list[Projected]) -> list[Image.Image]:
    scale = (WIDTH - 40) / sum(p.pixels.shape[1] for p in sent)
    pictures = [Image.fromarray(p.pixels) for p in sent]
    return [p.resize((int(p.width * scale), int(p.height * scale))) for p in pictures]


def main() -> None:
    photo, folder = Path(sys.argv[1]), Path(sys.argv[2])
    with Image.open(photo) as opened:
        full = opened.convert("RGB").resize((WIDTH, WIDTH * opened.height // opened.width))
    top = (full.height - HEIGHT) // 2
    picture = a_frame(np.asarray(full)[top : top + HEIGHT])
    hard = three(soft_edge="off")
    soft, bent = three(black_level=LEVEL), three(askew=True, black_level=LEVEL)
    bent = bent.replace("size: 400x200", "size: 600x300")
    sent = lit(bent, picture)
    page(
        [
            ("sent to three projectors: pinned, meshed, both", sent_row(sent)),
            ("hard edges: the overlaps shine", [photograph(wall(lit(hard, picture), black=BLACK))]),
            ("soft edges, black level: the wall", [photograph(wall(sent, black=BLACK))]),
        ]
    ).save(folder / "projection-photo.jpg", quality=86)
    bands = a_frame(greys())
    page(
        [
            (
                "white, grey, dark grey, black with hard edges",
                [photograph(0.5 * wall(lit(hard, bands), black=BLACK))],
            ),
            ("blended, black as it is", [photograph(0.5 * wall(lit(three(), bands), black=BLACK))]),
            ("blended, black lifted", [photograph(0.5 * wall(lit(soft, bands), black=BLACK))]),
        ]
    ).save(folder / "projection-greys.png", optimize=True)
    test_cards(folder)


def test_cards(folder: Path) -> None:
    """One card as it is, and three of them on a wall that is not quite aligned."""
    body = three().replace("720x120", "5280x1080").replace("overlap: 60", "overlap: 240")
    with TemporaryDirectory() as work:
        outputs = plan_of(Path(work), body).outputs
    cards = [card_frame(card_of(output, n)) for n, output in enumerate(outputs, 1)]
    first = Image.fromarray(cards[1].pixels).resize((960, 540), Image.Resampling.LANCZOS)
    first.save(folder / "testcard.png", optimize=True)
    light = np.zeros((1080, 5280, 3))
    for output, card, slip in zip(outputs, cards, (0, 0, 12), strict=True):
        assert output.canvas is not None
        assert output.canvas.projection is not None
        x = output.canvas.projection.region.x - slip
        light[:, x : x + 1920] += (card.pixels / 255.0) ** 2.2
    seam = photograph(light[560:1000, 3100:3900])
    seam.resize((720, 396), Image.Resampling.LANCZOS).save(
        folder / "testcard-seam.png", optimize=True
    )


if __name__ == "__main__":
    main()
