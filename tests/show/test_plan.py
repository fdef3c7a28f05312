"""From a show to a plan: the machine's facts, sizes, stand-ins and cameras of the command line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from murai_show.errors import ShowError, UsageError
from murai_show.show.plan import Facts, Monitor, Plan, plan_show
from murai_show.show.report import plan_to_json, plan_to_text
from murai_show.show.schema import FileCamera, PatternCamera, StillCamera, StreamCamera, V4l2Camera
from murai_show.show.words import Size
from tests.show.machine import GOOD, SHOWS, machine, shipped_machine, write

MONITORS = (Monitor("HDMI-1", Size(1920, 1080)), Monitor("DP-2", Size(1024, 768)))


def plan_of(folder: Path, text: str, facts: Facts | None = None, **options: object) -> Plan:
    return plan_show(write(folder, text), facts or machine(folder), {}, **options)  # type: ignore[arg-type]


def refused(folder: Path, text: str, facts: Facts, **options: object) -> list[str]:
    with pytest.raises(ShowError) as caught:
        plan_of(folder, text, facts, **options)
    return str(caught.value).split("\n")


def with_output(output: str) -> str:
    return GOOD.replace("{ kind: offscreen }", output)


def with_camera(camera: str) -> str:
    return GOOD.replace("{ kind: pattern }", camera)


@pytest.mark.parametrize("rehearse", [False, True])
@pytest.mark.parametrize("path", SHOWS, ids=lambda path: path.stem)
def test_every_shipped_show_plans_and_rehearses(path: Path, rehearse: bool) -> None:
    plan = plan_show(path, shipped_machine(), {}, rehearse=rehearse)
    assert plan.show == path.stem
    assert path.read_text().startswith("# yaml-language-server: $schema=murai-show.schema.json\n")
    assert plan.config_hash == hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    assert json.loads(json.dumps(plan_to_json(plan))) == plan_to_json(plan)
    assert plan.playlist.name in plan_to_text(plan)
    if rehearse:
        assert plan.camera.spec.kind == "still"
        assert "display" not in {output.spec.kind for output in plan.outputs}


def test_the_building() -> None:
    up375 = next(path for path in SHOWS if path.stem == "up375")
    monitors = tuple(Monitor(f"HDMI-{n}", Size(3840, 2160)) for n in (1, 2, 3))
    plan = plan_show(up375, shipped_machine(monitors=monitors), {"STREET_CAMERA": "/dev/video3"})
    assert isinstance(plan.camera.spec, V4l2Camera)
    assert plan.camera.spec.device == "/dev/video3"
    *projectors, archive, watch = plan.outputs
    regions = [p.canvas.projection.region for p in projectors if p.canvas and p.canvas.projection]
    assert [(region.x, region.right) for region in regions] == [
        (0, 1920),
        (1680, 3600),
        (3360, 5280),
    ]
    assert archive.canvas == watch.canvas
    assert plan.place.tz == "America/Montreal"
    assert plan.playlist.entries[-1] == (("klee", 0.6), ("starry", 0.4))
    assert [rule.playlist.name or "dark" for rule in plan.schedule] == [
        "dark",
        "early",
        "late",
    ]
    (time,) = plan.cue_times
    assert (time.cue.name, str(time.at)) == ("finale", "22:00")
    assert [camera.name for camera in plan.cameras] == ["street", "stage"]
    ten = {style for playlist in plan.playlists for mix in playlist.entries for style, _ in mix}
    assert len(ten - {"dark"}) == 10
    # In summer it is dusk after nine: the note says when the early playlist never comes on.
    (note,) = plan.notes
    assert note.startswith("schedule, line 102: silent on 05-13..08-05")


def test_nothing_is_left_to_look_up(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, GOOD)
    assert (plan.place.lat, plan.place.lon, plan.place.tz) == (0.0, 0.0, "UTC")
    assert plan.title == "wall"
    assert plan.bank.engine == "openvino"
    assert str(plan.metrics) == "127.0.0.1:9475"
    assert plan.paint == (640, 360)
    assert plan_of(tmp_path, GOOD + "metrics: off\n").metrics is None


def test_weights_have_sum_one_and_names_are_sorted(tmp_path: Path) -> None:
    text = GOOD.replace("[wave, starry]", "[{ wave: 3, starry: 1 }, dark, { wave: 5 }]")
    entries = plan_of(tmp_path, text).playlist.entries
    assert entries == ((("starry", 0.25), ("wave", 0.75)), (("dark", 1.0),), (("wave", 1.0),))


def test_files_are_written_below_the_working_folder(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, with_output("{ kind: recording }"))
    assert plan.outputs[0].file == tmp_path / "recordings/wall-{date}-{time}.mp4"


# --- banks and engines ----------------------------------------------------------------------------


def test_a_bank_of_the_shows_own(tmp_path: Path) -> None:
    (tmp_path / "ink.safetensors").touch()
    text = GOOD.replace("bank: first", "bank: ink.safetensors").replace("wave, starry", "ink")
    plan = plan_of(tmp_path, text)
    assert (plan.bank.file, plan.bank.styles) == (tmp_path / "ink.safetensors", ("ink",))


def test_a_bank_that_cannot_be_used(tmp_path: Path) -> None:
    said = refused(tmp_path, GOOD.replace("bank: first", "bank: torn"), machine(tmp_path))
    assert said == ["wall.yaml:5:7: bank: 'torn' cannot be used: the bank's card is missing"]


def test_no_bank_at_all(tmp_path: Path) -> None:
    said = refused(tmp_path, GOOD, machine(tmp_path, banks={}))
    assert said == ["wall.yaml:5:7: no bank 'first'; none is installed: look in models/"]


def test_without_pytorch_and_openvino(tmp_path: Path) -> None:
    facts = machine(tmp_path, pytorch=False, openvino=False)
    assert refused(tmp_path, GOOD, facts)[0].startswith("wall.yaml:5:7: engine: PyTorch is not")
    identity = GOOD.replace("bank: first", "bank: { name: first, engine: identity }")
    assert plan_of(tmp_path, identity, facts).bank.engine == "identity"


def test_without_openvino_pytorch_paints_and_says_so(tmp_path: Path) -> None:
    facts = machine(tmp_path, openvino=False)
    plan = plan_of(tmp_path, GOOD, facts)
    assert plan.bank.engine == "pytorch"
    nothing = "OpenVINO is not installed here; pip install 'murai-show[cpu]'"
    assert plan.notes == (f"bank first: PyTorch paints, slowly; {nothing}",)
    asked = GOOD.replace("bank: first", "bank: { name: first, engine: openvino }")
    hint = "engine: auto takes what is here"
    assert refused(tmp_path, asked, facts) == [f"wall.yaml:5:30: engine: {nothing}; {hint}"]


@pytest.mark.parametrize(
    ("changes", "engine"),
    [
        ({"gpu": True}, "cuda"),
        ({"gpu": True, "tensorrt": True}, "tensorrt"),
        ({"tensorrt": True}, "openvino"),
        ({"gpu": None, "tensorrt": True}, "openvino"),
    ],
)
def test_auto_takes_the_best_that_is_here(tmp_path: Path, changes: dict, engine: str) -> None:
    plan = plan_of(tmp_path, GOOD, machine(tmp_path, **changes))
    assert (plan.bank.engine, plan.notes) == (engine, ())


@pytest.mark.parametrize("engine", ["cuda", "tensorrt"])
def test_an_engine_that_wants_a_gpu(tmp_path: Path, engine: str) -> None:
    """It is refused where there is none, taken on trust where nobody asked, and a rehearsal takes
    what is here."""
    asked = GOOD.replace("bank: first", f"bank: {{ name: first, engine: {engine} }}")
    lack = f"{engine} wants an NVIDIA GPU, and this machine has none"
    said = refused(tmp_path, asked, machine(tmp_path))
    assert said == [f"wall.yaml:5:30: engine: {lack}; engine: auto takes what is here"]
    assert plan_of(tmp_path, asked, machine(tmp_path, gpu=None)).bank.engine == engine
    plan = plan_show(write(tmp_path, asked), machine(tmp_path), {}, rehearse=True)
    assert plan.bank.engine == "openvino"
    assert f"bank first: openvino takes the place of {engine}" in plan.notes


def test_pytorch_can_be_asked_for(tmp_path: Path) -> None:
    asked = GOOD.replace("bank: first", "bank: { name: first, engine: pytorch }")
    plan = plan_of(tmp_path, asked)
    assert (plan.bank.engine, plan.notes) == ("pytorch", ())


# --- displays -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("display", "size"),
    [
        ("{ kind: display }", (1920, 1080)),
        ("{ kind: display, monitor: DP-2 }", (1024, 768)),
        ("{ kind: display, monitor: DP-2, size: 640x360 }", (640, 360)),
        ("{ kind: display, window: true }", (1280, 720)),
        ("{ kind: offscreen }", (1280, 720)),
    ],
)
def test_the_size_of_a_canvas(tmp_path: Path, display: str, size: tuple[int, int]) -> None:
    canvas = plan_of(tmp_path, with_output(display), machine(tmp_path, monitors=MONITORS))
    assert canvas.outputs[0].canvas is not None
    assert canvas.outputs[0].canvas.size == size


def test_a_monitor_that_is_not_there(tmp_path: Path) -> None:
    text = with_output("{ kind: display, monitor: HDMI-2 }")
    hint = "murai-show run --rehearse plays the show without it"
    here = "did you mean HDMI-1? There are HDMI-1, DP-2"
    assert refused(tmp_path, text, machine(tmp_path, monitors=MONITORS)) == [
        f"wall.yaml:10:35: monitor: no monitor 'HDMI-2' here; {here}; {hint}"
    ]
    assert refused(tmp_path, text, machine(tmp_path, monitors=())) == [
        f"wall.yaml:10:35: output wall: no monitor is connected here; {hint}"
    ]
    assert plan_of(tmp_path, text).outputs[0].spec.kind == "display"  # `check` asks for none


# --- rehearsal ------------------------------------------------------------------------------------


def test_a_rehearsal_needs_nothing_that_it_replaces(tmp_path: Path) -> None:
    text = with_camera(
        "\n    kind: stream\n    url: rtsp://guard:${CAM_PASSWORD}@${CAM_HOST}/main\n"
        "    slate: no/such.png\n    hold: ${HOLD}"
    ).replace("{ kind: offscreen }", "{ kind: display, monitor: '${MONITOR}' }")
    plan = plan_of(tmp_path, text, machine(tmp_path, monitors=()), rehearse=True)
    assert isinstance(plan.camera.spec, StillCamera)
    assert plan.camera.spec.photos == "demo"
    assert plan.camera.stands_for == "stream"
    assert (plan.outputs[0].spec.kind, plan.outputs[0].stands_for) == ("offscreen", "display")
    assert len(plan.notes) == 2
    assert plan.notes[0].startswith("camera hall: a still of photographs stands in for stream ")
    assert plan.notes[1] == (
        "output wall: an offscreen canvas stands in for display on the first monitor"
    )


def test_a_rehearsal_keeps_what_the_camera_has(tmp_path: Path) -> None:
    text = with_camera("{ kind: v4l2, device: /dev/video0, size: 800x600, fps: 15, hold: 9s }")
    spec = plan_of(tmp_path, text, rehearse=True).camera.spec
    assert isinstance(spec, StillCamera)
    assert (spec.size, spec.fps, spec.hold) == ((800, 600), 15, 9)


def test_a_rehearsal_plays_a_film_that_is_there(tmp_path: Path) -> None:
    text = with_camera("{ kind: file, path: hall.mp4 }")
    assert plan_of(tmp_path, text, rehearse=True).camera.stands_for == "file"
    (tmp_path / "hall.mp4").touch()
    plan = plan_of(tmp_path, text, rehearse=True)
    assert isinstance(plan.camera.spec, FileCamera)
    assert plan.camera.spec.path == str(tmp_path / "hall.mp4")
    assert plan.notes == ()


def test_a_rehearsal_without_photographs(tmp_path: Path) -> None:
    facts = machine(tmp_path, demo_photos=False)
    for camera in ("{ kind: v4l2, device: /dev/video0 }", "{ kind: still }"):
        plan = plan_of(tmp_path, with_camera(camera), facts, rehearse=True)
        assert isinstance(plan.camera.spec, PatternCamera)
        assert "a test pattern stands in" in plan.notes[0]
        assert 'pip install "murai-show[demo]"' in plan.notes[0]
    said = refused(tmp_path, with_camera("{ kind: still }"), facts)
    assert 'pip install "murai-show[demo]"' in said[0]


def test_a_rehearsal_still_finds_what_is_wrong(tmp_path: Path) -> None:
    text = with_camera("{ kind: v4l2, devise: /dev/video0 }")
    assert "did you mean device?" in str(refused(tmp_path, text, machine(tmp_path), rehearse=True))


# --- cameras of the command line ------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "clips").mkdir()
    for name in ("clips/hall.mp4", "clips/wall.png"):
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("pattern", PatternCamera),
        ("demo", StillCamera),
        ("rtsp://10.0.0.7/main", StreamCamera),
        ("/dev/video1", V4l2Camera),
        ("clips/hall.mp4", FileCamera),
        ("clips/wall.png", StillCamera),
        ("clips", StillCamera),
    ],
)
def test_the_command_line_puts_another_camera(desk: Path, source: str, kind: type) -> None:
    text = with_camera("\n    kind: stream\n    url: ${NOT_SET}\n    hold: 7s")
    for rehearse in (False, True):
        plan = plan_of(desk, text, cameras={"hall": source}, rehearse=rehearse)
        assert isinstance(plan.camera.spec, kind)
        assert plan.camera.spec.hold == 7
        assert plan.notes[0].startswith(f"camera hall: {plan.camera.spec.kind} ")


def test_the_command_line_may_name_any_folder(desk: Path, tmp_path_factory: pytest.TempPathFactory):
    film = tmp_path_factory.mktemp("other") / "street.mp4"
    film.touch()
    spec = plan_of(desk, GOOD, cameras={"hall": str(film)}).camera.spec
    assert isinstance(spec, FileCamera)
    assert spec.path == str(film)


@pytest.mark.parametrize(
    ("name", "source", "sentence"),
    [
        ("hal", "pattern", "the show has no such camera; did you mean hall?"),
        ("hall", "clips/hal.mp4", "does not exist; did you mean clips/hall.mp4?"),
        ("hall", "zzz", "does not exist; write a path, a URL, /dev/…, pattern or demo"),
        ("hall", "", "does not exist"),
        ("hall", "empty", "holds no picture"),
        ("hall", "ftp://u:hunter2@h/", "the scheme 'ftp' is not allowed"),
    ],
)
def test_a_camera_that_cannot_be(desk: Path, name: str, source: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan_of(desk, GOOD, cameras={name: source})
    assert sentence in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_link_inside_the_folder_is_the_owners_choice(
    desk: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    film = tmp_path_factory.mktemp("disk") / "film.mp4"
    film.touch()
    (desk / "linked.mp4").symlink_to(film)
    plan = plan_of(desk, with_camera("{ kind: file, path: linked.mp4 }"))
    assert isinstance(plan.camera.spec, FileCamera)
