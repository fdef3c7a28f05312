"""The alignment beside a show: `NAME.align.yaml` says again where corners and meshes are.

The artist's file is never written; whoever stands at the wall moves points, and they land here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from murai_show.show.findings import Findings
from murai_show.show.hints import did_you_mean, one_of
from murai_show.show.load import read_source
from murai_show.show.noun import Noun
from murai_show.show.schema import Corners
from murai_show.show.sentences import report
from murai_show.show.surface import Mesh, check_mesh
from murai_show.show.tree import Node, read_tree
from murai_show.show.words import Name

ENDING = ".align.yaml"


class AlignedOutput(Noun):
    """Where one output's corners and mesh are; what is left out stays as the show has it."""

    corners: Corners | None = Field(default=None, description="As in the show.")
    mesh: Mesh | None = Field(default=None, description="As in the show.")

    @field_validator("mesh")
    @classmethod
    def _bends(cls, found: Mesh | None) -> Mesh | None:
        if found is not None:
            check_mesh(found)
        return found


class Sidecar(Noun):
    """The whole file."""

    align: Name = Field(description="Name of the show.")
    outputs: dict[Name, AlignedOutput] = Field(default_factory=dict, description="By name.")


@dataclass(frozen=True)
class Alignment:
    """What a sidecar says: by output, and the notes about entries that no output answers to."""

    outputs: Mapping[str, AlignedOutput]
    notes: tuple[str, ...] = ()


def sidecar_of(show: Path) -> Path:
    """`shows/up375.yaml` → `shows/up375.align.yaml`."""
    return show.with_name(show.name.removesuffix(".yaml") + ENDING)


def read_alignment(show: Path, work: Path, known: list[str], findings: Findings) -> Alignment:
    """The alignment of the show file `show`; empty where there is no sidecar.

    `known` are the show's outputs.  What is wrong goes to `findings` under the sidecar's name.
    Raises UsageError when it cannot be read, ShowError when it is no YAML.
    """
    path = sidecar_of(show)
    if not path.is_file():
        return Alignment({})
    source = read_source(path, work)
    own = Findings(source.shown)
    root = read_tree(source.text, own)
    outputs = _read(root, own)
    findings.join(own)
    notes = [
        f"{source.shown}:{root.find('outputs', name)[0].named.line}: no output {name!r} in the "
        f"show{did_you_mean(name, known)}; its alignment is not used"
        for name in outputs
        if name not in known
    ]
    return Alignment({n: o for n, o in outputs.items() if n in known}, tuple(notes))


def _read(root: Node, findings: Findings) -> dict[str, AlignedOutput]:
    if not isinstance(root.value, dict):
        what = f"an alignment is a map of keys, found {root.shown()}; begin with align: NAME"
        findings.add(root.at, what)
        return {}
    for key, node in root.members.items():
        if key not in Sidecar.model_fields:
            hint = one_of(key, Sidecar.model_fields)
            findings.add(node.named, f"unknown key {key!r} in the alignment{hint}")
    node = root.members.get("outputs")
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        findings.add(node.at, f"outputs: {node.shown()} is not a map of outputs; write names")
        return {}
    found: dict[str, AlignedOutput] = {}
    for name, item in node.members.items():
        try:
            found[name] = AlignedOutput.model_validate(item.bare())
        except ValidationError as error:
            report(error, AlignedOutput, item, f"output {name}", findings)
    return found


def write_alignment(path: Path, show: str, outputs: Mapping[str, AlignedOutput]) -> None:
    """Write a sidecar: beside, synced, renamed, so that a power cut leaves the old or the new.

    Raises OSError.
    """
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(alignment_text(show, outputs))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def alignment_text(show: str, outputs: Mapping[str, AlignedOutput]) -> str:
    """The sidecar's text; six digits are finer than a hundredth of a pixel anywhere."""
    lines = [
        f"# Alignment of the show {show}, written by murai-show align.  It wins over the corners",
        "# and meshes in the show; delete it, or a part of it, to go back to those.",
        f"align: {show}",
        "outputs:" if outputs else "outputs: {}",
    ]
    for name, output in outputs.items():
        lines.append(f"  {name}:")
        if output.corners is None and output.mesh is None:
            lines[-1] += " {}"
        if output.corners is not None:
            lines.append("    corners:")
            lines += [f"      {corner}: {_point(point)}" for corner, point in output.corners]
        if output.mesh is not None:
            lines.append("    mesh:")
            lines += [f"      - [{', '.join(map(_point, row))}]" for row in output.mesh]
    return "\n".join([*lines, ""])


def _point(point: tuple[float, float]) -> str:
    return f"[{', '.join(f'{round(v, 6):.10g}' for v in point)}]"
