"""A report of scores in columns: as JSON, and as tables for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from rich.table import Table

from murai_show.train.score import Report, Row

NOTHING = "–"
Part = Literal["picture", "film", "cost"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Measure:
    """One column: `of` takes its figure from a row, None where it was not measured; `form` formats
    it; `about` says in a few words what it is."""

    name: str
    part: Part
    form: str
    about: str
    of: Callable[[Row], float | None]

    def text(self, row: Row) -> str:
        value = self.of(row)
        return NOTHING if value is None else format(value, self.form)


def measures(report: Report) -> tuple[Measure, ...]:
    """The columns that `report` has figures for.  Lower is better, but for SSIM."""
    return (*_picture(), *_film(report), *_cost(report))


def _picture() -> Iterator[Measure]:
    yield Measure("content", "picture", ".3f", "feature distance to the photo", lambda r: r.content)
    yield Measure(
        "style", "picture", ".4f", "Gram distance to the painting", lambda r: r.style_loss
    )
    yield Measure("SSIM", "picture", ".3f", "structure kept, 1 is all", lambda r: r.ssim)


def _film(report: Report) -> Iterator[Measure]:
    yield Measure("flicker", "film", ".2f", "under sensor noise, input = 1", lambda r: r.flicker)
    for group, gap in report.motions:
        about = f"warping error over {gap} {'frame' if gap == 1 else 'frames'}, input = 1"
        yield Measure(
            f"{group} {gap}", "film", ".2f", about, lambda r, g=group, n=gap: r.moved(g, n)
        )
    if report.rows[0].scene("alley_1"):
        yield Measure("alley_1", "film", ".2f", "warping error, Sintel alley_1", _alley)
    for i, clip in enumerate(report.rows[0].idle):
        yield Measure(
            f"idle {clip.clip}",
            "film",
            ".2f",
            "change where the clip stands still, input = 1",
            lambda r, i=i: r.idle[i].ratio,
        )


def _alley(row: Row) -> float | None:
    found = row.scene("alley_1")
    return None if found is None else found.ratio


def _cost(report: Report) -> Iterator[Measure]:
    yield Measure(
        "kMAC/px", "cost", ".1f", "multiplications a pixel, in thousands", lambda r: r.macs / 1e3
    )
    yield Measure("parameters", "cost", ",.0f", "network and one style", lambda r: r.parameters)
    for size in report.rows[0].milliseconds:
        yield Measure(
            f"ms {size}", "cost", ".0f", "median, PyTorch", lambda r, s=size: r.milliseconds[s]
        )


def ratios(report: Report, row: Row, peer: Row) -> dict[str, float]:
    """Each figure of `row` over that of `peer`, where both have one and it is not zero."""
    found: dict[str, float] = {}
    for measure in measures(report):
        ours, theirs = measure.of(row), measure.of(peer)
        if ours is not None and theirs:
            found[measure.name] = ours / theirs
    return found


def compared(report: Report) -> list[tuple[Row, Row]]:
    """Each style of the bank with each peer of that style."""
    return [(row, peer) for row in report.rows for peer in report.peers(row)]


def report_json(report: Report) -> dict[str, Any]:
    """The report without its pictures, for scripts."""
    return {
        "machine": report.machine,
        "features": report.features,
        "photos": list(report.photos),
        "notes": list(report.notes),
        "rows": [asdict(row) for row in report.rows],
        "against": [
            {"style": row.name, "peer": peer.name, "ratios": ratios(report, row, peer)}
            for row, peer in compared(report)
        ],
    }


def report_tables(report: Report) -> Iterator[Table]:
    """The same for a person: tables of the picture, of film, of cost, and one of ratios."""
    columns = measures(report)
    for part in PARTS:
        chosen = [measure for measure in columns if measure.part == part]
        table = Table("style", "painter", title=part, title_justify="left")
        for measure in chosen:
            table.add_column(measure.name, justify="right")
        for row in report.rows:
            painter = row.name if row.peer else row.kind
            table.add_row(row.style, painter, *(measure.text(row) for measure in chosen))
        yield table
    pairs = compared(report)
    if not pairs:
        return
    table = Table("", title="ours over theirs", title_justify="left")
    for row, peer in pairs:
        table.add_column(f"{row.name} / {peer.name}", justify="right")
    found = [ratios(report, row, peer) for row, peer in pairs]
    for measure in columns:
        cells = [format(r[measure.name], ".2f") if measure.name in r else NOTHING for r in found]
        table.add_row(measure.name, *cells)
    yield table
