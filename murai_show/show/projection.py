"""What a plan says about projection: the surface, one projector's part of it, its light."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from murai_show.show.surface import EDGES, Curve, Mesh, Region
from murai_show.show.words import Size

Levels = tuple[float, float, float]
Widths = tuple[float, float, float, float]

NONE: Widths = (0.0, 0.0, 0.0, 0.0)
UNITY: Levels = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class SurfaceSpec:
    """The whole wall and how the painted picture lies on it.  `mask` is an absolute path."""

    name: str
    size: Size
    fit: Literal["cover", "contain", "stretch"]
    mirror: Literal["none", "horizontal", "vertical", "both"]
    rotate: Literal[0, 90, 180, 270]
    mask: Path | None = None


@dataclass(frozen=True)
class Beam:
    """One projector's light on a surface.

    `ramps` are the widths, in pixels of the surface, over which its weight falls to its left,
    right, top and bottom edge, where neighbours take over.  `black` is the light of its black,
    linear, full white being 1.
    """

    region: Region
    ramps: Widths
    curve: Curve
    black: Levels


@dataclass(frozen=True)
class ProjectionSpec:
    """One projector on one surface.

    `beam` is None where it takes no part in blending: `soft_edge: off`, and films.  `neighbours`
    are the beams that overlap it.  `fades` are soft edges that no neighbour makes up for.
    `darkest` is the light of black all over the surface once it is even, `room` what that leaves
    for the picture.  `gamma` is the projector's own.
    """

    surface: SurfaceSpec
    region: Region
    gamma: float = 2.2
    curve: Curve = "cosine"
    beam: Beam | None = None
    neighbours: tuple[Beam, ...] = ()
    fades: Widths = NONE
    darkest: Levels = (0.0, 0.0, 0.0)
    room: Levels = UNITY
    gains: Levels = UNITY
    mask: Path | None = None
    mesh: Mesh | None = None

    @property
    def lifted(self) -> bool:
        """Whether black is lifted anywhere."""
        return self.room != UNITY

    @property
    def lit(self) -> bool:
        """Whether light is anything else than the picture's, or bends."""
        masked = self.mask is not None or self.surface.mask is not None
        blended = bool(self.neighbours) or self.fades != NONE
        return masked or blended or self.lifted or self.gains != UNITY or self.mesh is not None


def projection_to_json(spec: ProjectionSpec) -> dict[str, Any]:
    """What `murai-show plan` says about it, in the words of the show language."""
    beam, surface = spec.beam, spec.surface
    ramps = beam.ramps if beam and spec.neighbours else NONE
    edges = {
        edge: max(ramp, fade)
        for edge, ramp, fade in zip(EDGES, ramps, spec.fades, strict=True)
        if ramp or fade
    }
    masks = [str(mask) for mask in (surface.mask, spec.mask) if mask]
    found: dict[str, Any] = {}
    if surface.name:
        found |= {"surface": f"{surface.name} {surface.size}", "region": list(spec.region)}
    if edges:
        found["soft_edge"] = [f"{edge} {width:g}" for edge, width in edges.items()]
        found |= {"blend_curve": spec.curve, "blend_gamma": spec.gamma}
    if spec.lifted and beam:
        found["black_level"] = [f"{level ** (1 / spec.gamma):.3g}" for level in beam.black]
    if spec.gains != UNITY:
        found["gains"] = [f"{gain:g}" for gain in spec.gains]
    if spec.mesh:
        found["mesh"] = f"{len(spec.mesh)} x {len(spec.mesh[0])} points"
    return found | ({"mask": masks} if masks else {})
