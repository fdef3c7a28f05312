"""The sidecar: what was put right at the wall wins, and the artist's file stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from murai_show.errors import ShowError
from murai_show.show.align import AlignedOutput, alignment_text, sidecar_of, write_alignment
from murai_show.show.mesh import even_grid
from murai_show.show.schema import Corners
from tests.output.surfaces import plan_of, three

FILM = "  film: { kind: recording, of: left }\n"


def said(folder: Path, sidecar: str) -> list[str]:
    (folder / "wall.align.yaml").write_text(sidecar)
    with pytest.raises(ShowError) as caught:
        plan_of(folder, three() + FILM, work=folder)
    return str(caught.value).split("\n")


def test_a_sidecar_moves_corners_and_meshes(tmp_path) -> None:
    plain = plan_of(tmp_path, three() + FILM)
    before = (tmp_path / "wall.yaml").read_bytes()
    moved = Corners(top_left=(0.02, 0.03))
    mesh = (((0.0, 0.0), (0.4, 0.1), (1.0, 0.0)), ((0.0, 1.0), (0.5, 1.0), (1.0, 1.0)))
    outputs = {"left": AlignedOutput(corners=moved), "right": AlignedOutput(mesh=mesh)}
    write_alignment(sidecar_of(tmp_path / "wall.yaml"), "wall", outputs)
    plan = plan_of(tmp_path, three() + FILM)
    left, centre, right, film = (o.canvas for o in plan.outputs)
    assert left
    assert right
    assert left.corners == moved
    assert centre == plain.outputs[1].canvas
    assert right.projection
    assert right.projection.mesh == mesh
    assert film == left, "whoever shows the same, shows the same"
    assert (tmp_path / "wall.yaml").read_bytes() == before
    assert plan.notes == ()


def test_what_is_written_reads_back_to_a_millionth(tmp_path) -> None:
    grid = tuple(tuple((x + 0.1 / 3, y) for x, y in row) for row in even_grid(3, 4))
    output = AlignedOutput(corners=Corners(top_left=(1 / 3, -0.01)), mesh=grid)
    text = alignment_text("wall", {"left": output, "centre": AlignedOutput()})
    (tmp_path / "wall.align.yaml").write_text(text)
    canvas = plan_of(tmp_path, three()).outputs[0].canvas
    assert canvas
    assert canvas.projection
    assert canvas.projection.mesh
    assert canvas.corners.top_left == pytest.approx((1 / 3, -0.01), abs=1e-6)
    for row, wanted in zip(canvas.projection.mesh, grid, strict=True):
        assert row == tuple(pytest.approx(point, abs=1e-6) for point in wanted)


def test_no_outputs_are_an_alignment_too(tmp_path) -> None:
    (tmp_path / "wall.align.yaml").write_text(alignment_text("wall", {}))
    assert plan_of(tmp_path, three()).notes == ()


def test_writing_leaves_the_old_or_the_new(tmp_path, monkeypatch) -> None:
    path = tmp_path / "wall.align.yaml"
    write_alignment(path, "wall", {})
    before = path.read_text()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_alignment(path, "wall", {"left": AlignedOutput(corners=Corners())})
    assert path.read_text() == before


def test_an_output_that_is_gone_is_noted(tmp_path) -> None:
    (tmp_path / "wall.align.yaml").write_text("align: wall\noutputs:\n  lft: {}\n")
    note = "wall.align.yaml:3: no output 'lft' in the show; did you mean left?; its alignment is "
    assert plan_of(tmp_path, three(), work=tmp_path).notes == (f"{note}not used",)


WRONG = {
    "[]": "1:1: an alignment is a map of keys, found a list; begin with align: NAME",
    "outptus: {}": "1:1: unknown key 'outptus' in the alignment; did you mean outputs? "
    "(align, outputs)",
    "outputs: [left]": "1:10: outputs: ['left'] is not a map of outputs; write names",
    "outputs:\n  left: { corner: {} }": "2:11: unknown key 'corner' in output left; "
    "did you mean corners?",
    "outputs:\n  left: { corners: { top_left: [0, 7] } }": "2:32: top_left: [0, 7] is out of "
    "range; x and y go from -1 to 2, the output from 0 to 1",
    "outputs:\n  left: { mesh: [[[0, 0], [1, 0]]] }": "2:17: mesh: 1 row; a mesh has 2 to 33 rows "
    "of points",
    "outputs: &a {}": "1:10: the anchor &a is not part of the show language; delete it; "
    "`defaults:` shares values",
}


@pytest.mark.parametrize(("sidecar", "sentence"), WRONG.items())
def test_what_is_wrong_is_said_of_the_sidecar(tmp_path, sidecar, sentence) -> None:
    assert said(tmp_path, sidecar) == [f"wall.align.yaml:{sentence}"]


def test_both_files_are_told_at_once(tmp_path) -> None:
    (tmp_path / "wall.align.yaml").write_text("outputs:\n  left: { corners: 3 }\n")
    with pytest.raises(ShowError) as caught:
        plan_of(tmp_path, three(soft_edge="atuo"), work=tmp_path)
    files = {str(problem).split(":")[0] for problem in caught.value.problems}
    assert files == {"wall.yaml", "wall.align.yaml"}
