"""The verbs, as people type them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from murai_show import __version__
from murai_show.cli import main
from tests.banks import write_small_bank
from tests.plans import REPOSITORY
from tests.train.test_importers import a_state

SHOW = """\
murai: 1
show: small
cameras:
  bars: {kind: pattern, size: 320x180, fps: 30}
bank: {name: small, engine: ENGINE}
playlists:
  all: {styles: [a, b], each: 1s, fade: 500ms}
play: {playlist: all, paint: 160x90}
outputs:
  wall: {kind: offscreen, size: 320x180}
  film: {kind: recording, of: wall, path: film.mp4}
metrics: "METRICS"
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch) -> Path:
    """A working folder with a small bank and a small show in it."""
    monkeypatch.chdir(tmp_path)
    write_small_bank(tmp_path / "models/small.safetensors")
    text = SHOW.replace("ENGINE", "pytorch").replace("METRICS", "off")
    (tmp_path / "small.yaml").write_text(text)
    return tmp_path


@pytest.fixture
def murai(monkeypatch, capsys):
    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["murai-show", *words])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return int(left.value.code or 0), out, err

    return call


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [f.to_ndarray(format="rgb24") for f in film.decode(video=0)]


def test_version_and_help(murai) -> None:
    assert murai("--version")[:2] == (0, f"{__version__}\n")
    code, out, _ = murai("run", "--help")
    assert code == 0
    assert "--rehearse" in out
    assert "murai-show run up375.yaml" in out


def test_an_alignment_is_checked_with_its_show(work, murai) -> None:
    """`check shows/*.yaml` meets what `align` wrote beside a show."""
    murai("new", "plaza")
    (work / "plaza.align.yaml").write_text("align: plaza\noutputs: {}\n")
    code, out, err = murai("check", "plaza.align.yaml", "plaza.yaml")
    assert (code, err) == (0, "")
    assert "plaza.align.yaml: an alignment; it is read with its show\n" in out
    assert "plaza.yaml: good (plaza" in out


def test_check(work, murai) -> None:
    code, out, _ = murai("check", "small")
    assert (code, out.split(":")[0]) == (0, "small")
    (work / "bad.yaml").write_text("murai: 1\nshow: bad\nkameras: {}\n")
    code, out, err = murai("check", "small.yaml", "bad.yaml")
    assert code == 2
    assert "small.yaml: good" in out
    assert re.search(r"bad\.yaml:3:1: .*kameras.*did you mean cameras", err)


def test_a_show_that_is_not_there(work, murai) -> None:
    code, _, err = murai("check", "smal")
    assert (code, err) == (2, "no show file 'smal' here or in shows/; did you mean small.yaml?\n")


def test_plan_as_json_names_everything(work, murai) -> None:
    code, out, _ = murai("plan", "small.yaml", "--json")
    assert code == 0
    plan = json.loads(out)
    assert plan["show"] == "small"
    assert str(work / "models/small.safetensors") in json.dumps(plan)
    code, out, _ = murai("plan", "small.yaml")
    assert "small" in out


def test_schema(murai) -> None:
    code, out, _ = murai("schema")
    assert code == 0
    assert "cameras" in json.loads(out)["properties"]


def test_a_new_show_runs_as_it_is(work, murai) -> None:
    code, out, _ = murai("new", "plaza")
    assert (code, out) == (0, "plaza.yaml is written; try: murai-show run plaza.yaml --for 20s\n")
    assert murai("check", "plaza.yaml")[0] == 0
    code, _, err = murai("new", "plaza")
    assert (code, err) == (2, "plaza.yaml exists already; choose another name\n")
    assert murai("new", "Pla za")[0] == 2


def test_run_paints_presents_and_records(work, murai) -> None:
    """The whole show in process: every part real, no screen, no camera."""
    code, out, err = murai("run", "small.yaml", "--for", "3s", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["painted"] > 10
    assert report["presented_per_second"]["wall"] > 5
    assert report["glass_to_glass_ms"]["p50"] > 0
    film = Path(report["files"][0])
    pictures = frames(film)
    assert len(pictures) > 10
    assert pictures[0].shape == (180, 320, 3)
    assert np.abs(pictures[0].astype(int) - pictures[-1]).mean() > 1  # the style moved on


def test_run_prints_a_table_and_where_the_film_is(work, murai) -> None:
    code, out, _ = murai("run", "small.yaml", "--for", "1s", "--camera", "bars=demo")
    assert code == 0
    for word in ("painted", "presented on wall", "glass to glass", "p99", "dropped", "memory"):
        assert word in out
    assert re.search(r"recorded: .*film\.mp4", out)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--for", "30"), "--for: '30' is not a duration"),
        (("--camera", "bars"), "--camera: write NAME=SOURCE"),
        (("--camera", "bras=pattern"), "did you mean bars"),
        (("--camera", "bars=nothing.mp4"), "nothing.mp4"),
    ],
)
def test_wrong_words_for_run(work, murai, words, sentence: str) -> None:
    code, _, err = murai("run", "small.yaml", *words)
    assert code == 2
    assert sentence in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_show_cleanly(work, number) -> None:
    """A real process, scraped while it runs, then ended; its film is whole."""
    text = SHOW.replace("ENGINE", "identity").replace("METRICS", "127.0.0.1:0")
    (work / "live.yaml").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    show = subprocess.Popen(
        [sys.executable, "-m", "murai_show", "run", "live.yaml"],
        cwd=work, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert show.stderr is not None
        url = next(w for line in show.stderr for w in line.split() if w.startswith("http://"))
        ready = url.replace("/metrics", "/readyz")
        wait_until(lambda: fetch(ready) == "presenting\n")
        page = fetch(url)
        assert 'murai_frames_total{name="wall",stage="presented"}' in page
        show.send_signal(number)
        out, err = show.communicate(timeout=20)
    finally:
        show.kill()
    assert show.returncode == 0, err
    if shutil.which("promtool"):  # Debian: prometheus
        checked = subprocess.run(
            ["promtool", "check", "metrics"],
            input=page, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert "glass to glass" in out
    assert "Traceback" not in err
    assert frames(work / "film.mp4")


def fetch(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read().decode()
    except OSError as error:
        return str(error)


def wait_until(happened, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_paint_a_photograph(work, murai) -> None:
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(work / "in.png")
    code, out, _ = murai("paint", "in.png", "out.png", "--style", "a:2,b", "--bank", "small")
    assert (code, out) == (0, "out.png: 60x40, a:2,b\n")
    code, out, _ = murai(
        "paint", "in.png", "s.png", "--style", "a", "--bank", "small", "--size", "30x30"
    )
    assert out == "s.png: 32x20, a\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("in.png", "out.txt", "--style", "a"), "out.txt: write to one of .jpg"),
        (("no.png", "out.png", "--style", "a"), "no.png: no such file"),
        (("in.png", "out.png", "--style", "c"), "no style 'c' in this bank; there are: a, b"),
        (("in.png", "out.png", "--style", "a", "--size", "big"), "--size: 'big' is not a size"),
        (("in.png", "out.png", "--style", "a", "--bank", "smol"), "did you mean small?"),
    ],
)
def test_wrong_words_for_paint(work, murai, words, sentence: str) -> None:
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(work / "in.png")
    if "--bank" not in words:
        words = (*words, "--bank", "small")
    code, _, err = murai("paint", *words)
    assert code == 2
    assert sentence in err


def test_styles_and_their_sheet(work, murai) -> None:
    code, out, _ = murai("styles", "small")
    assert code == 0
    assert "credit of b" in out
    code, out, _ = murai("styles", "small", "--json")
    assert [style["name"] for style in json.loads(out)] == ["a", "b"]
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(work / "in.png")
    code, _, _ = murai("styles", "small", "--sheet", "sheet.png", "--photo", "in.png")
    assert code == 0
    with Image.open(work / "sheet.png") as sheet:
        assert sheet.width > sheet.height


def test_an_imported_network_plays_in_a_show(work, murai) -> None:
    torch.save(a_state(), work / "old.pth")
    code, out, _ = murai("import", "old.pth", "--as", "old", "--credit", "Somebody")
    assert (code, out.split()[0]) == (0, "models/old.safetensors")
    assert murai("import", "old.pth", "--as", "old")[0] == 2
    text = SHOW.replace("small, engine: ENGINE", "old").replace("[a, b]", "[old]")
    (work / "old.yaml").write_text(text.replace("METRICS", "off"))
    code, out, err = murai("run", "old.yaml", "--for", "1s", "--json")
    assert code == 0, err
    assert json.loads(out)["painted"] > 0


def test_a_profile_names_every_stage(work, murai) -> None:
    code, out, _ = murai("run", "small", "--for", "1s", "--profile")
    assert code == 0
    for stage in ("slot", "develop", "style", "easel", "present"):
        assert re.search(rf"{stage} +│ +\d+\.\d", out), out


def test_engines_are_built_ahead_of_the_show(work, murai) -> None:
    (work / "photos").mkdir()
    for number in range(2):
        noise = np.random.default_rng(number).integers(0, 256, (9, 16, 3), np.uint8)
        Image.fromarray(noise).resize((640, 360)).save(work / f"photos/{number}.png")
    code, out, err = murai("build", "small", "--content", "photos", "--size", "160x90", "--json")
    assert code == 0, err
    (told,) = json.loads(out)["networks"]
    assert told["styles"] == ["a", "b"]
    assert told["precisions"]["fp32"]["good"]
    assert set(told["precisions"]["int8"]["ssim"]) == {"a", "b"}
    taken = {k: v["ms"] for k, v in told["precisions"].items() if v["good"]}
    assert told["paints"] == min(taken, key=lambda name: taken[name])
    code, out, _ = murai("build", "small", "--size", "160x90")
    assert code == 0
    assert f"small: OpenVINO {told['paints']}, " in out
    assert "models/.engines/small-" in out.replace("\n", "")


def test_engines_that_cannot_be_built(work, murai, monkeypatch) -> None:
    assert murai("build", "smal")[2] == "no bank 'smal' in models/; did you mean small?\n"
    assert murai("build", "small", "--size", "big")[2].startswith("--size: 'big'")
    for module in ("openvino", "murai_show.style.openvino", "murai_show.style.build"):
        monkeypatch.setitem(sys.modules, module, None)
    code, _, err = murai("build", "small")
    assert code == 2
    assert err.endswith("pip install 'murai-show[cpu]'\n")
