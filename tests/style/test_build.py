"""Engines for a bare CPU: built, judged, kept, found again, and never stale."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from murai_show.errors import EngineError
from murai_show.frame import Frame
from murai_show.nets.classic import Classic
from murai_show.nets.conditional import neutral_style
from murai_show.show.plan import PlannedBank
from murai_show.show.timeline import Look
from murai_show.show.words import Size
from murai_show.style import build, judge, open_stylizer
from murai_show.style.bank import Bank, read_bank, write_bank
from murai_show.style.build import build_engines, engines_name, find_engines, homes
from murai_show.style.card import BankCard, StyleCard
from murai_show.style.graph import quantise, trace
from murai_show.style.identity import IdentityStylizer
from murai_show.style.judge import Practice, Remembered, Verdict, read_verdict
from murai_show.style.openvino import (
    KEPT,
    OpenvinoStylizer,
    Program,
    ov,
    painting_threads,
)
from murai_show.style.pytorch import PytorchStylizer
from murai_show.style.tune import choose
from tests.banks import write_small_bank
from tests.style.scenes import SIZE, scenes

LOOK = Look((("a", 0.5), ("b", 0.5)))


def practice() -> Practice:
    return Practice(scenes(4, 1), scenes(2, 2))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return read_bank(write_small_bank(tmp_path_factory.mktemp("engines") / "small.safetensors"))


@pytest.fixture(scope="module")
def engines(bank: Bank) -> build.Engines:
    """As on a CPU without bf16, whatever this one has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "computes_bf16", lambda: False)
        return build_engines(bank, practice, lambda _: None)


@pytest.fixture(autouse=True)
def quickly(engines: build.Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    """`engines` were judged as strictly as a user's; random weights make the search for harmful
    convolutions likely, and once is enough."""
    monkeypatch.setattr(judge, "BAR", 0.0)
    monkeypatch.setattr(build, "computes_bf16", lambda: False)


def frame_of(pixels: np.ndarray) -> Frame:
    return Frame(pixels, 0.0, 0.0, 1, "test")


def test_fp32_paints_what_pytorch_paints(bank: Bank, engines: build.Engines) -> None:
    """Within one step of 255: the order of additions differs, and a .5 may round either way."""
    reference = PytorchStylizer(bank, SIZE)
    stylizer = OpenvinoStylizer(bank, engines.program("fp32"), SIZE)
    for scene in scenes(2, 3):
        wanted = reference(frame_of(scene), LOOK).pixels.astype(int)
        difference = np.abs(stylizer(frame_of(scene), LOOK).pixels - wanted)
        assert difference.max() <= 1
        assert (difference > 0).mean() < 0.01


def test_other_peoples_networks_are_traced_too(tmp_path: Path) -> None:
    """Within one step of 255, as ours are."""
    torch.manual_seed(5)
    network = Classic((4, 8, 8), 1)
    card = BankCard(
        "classic", {"widths": [4, 8, 8], "blocks": 1}, (StyleCard("old", "somebody", "CC0"),)
    )
    weights = {name: weight.numpy() for name, weight in network.state_dict().items()}
    write_bank(tmp_path / "old.safetensors", card, weights, neutral_style(network)[None].numpy())
    old = read_bank(tmp_path / "old.safetensors")
    model = trace(old)
    model.reshape({0: [1, SIZE.height, SIZE.width, 3], 1: [1, old.styles.shape[1]]})
    scene = scenes(1, 3)[0]
    painted = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(
        [scene[None], old.styles]
    )[0][0]
    wanted = PytorchStylizer(old, SIZE)(frame_of(scene), Look((("old", 1.0),))).pixels
    assert np.abs(painted.astype(int) - wanted.astype(int)).max() <= 1


def test_a_network_that_cannot_be_traced_leaves_warnings_on(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """OpenVINO alone would leave the root logger at ERROR."""

    def untraceable(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(torch.jit, "trace", untraceable)
    caplog.set_level(logging.INFO)
    with pytest.raises(EngineError, match="cannot read the network"):
        trace(bank)
    assert logging.root.level == logging.INFO


def test_int8_takes_bytes_as_they_are_however_dark_what_it_was_fitted_to(bank: Bank) -> None:
    model = trace(bank)
    dark = [scene // 4 for scene in scenes(2, 1)]
    narrow = quantise(model, dark, bank.styles, sums_in_32=True)
    ranges = [op for op in narrow.get_ordered_ops() if op.get_type_name() == "FakeQuantize"]
    of_bytes = ranges[0].input_value(0).get_node()
    assert of_bytes.input_value(0).get_element_type() == ov.Type.u8
    bounds = [ranges[0].input_value(i).get_node().get_data().ravel().tolist() for i in range(1, 5)]
    assert bounds == [[0.0], [255.0]] * 2


def test_int8_gives_the_trunk_room_and_the_head_finer_steps(bank: Bank) -> None:
    """Beside the largest value that a frame really gives there."""
    frame, style = scenes(1, 1)[0], bank.styles[:1]
    narrow = quantise(trace(bank), [frame], style, sums_in_32=True)
    rooms = []
    for op in narrow.get_ordered_ops():
        source = op.input_value(0).get_node() if op.get_type_name() == "FakeQuantize" else op
        if source is not op and source.get_type_name() in ("Add", "Relu"):
            most = float(op.input_value(2).get_node().get_data().max())
            largest = seen_at(trace(bank), source.get_friendly_name(), frame, style)
            rooms.append((source.get_type_name(), most / largest))
    trunks = [room for kind, room in rooms if kind == "Add"]
    assert trunks == pytest.approx([1.25] * len(trunks), rel=0.02)
    assert len(trunks) >= 1
    assert rooms[-1][1] == pytest.approx(0.75, rel=0.02)
    rectified = [room for kind, room in rooms[:-1] if kind == "Relu"]
    assert len(rectified) >= 2
    assert rectified == pytest.approx([1.0] * len(rectified), rel=0.02)


def seen_at(model: ov.Model, name: str, frame: np.ndarray, style: np.ndarray) -> float:
    """The largest value, whatever its sign, of the operator `name` in fp32."""
    [op] = [op for op in model.get_ordered_ops() if op.get_friendly_name() == name]
    model.add_outputs(op.output(0))
    wanted = {"INFERENCE_PRECISION_HINT": "f32"}
    found = ov.Core().compile_model(model, "CPU", wanted)([frame[None], style])
    return float(np.abs(found[1]).max())


def test_int8_is_another_computation_and_close(bank: Bank, engines: build.Engines) -> None:
    exact, quick = (
        OpenvinoStylizer(bank, engines.program(name), SIZE) for name in ("fp32", "int8")
    )
    scene = scenes(1, 4)[0]
    one, other = (s(frame_of(scene), LOOK).pixels.astype(float) for s in (exact, quick))
    error = ((one - other) ** 2).mean()
    assert 0 < error < 255**2 / 10**2.5  # 25 dB


def test_verdicts_name_every_style(engines: build.Engines) -> None:
    assert engines.precisions == ("fp32", "int8")
    assert min(engines.verdicts["int8"].ssim.values()) >= 0.95
    assert set(engines.verdicts["int8"].ssim) == {"a", "b"}
    assert all(0 < likeness < 1 for likeness in engines.verdicts["int8"].ssim.values())


def test_a_cpu_with_bf16_has_two_more_precisions(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO computes bf16 slowly on a CPU without, so that this runs everywhere."""
    monkeypatch.setattr(build, "computes_bf16", lambda: True)
    monkeypatch.setattr(build, "homes", lambda _: (tmp_path / "one", tmp_path / "two"))
    engines = build_engines(bank, practice, lambda _: None)
    assert engines.precisions == ("fp32", "bf16", "int8", "int8-bf16")
    int8, both = (engines.program(name) for name in ("int8", "int8-bf16"))
    assert int8.graph == both.graph
    assert engines.verdicts["int8"].wide == engines.verdicts["int8-bf16"].wide
    assert min(engines.verdicts["int8-bf16"].ssim.values()) > 0.9
    assert choose(engines, bank, SIZE, seconds=0.0).milliseconds.keys() == {*engines.precisions}


@pytest.mark.parametrize(
    ("flags", "machine", "wide"),
    [
        ("fpu avx2 avx512f avx512_vnni", "x86_64", True),
        ("fpu avx2 avx_vnni", "x86_64", True),
        ("fpu avx2 avx512f", "x86_64", False),
        ("", "aarch64", True),
    ],
)
def test_only_some_cpus_add_products_of_bytes_in_32_bits(
    monkeypatch: pytest.MonkeyPatch, flags: str, machine: str, wide: bool
) -> None:
    monkeypatch.setattr(build, "_cpu", lambda: {"flags": f"flags\t\t: {flags}"})
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert build.sums_in_32() is wide


def test_what_was_built_is_found_again(bank: Bank, engines: build.Engines) -> None:
    assert find_engines(bank) == engines
    assert engines.folder.parent == bank.path.parent / ".engines"
    assert stat.S_IMODE(engines.folder.parent.stat().st_mode) == 0o700


def test_another_bank_of_the_same_name_is_not_taken_for_it(tmp_path: Path) -> None:
    """Also when only the card changed, and the old engines are forgotten."""
    path = write_small_bank(tmp_path / "small.safetensors")
    old = read_bank(path)
    first = build_engines(old, practice, lambda _: None)
    write_bank(path, old.card, old.network, old.styles * 1.5)
    new = read_bank(path)
    assert engines_name(new) != engines_name(old)
    assert find_engines(new) is None
    second = build_engines(new, practice, lambda _: None)
    assert second.folder.is_dir()
    assert not first.folder.exists()
    assert not list(second.folder.parent.glob(".part-*"))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"murai_engines": 9}', '{"murai_engines": 1}'])
def test_facts_that_cannot_be_read_are_as_good_as_none(tmp_path: Path, text: str) -> None:
    bank = read_bank(write_small_bank(tmp_path / "small.safetensors"))
    folder = homes(bank.path)[0] / engines_name(bank)
    folder.mkdir(parents=True)
    (folder / build.FACTS).write_text(text)
    assert find_engines(bank) is None


def test_beside_a_bank_that_is_read_only_the_users_cache_serves(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, cache = tmp_path / "no" / ".engines", tmp_path / "cache" / "engines"
    (tmp_path / "no").write_text("a file, so that no folder can be made below it")
    monkeypatch.setattr(build, "homes", lambda _: (beside, cache))
    found = build_engines(bank, practice, lambda _: None)
    assert found.folder.parent == cache
    assert find_engines(bank) == found


def test_nowhere_to_keep_engines(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no").write_text("")
    monkeypatch.setattr(build, "homes", lambda _: (tmp_path / "no/a", tmp_path / "no/b"))
    with pytest.raises(EngineError, match=r"engines cannot be kept anywhere: .*no/a: .*; .*no/b: "):
        build_engines(bank, practice, lambda _: None)


def test_without_photographs_fp32_paints_alone(tmp_path: Path) -> None:
    def nothing() -> Practice:
        raise EngineError("there is no photograph")

    bank = read_bank(write_small_bank(tmp_path / "small.safetensors"))
    engines = build_engines(bank, nothing, lambda _: None)
    assert engines.precisions == ("fp32",)
    assert engines.verdicts["int8"] == Verdict(good=False, why="there is no photograph")
    choice = choose(engines, bank, SIZE, seconds=0.0)
    assert choice.precision == "fp32"


def test_the_convolutions_that_hurt_are_given_back(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture decides: while a style is below the bar, the worst convolution goes to fp32."""
    bars = iter([False, False, *[True] * 5, True])  # all, without the last, five alone, a third try

    def judged(reference, tried, frames, wide=()) -> Verdict:
        n = len(asked)
        asked.append(wide)
        return Verdict(next(bars), {"a": 0.5 + n / 100}, wide)

    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(build, "judge", judged)
    monkeypatch.setattr(build, "homes", lambda _: (tmp_path / "one", tmp_path / "two"))
    told: list[str] = []
    found = build_engines(bank, practice, told.append).verdicts["int8"]
    names = [line for line in told if line.startswith("quantising")]
    assert len(asked) == 8
    assert asked[0] == ()
    assert [name.split("/")[0].split(".")[-1] for name in found.wide] == ["head", "enter"]
    assert names[-1].endswith("2 of 6 convolutions kept wide")


def test_what_costs_a_style_its_strokes_goes_before_what_costs_likeness() -> None:
    """By itself `b` leaves the picture least like fp32's, and well within the bar; `c` takes a
    fiftieth of the style, two thirds of what may be lost."""
    alone = {
        "a": Verdict(True, {"s": 0.995}),
        "b": Verdict(True, {"s": 0.98}, style_loss={"s": 1.001}),
        "c": Verdict(True, {"s": 0.99}, style_loss={"s": 1.02, "t": 0.97}),
        "d": Verdict(True, {"s": 0.99}),
    }

    def make(wide: Sequence[str]) -> Verdict:
        narrow = [name for name in alone if name not in wide]
        return alone[narrow[0]] if len(narrow) == 1 else Verdict("c" in wide, {"s": 0.9})

    found: list[Sequence[str]] = []

    def remembered(wide: Sequence[str]) -> Verdict:
        found.append(tuple(wide))
        return make(wide)

    assert judge.settle(tuple(alone), remembered, lambda _: None, suspects=["a"]).good
    assert found[-1] == ("a", "c")


def test_the_judge_has_each_picture_painted_once_in_fp32(bank: Bank) -> None:
    painted: list[tuple[int, str]] = []

    class Counting(IdentityStylizer):
        def __call__(self, frame: Frame, look: Look) -> Frame:
            painted.append((frame.number, look.main))
            return super().__call__(frame, look)

    frames, size = practice(), Size(*practice().unseen[0].shape[1::-1])
    reference = Remembered(Counting(bank.card.names, size))
    tried = IdentityStylizer(bank.card.names, size)
    for _ in range(3):
        assert judge.judge(reference, tried, frames).ssim == dict.fromkeys(bank.card.names, 1.0)
    assert len(painted) == len(set(painted)) == len(frames.unseen) * len(bank.card.names)


@pytest.mark.parametrize(("lost", "good"), [(1.02, True), (1.05, False)])
def test_a_style_that_looks_the_same_may_still_have_lost_its_strokes(
    bank: Bank, lost: float, good: bool
) -> None:
    """The second judge, where the paintings are at hand; of `a` there is none."""
    size = Size(*practice().unseen[0].shape[1::-1])
    right, ours = (IdentityStylizer(bank.card.names, size) for _ in range(2))
    calls = iter([*[1.0] * len(practice().unseen), *[lost] * len(practice().unseen)])

    def style_loss(style: str, picture: np.ndarray) -> float | None:
        assert picture.shape == (size.height, size.width, 3)
        return None if style == "a" else next(calls)

    found = judge.judge(right, ours, replace(practice(), style_loss=style_loss))
    assert (found.good, found.style_loss) == (good, {"b": lost})
    weak = "b would be too weak: style loss 1.050 × that of fp32, over 1.03"
    assert found.why == ("" if good else weak)
    assert read_verdict(json.loads(json.dumps(asdict(found)))) == found


def test_the_tuner_measures_once_and_remembers(bank: Bank, engines: build.Engines) -> None:
    size = Size(32, 32)
    first = choose(engines, bank, size, seconds=0.0)
    assert set(first.milliseconds) == set(engines.precisions)
    kept = engines.folder / "tuned.json"
    known = json.loads(kept.read_text())
    known[f"32x32 on {painting_threads()}"] = dict.fromkeys(engines.precisions, 7.0) | {"fp32": 3.0}
    kept.write_text(json.dumps(known))
    again = choose(engines, bank, size, seconds=0.0)
    assert again.precision == "fp32"
    assert again.why(size).startswith("OpenVINO fp32, 3 ms a frame at 32x32 on ")
    assert choose(engines, bank, size, seconds=0.0, anew=True).milliseconds["fp32"] != 3.0


def test_the_tuner_survives_a_damaged_memory(bank: Bank, engines: build.Engines) -> None:
    (engines.folder / "tuned.json").write_text("[1")
    assert choose(engines, bank, Size(32, 32), seconds=0.0).precision in engines.precisions


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (3, 2), (4, 3), (16, 15)])
def test_a_core_is_left_to_the_rest_of_the_show(cores: int, threads: int) -> None:
    assert painting_threads(cores) == threads


def test_few_compiled_sizes_are_kept(bank: Bank, engines: build.Engines) -> None:
    stylizer = OpenvinoStylizer(bank, engines.program("fp32"), SIZE)
    for side in range(16, 16 + 4 * (KEPT + 2), 4):
        stylizer(frame_of(np.zeros((side, side, 3), np.uint8)), LOOK)
    assert len(stylizer._requests) == KEPT


def test_a_graph_that_is_not_one(bank: Bank, tmp_path: Path) -> None:
    (tmp_path / "fp32.xml").write_text("<net/>")
    with pytest.raises(EngineError, match=r"fp32\.xml"):
        OpenvinoStylizer(bank, Program(tmp_path / "fp32.xml", "fp32", 1), SIZE)


def test_a_damaged_engine_leaves_the_painting_to_pytorch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_small_bank(tmp_path / "small.safetensors")
    engines = build_engines(read_bank(path), practice, lambda _: None)
    for graph in engines.folder.glob("*.xml"):
        graph.write_text("nothing")
    planned = PlannedBank("small", path, "openvino", ("a", "b"))
    with caplog.at_level(logging.WARNING):
        assert open_stylizer(planned, SIZE, practice).engine == "pytorch"
    assert [
        r.message for r in caplog.records if "openvino cannot paint here, pytorch does" in r.message
    ]


def test_a_first_use_builds_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_small_bank(tmp_path / "small.safetensors")
    planned = PlannedBank("small", path, "openvino", ("a", "b"))
    with caplog.at_level(logging.INFO):
        assert open_stylizer(planned, SIZE, practice).engine == "openvino"
        told = [record.message for record in caplog.records]
        assert told[0].startswith("small: its engines are built for this machine, once")
        assert any(line.startswith("small: OpenVINO ") for line in told), told
        caplog.clear()
        open_stylizer(planned, SIZE, practice)
    assert not any("built" in record.message for record in caplog.records)


def test_nobody_is_told_over_the_net() -> None:
    from openvino.tools.ovc import telemetry_utils

    assert telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"


def test_openvino_needs_no_torch_to_paint(bank: Bank, engines: build.Engines) -> None:
    """A kiosk is on air seconds sooner without it."""
    import subprocess
    import sys

    code = (
        "import sys, pathlib\n"
        "from murai_show.show.plan import PlannedBank\n"
        "from murai_show.show.words import Size\n"
        "from murai_show.style import open_stylizer\n"
        f"file = pathlib.Path({str(bank.path)!r})\n"
        "opened = open_stylizer(PlannedBank('small', file, 'openvino', ('a', 'b')), Size(96, 64))\n"
        "print(opened.engine, 'torch' in sys.modules, 'nncf' in sys.modules)\n"
    )
    assert engines.folder.is_dir()
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ
    )
    assert ran.stdout.split() == ["openvino", "False", "False"]
