"""Which projector shows which part of which surface, and how their light adds up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from murai_show.show.hints import did_you_mean
from murai_show.show.mask_file import mask_file
from murai_show.show.projection import NONE, Beam, Levels, ProjectionSpec, SurfaceSpec, Widths
from murai_show.show.schema import CanvasNoun, DisplayOutput, OffscreenOutput, Output
from murai_show.show.site import Site
from murai_show.show.surface import EDGES, Mesh, Region, SoftEdge, Surface
from murai_show.show.words import Size


@dataclass(frozen=True)
class Layout:
    """Every surface and the outputs on it: `surfaces` and `regions` by name, as far as they are
    right; `beams` are the projectors that blend, by output and in the order of the file."""

    surfaces: Mapping[str, SurfaceSpec]
    regions: Mapping[str, Region]
    beams: Mapping[str, tuple[str, Beam]]
    notes: tuple[str, ...]

    def on(self, surface: str) -> dict[str, Beam]:
        """The beams on one surface, by output."""
        return {name: beam for name, (where, beam) in self.beams.items() if where == surface}


def lay_out(site: Site) -> Layout:
    """Place every output on its surface; what is wrong goes to the site's findings."""
    nouns = {n: s for n, s in (site.draft.surfaces or {}).items() if s is not None}
    surfaces = {name: _surface(site, name, noun) for name, noun in nouns.items()}
    outputs = {
        name: output
        for name, output in (site.draft.outputs or {}).items()
        if isinstance(output, CanvasNoun) and output.of is None
    }
    regions: dict[str, Region] = {}
    for name, output in outputs.items():
        region = _region(site, name, output, nouns)
        if region is not None and output.surface in nouns:
            regions[name] = region
    sharing = {n: (o.surface or "", regions[n]) for n, o in outputs.items() if n in regions}
    blending = {
        name: where
        for name, where in sharing.items()
        if is_projector(outputs[name]) and not outputs[name].soft_edge.off
    }
    beams = {
        name: (where, _beam(outputs[name], region, _others(name, blending)))
        for name, (where, region) in blending.items()
    }
    projected = {n: where for n, where in sharing.items() if is_projector(outputs[n])}
    notes = [note for name in nouns for note in _gaps(name, surfaces[name], projected, sharing)]
    return Layout(surfaces, regions, beams, tuple(notes))


def is_projector(output: Output | CanvasNoun) -> bool:
    """Whether it throws light on the wall; a film of a wall is of the wall, without blending."""
    return isinstance(output, DisplayOutput | OffscreenOutput)


def project(
    site: Site, name: str, output: CanvasNoun, size: Size, layout: Layout, mesh: Mesh | None
) -> ProjectionSpec | None:
    """What projection adds to the canvas of an output; None where that is nothing.

    `size` is the canvas's; `mesh` stands for the output's own.
    """
    mask = mask_file(site, output.mask, "outputs", name, "mask") if output.mask else None
    if output.surface is None:
        upright = Size(size.height, size.width) if output.rotate in (90, 270) else size
        surface = SurfaceSpec("", upright, output.fit, "none", 0)
        region = Region(0, 0, *upright)
    elif output.surface in layout.surfaces and name in layout.regions:
        surface, region = layout.surfaces[output.surface], layout.regions[name]
    else:
        return None
    around = {n: b for n, b in layout.on(surface.name).items() if _share(region, b.region)}
    beam = around.pop(name, None)
    _check_soft_edge(site, name, output.soft_edge, region)
    darkest, room = _even(layout.on(surface.name).values())
    found = ProjectionSpec(
        surface=surface,
        region=region,
        gamma=output.blend_gamma,
        curve=output.blend_curve,
        beam=beam,
        neighbours=tuple(around.values()) if beam else (),
        fades=_fades(output.soft_edge, region, [b.region for b in around.values()] if beam else []),
        darkest=darkest if beam else (0.0, 0.0, 0.0),
        room=room if beam else (1.0, 1.0, 1.0),
        gains=output.gains.factors(),
        mask=mask,
        mesh=mesh,
    )
    return found if surface.name or found.lit else None


def _surface(site: Site, name: str, noun: Surface) -> SurfaceSpec:
    for axis, side, count, overlap in zip(
        ("wide", "high"), noun.size, (noun.columns, noun.rows), noun.overlap, strict=True
    ):
        tile = (side + (count - 1) * overlap) / count
        if count > 1 and overlap * (2 if count > 2 else 1) > tile - 1:
            part = "half of a tile" if count > 2 else "a tile"
            site.blame(
                f"overlap: {overlap} takes {part} of surface {name} or more: tiles are "
                f"{tile:.0f} pixels {axis}; write less",
                *("surfaces", name, "overlap"),
            )
    mask = mask_file(site, noun.mask, "surfaces", name, "mask") if noun.mask else None
    return SurfaceSpec(name, noun.size, noun.fit, noun.mirror, noun.rotate, mask)


def tile_region(noun: Surface, tile: int) -> Region:
    """Tile `tile`, from 1, of a surface; the last ends where the surface does."""
    spans: list[tuple[int, int]] = []
    row, column = divmod(tile - 1, noun.columns)
    for side, count, overlap, place in zip(
        noun.size, (noun.columns, noun.rows), noun.overlap, (column, row), strict=True
    ):
        length = ceil((side + (count - 1) * overlap) / count)
        spans.append((round(place * (side - length) / max(1, count - 1)), length))
    (x, width), (y, height) = spans
    return Region(x, y, width, height)


def _region(
    site: Site, name: str, output: CanvasNoun, surfaces: Mapping[str, Surface]
) -> Region | None:
    """The part of its surface that an output shows; None, and findings, when there is none."""
    if output.surface is None:
        for key in ("tile", "region"):
            if getattr(output, key) is not None:
                known = f", such as {min(surfaces)}" if surfaces else ""
                site.blame(
                    f"{key}: output {name} names no surface; write surface: too{known}",
                    *("outputs", name, key),
                )
        return None
    key = ("outputs", name, "surface")
    if output.surface not in (site.draft.surfaces or {}):
        if site.draft.surfaces is None and "surfaces" in site.draft.root.members:
            return None  # no surface could be read, and that has been said
        known = did_you_mean(output.surface, surfaces)
        hint = known or "; describe it below surfaces:"
        site.blame(f"no surface {site.draft.shown(*key)}{hint}", *key)
        return None
    if "fit" in output.model_fields_set:
        site.blame(
            f"fit: output {name} shows a part of surface {output.surface}; write fit there",
            *("outputs", name, "fit"),
        )
    noun = surfaces.get(output.surface)
    return _part(site, name, output, output.surface, noun) if noun else None


def _part(site: Site, name: str, output: CanvasNoun, where: str, noun: Surface) -> Region | None:
    tiles = noun.columns * noun.rows
    split = f"{noun.columns} x {noun.rows}"
    if output.tile is not None and output.region is not None:
        key = ("outputs", name, "region")
        site.blame(f"region: output {name} has a tile already; keep one of the two", *key)
    elif output.tile is not None:
        if output.tile <= tiles:
            return tile_region(noun, output.tile)
        there = f"1 to {tiles} ({split})" if tiles > 1 else "one; write columns: or rows: there"
        site.blame(
            f"tile: {output.tile} is not there; surface {where} has {there}",
            *("outputs", name, "tile"),
        )
    elif output.region is not None:
        region = output.region
        whole = Region(0, 0, *noun.size)
        if _cut(region, whole) == region:
            return region
        site.blame(
            f"region: {region} reaches outside surface {where}, which is {noun.size}; "
            f"x + width is {region.right}, y + height is {region.bottom}",
            *("outputs", name, "region"),
        )
    elif tiles > 1 and is_projector(output):
        site.blame(
            f"output {name}: which tile of surface {where}? write tile: 1 to {tiles} ({split})",
            *("outputs", name, "surface"),
        )
    else:
        return Region(0, 0, *noun.size)
    return None


def _others(name: str, blending: Mapping[str, tuple[str, Region]]) -> list[Region]:
    """The regions of the other projectors on the same surface."""
    here = blending[name][0]
    return [region for n, (where, region) in blending.items() if where == here and n != name]


def _cut(a: Region, b: Region) -> Region:
    """What two regions share; without width or height where they share nothing."""
    x, y = max(a.x, b.x), max(a.y, b.y)
    width, height = min(a.right, b.right) - x, min(a.bottom, b.bottom) - y
    return Region(x, y, max(0, width), max(0, height))


def _share(a: Region, b: Region) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


def _depths(region: Region, others: Iterable[Region]) -> Widths:
    """How far others reach in over the left, right, top and bottom edge; at most half where one
    of them reaches across."""
    depths = [0.0, 0.0, 0.0, 0.0]
    for other in others:
        if not _share(region, other):
            continue
        axes = (
            (region.x, region.right, other.x, other.right),
            (region.y, region.bottom, other.y, other.bottom),
        )
        for axis, (low, high, first, last) in enumerate(axes):
            half = (high - low) / 2
            if first < low:
                reach = last - low if last < high else half
                depths[2 * axis] = max(depths[2 * axis], reach)
            if last > high:
                reach = high - first if first > low else half
                depths[2 * axis + 1] = max(depths[2 * axis + 1], reach)
    return (depths[0], depths[1], depths[2], depths[3])


def _beam(output: CanvasNoun, region: Region, others: Iterable[Region]) -> Beam:
    depths = _depths(region, others)
    left, right, top, bottom = (
        float(depth if asked is None or not depth else asked)
        for asked, depth in zip(output.soft_edge.widths(), depths, strict=True)
    )
    red, green, blue = (level**output.blend_gamma for level in output.black_level.levels())
    return Beam(region, (left, right, top, bottom), output.blend_curve, (red, green, blue))


def _fades(soft: SoftEdge, region: Region, others: Iterable[Region]) -> Widths:
    """Soft edges that were asked for where no neighbour takes over."""
    depths = _depths(region, others)
    left, right, top, bottom = (
        0.0 if depth else float(asked or 0)
        for asked, depth in zip(soft.widths(), depths, strict=True)
    )
    return (left, right, top, bottom) if any((left, right, top, bottom)) else NONE


def _check_soft_edge(site: Site, name: str, soft: SoftEdge, region: Region) -> None:
    for (near, far), side in zip(
        (EDGES[:2], EDGES[2:]), (region.width, region.height), strict=True
    ):
        widths = {edge: getattr(soft, edge) or 0 for edge in (near, far)}
        if sum(widths.values()) <= side:
            continue
        wide = max(widths, key=lambda edge: widths[edge])
        what = f"{widths[wide]} is wider than the region, {side}"
        if widths[wide] <= side:
            what = f"{widths[near]} and {far}: {widths[far]} meet; the region is {side}"
            wide = near
        site.blame(
            f"soft_edge, {wide}: {what} pixels; write less", "outputs", name, "soft_edge", wide
        )


def _cells(regions: Iterable[Region], more: Iterable[Region] = ()) -> Iterable[Region]:
    """The rectangles into which the edges of `regions` and `more` cut a surface."""
    every = [*regions, *more]
    across = sorted({x for r in every for x in (r.x, r.right)})
    down = sorted({y for r in every for y in (r.y, r.bottom)})
    for top, bottom in pairwise(down):
        for left, right in pairwise(across):
            yield Region(left, top, right - left, bottom - top)


def _even(beams: Iterable[Beam]) -> tuple[Levels, Levels]:
    """The light of black where most of it adds up, and what lifting the rest to that leaves."""
    beams = tuple(beams)
    sums: list[Levels] = []
    for cell in _cells(beam.region for beam in beams):
        here = [beam.black for beam in beams if _share(cell, beam.region)]
        if here:
            red, green, blue = (sum(channel) for channel in zip(*here, strict=True))
            sums.append((red, green, blue))
    if not sums:
        return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    most = [max(channel) for channel in zip(*sums, strict=True)]
    least = [min(channel) for channel in zip(*sums, strict=True)]
    room = [1.0 - (high - low) for high, low in zip(most, least, strict=True)]
    return (most[0], most[1], most[2]), (room[0], room[1], room[2])


def _gaps(
    name: str,
    surface: SurfaceSpec,
    projected: Mapping[str, tuple[str, Region]],
    shown: Mapping[str, tuple[str, Region]],
) -> Iterable[str]:
    """Notes about what nobody shows."""
    if not any(where == name for where, _ in shown.values()):
        yield f"surface {name}: no output shows it"
        return
    lit = [region for where, region in projected.values() if where == name]
    whole = Region(0, 0, *surface.size)
    dark = [
        c for c in _cells(lit, [whole]) if _share(c, whole) and not any(_share(c, r) for r in lit)
    ]
    if lit and dark:
        part = sum(c.width * c.height for c in dark) / (whole.width * whole.height)
        first = dark[0]
        yield (
            f"surface {name}: {max(part, 0.001):.1%} of it is lit by no projector, "
            f"first {first.width} x {first.height} pixels at [{first.x}, {first.y}]"
        )
