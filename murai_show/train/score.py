"""Score painters: closeness to photograph and painting, restlessness, cost.

Everything that is compared goes through the same code on the same pictures: the styles of a bank,
and other people's networks.
"""

from __future__ import annotations

import logging
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor

from murai_show.errors import TrainError
from murai_show.style.card import StyleCard
from murai_show.train.cost import machine, macs_per_pixel, milliseconds
from murai_show.train.data import open_picture
from murai_show.train.features import Features
from murai_show.train.flow import Pair, picture_of_array
from murai_show.train.loss import content_loss, gram, style_loss
from murai_show.train.peers import Entrant
from murai_show.train.stability import Restless, exposures, flicker, idle_change, motion

SIDE = 320  # pixels: photographs are scaled to this short side and cut to its square
STYLE_SIDE = 512  # pixels: the short side at which a painting is looked at
FLICKERING = 8  # photographs seen by a noisy sensor
PLATES = 4  # photographs shown side by side
SIZES = ((640, 360), (1280, 720))
_LUMA = torch.tensor((0.2126, 0.7152, 0.0722)).view(3, 1, 1)  # ITU-R BT.709
Item = TypeVar("Item")
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Picture:
    """`pixels`: (3, H, W), RGB, 0..1."""

    name: str
    pixels: Tensor


@dataclass(frozen=True, eq=False)
class Clip:
    """Consecutive `frames` of a film, each (3, H, W), RGB, 0..1."""

    name: str
    frames: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Material:
    """What is painted.  `styles` are those of the bank; `paintings` maps a style's name to the
    picture that it was learned from; `notes` are sentences for whoever reads the report: where the
    photographs are from, what is missing."""

    styles: tuple[StyleCard, ...]
    photos: tuple[Picture, ...]
    paintings: Mapping[str, Picture]
    pairs: tuple[Pair, ...] = ()
    clips: tuple[Clip, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Moved:
    """The warping error of a scene, in the mean over its pairs: of the painted film, 0..255, and
    over the film's own."""

    group: str
    scene: str
    gap: int
    error: float
    ratio: float


@dataclass(frozen=True)
class Idle:
    """The change of the painted picture, 0..255, where a clip stands still, and over its own."""

    clip: str
    change: float
    ratio: float


@dataclass(frozen=True)
class Row:
    """All figures of one entrant.

    `content`, `style_loss`, `ssim`: means over the photographs, `style_loss` None without the
    painting.  `flicker`: deviation over the input's own.  `macs` and `macs_with_zeros`: per pixel
    (`macs_per_pixel`).  `milliseconds`: by size, such as 640x360.
    """

    name: str
    style: str
    kind: str
    peer: bool
    content: float
    style_loss: float | None
    ssim: float
    flicker: float
    motion: tuple[Moved, ...]
    idle: tuple[Idle, ...]
    macs: float
    macs_with_zeros: float
    parameters: int
    milliseconds: Mapping[str, float]

    def moved(self, group: str, gap: int) -> float | None:
        """The mean ratio over the scenes of `group` at `gap`; None without any."""
        found = [m.ratio for m in self.motion if (m.group, m.gap) == (group, gap)]
        return statistics.mean(found) if found else None

    def scene(self, name: str, gap: int = 1) -> Moved | None:
        """One scene by itself."""
        return next((m for m in self.motion if (m.scene, m.gap) == (name, gap)), None)


@dataclass(frozen=True, eq=False)
class Plate:
    """A photograph and what each entrant makes of it, by name; (H, W, 3), uint8, RGB."""

    photo: np.ndarray
    painted: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Report:
    """The figures, the pictures, and what they were made with."""

    styles: tuple[StyleCard, ...]
    rows: tuple[Row, ...]
    plates: tuple[Plate, ...]
    paintings: Mapping[str, np.ndarray]
    photos: tuple[str, ...]
    features: str
    machine: str
    notes: tuple[str, ...]

    @property
    def motions(self) -> tuple[tuple[str, int], ...]:
        """Every (group, gap) that was measured, in order."""
        return tuple(dict.fromkeys((m.group, m.gap) for m in self.rows[0].motion))

    def peers(self, row: Row) -> tuple[Row, ...]:
        """The other people's networks that paint the style of `row`."""
        return tuple(r for r in self.rows if r.peer and r.style == row.style and not row.peer)


@dataclass
class _Sheet:
    """The figures of one entrant while they are being taken."""

    content: list[float] = field(default_factory=list)
    style: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    flicker: list[float] = field(default_factory=list)
    motion: list[Moved] = field(default_factory=list)
    idle: list[Idle] = field(default_factory=list)
    milliseconds: dict[str, float] = field(default_factory=dict)

    def row(self, entrant: Entrant) -> Row:
        executed, with_zeros = macs_per_pixel(entrant.paint)
        return Row(
            name=entrant.name,
            style=entrant.style,
            kind=entrant.kind,
            peer=entrant.peer,
            content=statistics.mean(self.content),
            style_loss=statistics.mean(self.style) if self.style else None,
            ssim=statistics.mean(self.ssim),
            flicker=statistics.mean(self.flicker),
            motion=tuple(self.motion),
            idle=tuple(self.idle),
            macs=executed,
            macs_with_zeros=with_zeros,
            parameters=entrant.parameters,
            milliseconds=self.milliseconds,
        )


def open_photos(paths: Sequence[Path], count: int) -> tuple[Picture, ...]:
    """`count` of `paths`, evenly over them, cut to `SIDE`².

    One that cannot be read is named in the log, and another taken.  Raises TrainError when none
    can.
    """
    # The first of a folder are one collection's: our held-out photographs begin with two of five.
    chosen = spread(paths, count)
    found: list[Picture] = []
    for path in (*chosen, *(path for path in paths if path not in set(chosen))):
        if len(found) == count:
            break
        try:
            photo = open_picture(path, SIDE)
        except TrainError as error:
            log.warning("skipped: %s", error)
            continue
        top, left = ((side - SIDE) // 2 for side in photo.shape[1:])
        found.append(Picture(path.name, photo[:, top : top + SIDE, left : left + SIDE]))
    if not found:
        raise TrainError(f"none of the {len(paths)} photographs can be read")
    return tuple(found)


def find_paintings(
    cards: Sequence[StyleCard], folder: Path | None
) -> tuple[dict[str, Picture], tuple[str, ...]]:
    """The pictures that the cards of a bank name, found below `folder`, cut as the cards say.

    Returns them by style, and a sentence for each that is missing.  Raises TrainError when
    `folder` holds none of them.
    """
    if folder is None:
        return {}, ("No style losses: --pictures names the folder of the paintings.",)
    if not folder.is_dir():
        raise TrainError(f"{folder}: no such folder; --pictures names the folder of the paintings")
    files = {path.name: path for path in sorted(folder.rglob("*"), reverse=True)}
    found: dict[str, Picture] = {}
    missing: list[str] = []
    for card in cards:
        if card.picture in files:
            pixels = open_picture(files[card.picture], STYLE_SIDE, card.crop)
            found[card.name] = Picture(card.picture, pixels)
        elif card.picture:
            missing.append(f"No style loss for {card.name}: {card.picture} is not in {folder}.")
        else:
            missing.append(f"No style loss for {card.name}: its card names no picture.")
    if not found:
        raise TrainError(f"{folder}: none of the bank's paintings is in it. {' '.join(missing)}")
    return found, tuple(missing)


@torch.inference_mode()
def score(
    entrants: Sequence[Entrant], material: Material, features: Features, progress: Progress
) -> Report:
    """Measure every entrant on `material`; `progress` shows how far it is."""
    sheets = [_Sheet() for _ in entrants]
    rows = list(zip(entrants, sheets, strict=True))
    plates = _look(rows, material, features, progress)
    noisy = spread(material.photos, FLICKERING)
    for number, photo in enumerate(progress.track(noisy, description="noise")):
        shots = exposures(photo.pixels, number)
        for entrant, sheet in rows:
            sheet.flicker.append(flicker(entrant.paint, shots).ratio)
    for scene in progress.track(_scenes(material.pairs), description="motion"):
        for entrant, sheet in rows:
            sheet.motion += _moved(scene, motion(entrant.paint, scene))
    for clip in progress.track(material.clips, description="clips"):
        for entrant, sheet in rows:
            found = idle_change(entrant.paint, clip.frames)
            sheet.idle.append(Idle(clip.name, 255 * found.error, found.ratio))
    _time(rows, progress)
    return Report(
        styles=material.styles,
        rows=tuple(sheet.row(entrant) for entrant, sheet in rows),
        plates=plates,
        paintings={k: _as_bytes(p.pixels) for k, p in material.paintings.items()},
        photos=tuple(photo.name for photo in material.photos),
        features=features.name,
        machine=machine(),
        notes=material.notes,
    )


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` of `items`, evenly over them."""
    return (
        [items[i * len(items) // count] for i in range(count)] if len(items) > count else [*items]
    )


def _look(
    rows: Sequence[tuple[Entrant, _Sheet]],
    material: Material,
    features: Features,
    progress: Progress,
) -> tuple[Plate, ...]:
    """Take the losses and the similarity on every photograph; keep some as plates."""
    targets = grams_of(material.paintings, features)
    shown = {id(photo) for photo in spread(material.photos, PLATES)}
    plates: list[Plate] = []
    for photo in progress.track(material.photos, description="losses"):
        batch = photo.pixels[None]
        wanted = features.network(batch)[features.content]
        painted = {entrant.name: entrant.paint(batch) for entrant, _ in rows}
        for entrant, sheet in rows:
            seen = features.network(painted[entrant.name])
            sheet.content.append(content_loss(seen[features.content], wanted).item())
            if entrant.style in targets:
                found = {layer: seen[layer] for layer in features.style}
                sheet.style.append(style_loss(found, [targets[entrant.style]]).item())
            sheet.ssim.append(similarity(painted[entrant.name][0], photo.pixels))
        if id(photo) in shown:
            pictures = {name: _as_bytes(picture[0]) for name, picture in painted.items()}
            plates.append(Plate(_as_bytes(photo.pixels), pictures))
    return tuple(plates)


@torch.inference_mode()
def grams_of(paintings: Mapping[str, Picture], features: Features) -> dict[str, dict[str, Tensor]]:
    """The Gram matrices, layer → (C, C), of each style's painting."""
    found: dict[str, dict[str, Tensor]] = {}
    for style, painting in paintings.items():
        seen = features.network(painting.pixels[None])
        found[style] = {layer: gram(seen[layer])[0] for layer in features.style}
    return found


@torch.inference_mode()
def loss_of_style(picture: np.ndarray, target: Mapping[str, Tensor], features: Features) -> float:
    """The style loss of `picture`, (H, W, 3), uint8, RGB, to the Gram matrices `target`."""
    seen = features.network(picture_of_array(picture)[None])
    return style_loss({layer: seen[layer] for layer in features.style}, [target]).item()


def similarity(painted: Tensor, photo: Tensor) -> float:
    """SSIM of the luma of two pictures, (3, H, W), RGB, 0..1; 1 is the same picture.

    Wang et al., "Image Quality Assessment", IEEE TIP 2004, with the Gaussian window (deviation 1.5
    pixels) and the constants of the paper.
    Raises TrainError when scikit-image is not installed.
    """
    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        raise TrainError("scoring needs scikit-image; pip install 'murai-show[train]'") from None
    one, two = ((picture * _LUMA).sum(0).numpy() for picture in (painted, photo))
    found = structural_similarity(
        one,
        two,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(found)  # pyright: ignore[reportArgumentType] - a tuple only when asked for one


def _scenes(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """`pairs` by scene: those share frames, which are then painted once."""
    scenes: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        scenes.setdefault((pair.group, pair.scene), []).append(pair)
    return list(scenes.values())


def _moved(pairs: Sequence[Pair], found: Sequence[Restless]) -> Iterable[Moved]:
    """The means over the pairs of a scene, a `Moved` for each gap."""
    for gap in sorted({pair.gap for pair in pairs}):
        here = [r for pair, r in zip(pairs, found, strict=True) if pair.gap == gap]
        error = 255 * statistics.mean(r.error for r in here)
        ratio = statistics.mean(r.ratio for r in here)
        yield Moved(pairs[0].group, pairs[0].scene, gap, error, ratio)


def _time(rows: Sequence[tuple[Entrant, _Sheet]], progress: Progress) -> None:
    """Time each network once, and note it for every style that it paints."""
    networks = {id(entrant.network): entrant.paint for entrant, _ in rows}
    for size in SIZES:
        name = f"{size[0]}x{size[1]}"
        taken = milliseconds(
            list(networks.values()), size, lambda n, name=name: progress.track(n, description=name)
        )
        by_network = dict(zip(networks, taken, strict=True))
        for entrant, sheet in rows:
            sheet.milliseconds[name] = by_network[id(entrant.network)]


def _as_bytes(picture: Tensor) -> np.ndarray:
    """(3, H, W), 0..1 → (H, W, 3), uint8."""
    return (picture * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
