"""The composition root of `murai-show score`: files, films and cameras become what is painted."""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from murai_show.errors import UsageError
from murai_show.show.words import Size

if TYPE_CHECKING:
    import numpy as np

    from murai_show.style.card import StyleCard
    from murai_show.style.judge import StyleLoss
    from murai_show.train.flow import Pair
    from murai_show.train.score import Clip, Report

log = logging.getLogger(__name__)

SIZE = Size(640, 360)
GAPS = (1, 10)  # frames
STILLS = 4  # photographs that the virtual camera visits
FPS, EACH, MOMENT = 25.0, 4.0, 40  # frames a second, seconds a photograph, the frame to begin at
FRAMES = 24  # of a clip


@dataclass(frozen=True)
class Order:
    """What `score` is asked for, as on the command line."""

    bank: Path
    content: Path | None = None
    pictures: Path | None = None
    features: Path | None = None
    clips: tuple[Path, ...] = ()
    flow: Path | None = None
    against: tuple[str, ...] = ()
    photos: int = 20


def score_bank(order: Order) -> Report:
    """Open everything that `order` names and score it, with a progress bar on stderr.

    Raises a MuraiError for the first file that cannot be used; files are all opened before the
    long work begins.
    """
    from rich.console import Console
    from rich.progress import Progress

    from murai_show.camera.still import find_photos
    from murai_show.style.bank import read_bank
    from murai_show.train.data import list_photos
    from murai_show.train.features import load_features
    from murai_show.train.flow import find_pairs
    from murai_show.train.peers import bank_entrants, open_peer
    from murai_show.train.score import Material, find_paintings, open_photos, score

    bank = read_bank(order.bank)
    entrants = [*bank_entrants(bank)]
    entrants += [open_peer(choice, bank.card.names) for choice in order.against]
    names = [entrant.name for entrant in entrants]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"--against: two networks are called {name!r}; rename one of the files"
            )
    features = load_features(order.features)
    paintings, notes = find_paintings(bank.card.styles, order.pictures)
    if order.content is None:
        paths = list(find_photos("demo"))
        notes = ("Measured on the demo's photographs: --content names a folder of others.", *notes)
    else:
        paths = list_photos(order.content)
    for note in notes:
        log.warning("%s", note)
    pairs = [*still_pairs(paths), *(find_pairs(order.flow, GAPS) if order.flow else ())]
    clips = tuple(open_clip(path) for path in order.clips)
    photos = open_photos(paths, order.photos)
    material = Material(bank.card.styles, photos, paintings, tuple(pairs), clips, notes)
    with Progress(console=Console(stderr=True)) as progress:
        return score(entrants, material, features, progress)


def style_losses(styles: Sequence[StyleCard], pictures: Path, features: Path | None) -> StyleLoss:
    """What `score` calls style loss, for whoever judges pictures: of those of `styles` whose
    painting, as its card names it, is below the folder `pictures`.

    A sentence in the log names each that is not.  `features` is as `load_features` has it.  Raises
    TrainError.
    """
    from murai_show.train.features import load_features
    from murai_show.train.score import find_paintings, grams_of, loss_of_style

    paintings, notes = find_paintings(styles, pictures)
    for note in notes:
        log.warning("%s", note)
    seen = load_features(features)
    targets = grams_of(paintings, seen)
    known: dict[tuple[str, bytes], float] = {}

    def loss(style: str, picture: np.ndarray) -> float | None:
        if style not in targets:
            return None
        # A judge asks for the fp32 pictures again with every attempt, and the VGG takes a second.
        key = (style, hashlib.blake2b(picture.tobytes()).digest())
        if key not in known:
            known[key] = loss_of_style(picture, targets[style], seen)
        return known[key]

    return loss


def still_pairs(paths: Sequence[Path]) -> Iterator[Pair]:
    """Frames of the `still` camera over some of `paths`, at each of `GAPS`, with their exact flow.

    Without sensor noise: against that there is a figure of its own, and the error that is left in
    the film is interpolation's.  Raises CameraError when none of the photographs can be read.
    """
    from murai_show.camera.still import Album, StillFilm
    from murai_show.train.flow import pairs_of_arrays
    from murai_show.train.score import spread

    chosen = spread(paths, STILLS)
    with Album(chosen, SIZE) as album:
        film = StillFilm(album, SIZE, FPS, EACH, noise=0.0, seed=1)
        for visit, path in enumerate(chosen):
            first = round(visit * EACH * FPS) + MOMENT
            later = [
                (gap, film.picture(first + gap), *film.flow(first, first + gap)) for gap in GAPS
            ]
            yield from pairs_of_arrays("still", path.stem, film.picture(first), later)


class Untimed:
    """The wire of a film that is read as fast as it can be, from its beginning."""

    closing = False
    behind = False

    def __init__(self) -> None:
        self.clock = self
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now

    def wait_until(self, due: float) -> bool:
        self._now = max(self._now, due)
        return True

    def rest(self, seconds: float) -> bool:
        self._now += seconds
        return True

    def drop(self, reason: str, count: int = 1) -> None:
        log.warning("a clip has %d %s pictures", count, reason)


def open_clip(path: Path) -> Clip:
    """The first `FRAMES` pictures of a film, scaled to lie inside `SIZE`.

    Raises UsageError when it is not there, CameraError when it cannot be read or has one only.
    """
    from murai_show.camera.film import file_source
    from murai_show.show.schema import FileCamera
    from murai_show.train.flow import picture_of_array
    from murai_show.train.score import Clip

    if not path.is_file():
        raise UsageError(f"--clip {path}: no such film")
    source = file_source(FileCamera(kind="file", path=str(path), loop=False), SIZE)
    pictures = source.pictures(Untimed())
    frames = [picture_of_array(p.pixels) for p in itertools.islice(pictures, FRAMES)]
    pictures.close()
    if len(frames) < 2:
        raise UsageError(f"--clip {path}: one picture is no film")
    return Clip(path.stem, tuple(frames))
