"""Where the picture goes, and with what canvas."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from murai_show.show.align import Alignment, read_alignment
from murai_show.show.hints import did_you_mean, nearest
from murai_show.show.paths import bad_pattern
from murai_show.show.plan_sending import check_sending
from murai_show.show.plan_surfaces import Layout, lay_out, project
from murai_show.show.planned import CanvasSpec, Monitor, PlannedOutput
from murai_show.show.rehearse import goal, offscreen
from murai_show.show.schema import (
    CanvasNoun,
    DisplayOutput,
    MemoryOutput,
    Output,
    RecordingOutput,
    SnapshotOutput,
    StreamOutput,
    VirtualCameraOutput,
)
from murai_show.show.site import Site
from murai_show.show.words import Size

DESK = Size(1280, 720)
_ENDINGS: dict[str, tuple[str, ...]] = {
    "recording": (".mp4", ".mkv"),
    "snapshot": (".png", ".jpg", ".jpeg"),
}


def plan_outputs(site: Site) -> tuple[tuple[PlannedOutput, ...], tuple[str, ...]]:
    """Every output that is right, in the order of the file, and the notes about stand-ins."""
    outputs = {n: o for n, o in (site.draft.outputs or {}).items() if o is not None}
    planned: list[PlannedOutput] = []
    walls = _walls(site)
    notes: list[str] = []
    written: dict[Path, str] = {}
    taken: dict[str, str] = {}
    for name, output in outputs.items():
        stands_for, spec = "", output
        if site.rehearse and isinstance(output, DisplayOutput | StreamOutput | VirtualCameraOutput):
            stands_for, spec = output.kind, offscreen(output)
            notes.append(f"output {name}: an offscreen canvas stands in for {goal(output)}")
        elif isinstance(output, DisplayOutput):
            _check_monitor(site, name, output)
        check_sending(site, name, output, taken)
        file = _file(site, name, output, written)
        canvas = _canvas(site, name, output, walls)
        planned.append(PlannedOutput(name, spec, canvas, file, stands_for))
    return tuple(planned), (*notes, *walls.layout.notes, *walls.alignment.notes)


@dataclass(frozen=True)
class _Walls:
    """What every canvas is made with: who shows which part of which surface, and where the
    corners and meshes were put at the wall."""

    layout: Layout
    alignment: Alignment


def _walls(site: Site) -> _Walls:
    source, known = site.draft.source, list(site.draft.outputs or {})
    alignment = read_alignment(source.path, site.facts.work, known, site.findings)
    return _Walls(lay_out(site), alignment)


def _canvas(site: Site, name: str, output: Output, walls: _Walls) -> CanvasSpec | None:
    """The canvas of an output; with `of`, the whole canvas of the one at the end of the chain."""
    if isinstance(output, MemoryOutput):
        return None
    if output.of is not None:
        own = [key for key in CanvasNoun.model_fields if key in output.model_fields_set]
        for key in own:
            site.blame(
                f"{key}: output {name} takes the whole canvas of {output.of}; delete {key} or of",
                *("outputs", name, key),
            )
    source = source_of(site, name, output)
    found = (site.draft.outputs or {}).get(source) if source else None
    return _own_canvas(site, source, found, walls) if isinstance(found, CanvasNoun) else None


def source_of(site: Site, name: str, output: Output) -> str:
    """The name of the output whose canvas `output` shows; empty, and a finding, when the chain
    leads nowhere."""
    outputs = site.draft.outputs or {}
    chain = [name]
    found: Output | None = output
    while found is not None and not isinstance(found, MemoryOutput) and found.of is not None:
        here, target = chain[-1], found.of
        if target in chain:
            cycle = [*chain[chain.index(target) :], target]
            if name == min(cycle):  # say it once
                site.blame(
                    f"of: a circle, {' → '.join(cycle)}; one of them needs a canvas of its own",
                    *("outputs", name, "of"),
                )
            return ""
        key = ("outputs", here, "of")
        if target not in outputs:
            hint = did_you_mean(target, [n for n in outputs if n != here])
            site.blame(f"no output {site.draft.shown(*key)}{hint}", *key)
            return ""
        found = outputs[target]
        if isinstance(found, MemoryOutput):
            site.blame(f"of: output {site.draft.shown(*key)} of kind memory has no canvas", *key)
            return ""
        chain.append(target)
    return chain[-1]


def _own_canvas(site: Site, name: str, output: CanvasNoun, walls: _Walls) -> CanvasSpec:
    size = output.size
    if size is None and isinstance(output, DisplayOutput) and not output.window:
        monitor = _monitor(site, output)
        size = monitor.size if monitor else None
    if size is None and name in walls.layout.regions:
        width, height = walls.layout.regions[name][2:]
        size = Size(height, width) if output.rotate in (90, 270) else Size(width, height)
    size = size or DESK
    aligned = walls.alignment.outputs.get(name)
    corners = (aligned and aligned.corners) or output.corners
    mesh = (aligned and aligned.mesh) or output.mesh
    return CanvasSpec(
        size,
        output.fit,
        corners,
        output.mirror,
        output.rotate,
        output.brightness,
        output.gamma,
        project(site, name, output, size, walls.layout, mesh),
    )


def _monitor(site: Site, output: DisplayOutput) -> Monitor | None:
    """The named monitor, or the first."""
    monitors = site.facts.monitors or ()
    wanted = output.monitor
    return next((m for m in monitors if wanted is None or m.name == wanted), None)


def _check_monitor(site: Site, name: str, output: DisplayOutput) -> None:
    """A display needs its monitor; `check` does not ask for monitors."""
    if site.facts.monitors is None or _monitor(site, output) is not None:
        return
    key = ("outputs", name, "monitor" if output.monitor else "kind")
    names = [m.name for m in site.facts.monitors]
    hint = "; murai-show run --rehearse plays the show without it"
    if not names:
        site.blame(f"output {name}: no monitor is connected here{hint}", *key)
    else:
        near = nearest(output.monitor or "", names)
        there = f"did you mean {near}? " if near else ""
        there += f"There {'is' if len(names) == 1 else 'are'} {', '.join(names)}"
        site.blame(f"monitor: no monitor {site.draft.shown(*key)} here; {there}{hint}", *key)


def _file(site: Site, name: str, output: Output, written: dict[Path, str]) -> Path | None:
    """The absolute pattern of the files to write, with the show's name in it."""
    if not isinstance(output, RecordingOutput | SnapshotOutput):
        return None
    key = ("outputs", name, "path")
    node, own = site.draft.root.find(*key)
    shown = node.shown() if own else repr(output.path)
    wrong = bad_pattern(output.path, _ENDINGS[output.kind], shown)
    if wrong:
        site.blame(f"path: {wrong}", *key)
        return None
    show = site.draft.head.show if site.draft.head else "{show}"
    file = site.facts.work / output.path.replace("{show}", show)
    if file in written:
        site.blame(
            f"path: output {written[file]} writes {shown} too; give each a path of its own", *key
        )
    written.setdefault(file, name)
    return file
