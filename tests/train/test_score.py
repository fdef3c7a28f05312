"""Scoring, in a school in miniature; and once on a real network, with the figures known."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from rich.progress import Progress
from skimage.metrics import structural_similarity
from torch import nn

from murai_show import cli_build, scoring
from murai_show.cli import main
from murai_show.errors import MuraiError, TrainError, UsageError
from murai_show.scoring import Order, open_clip, score_bank, still_pairs, style_losses
from murai_show.show.words import Size
from murai_show.style import judge
from murai_show.style.bank import read_bank, write_bank
from murai_show.style.card import StyleCard
from murai_show.train import score as scorer
from murai_show.train import stability
from murai_show.train.cost import macs_per_pixel, milliseconds
from murai_show.train.data import open_picture
from murai_show.train.features import load_features
from murai_show.train.peers import Entrant, open_peer
from murai_show.train.score import (
    Material,
    Report,
    find_paintings,
    open_photos,
    score,
    similarity,
    spread,
)
from murai_show.train.score_page import write_page
from murai_show.train.score_table import compared, measures, ratios, report_json, report_tables
from murai_show.train.stability import warping_error
from tests.banks import write_small_bank
from tests.plans import DATA
from tests.train.conftest import School
from tests.train.test_flow import constant, write_flo, write_frames
from tests.train.test_peers import some_variables

QUIET = Progress(disable=True)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorer, "SIDE", 64)
    monkeypatch.setattr(scorer, "STYLE_SIDE", 64)
    monkeypatch.setattr(scorer, "SIZES", ((32, 16), (64, 32)))
    monkeypatch.setattr(scoring, "SIZE", Size(64, 36))


@pytest.fixture
def bank(school: School) -> Path:
    """A bank of the two paintings of the school, the second one cropped."""
    path = write_small_bank(school.content.parent / "small.safetensors", ("dots", "lines"))
    found = read_bank(path)
    cards = (
        StyleCard("dots", "A <b>person</b>", "CC0", "dots.png"),
        StyleCard("lines", "", "", "lines.png", (8, 0, 40, 64)),
    )
    write_bank(path, replace(found.card, styles=cards), found.network, found.styles)
    return path


def write_clip(path: Path, frames: int) -> None:
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            pixels = np.full((48, 64, 3), 90, np.uint8)
            pixels[10:20, 2 * number : 2 * number + 10] = 220
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        film.mux(stream.encode(None))


@pytest.fixture
def order(school: School, bank: Path) -> Order:
    """Everything that can be asked for."""
    folder = school.content.parent
    np.savez(folder / "dots_theirs.npz", **some_variables())  # pyright: ignore
    write_clip(folder / "walk.mp4", 6)
    write_frames(folder / "flow/alley_1/clean", range(1, 4), "frame_{:04}.png")
    (folder / "flow/alley_1/flow").mkdir()
    for number in (1, 2):
        write_flo(folder / f"flow/alley_1/flow/frame_{number:04}.flo", constant(2, 0))
    return Order(
        bank,
        content=school.content,
        pictures=folder,
        features=school.features,
        clips=(folder / "walk.mp4",),
        flow=folder / "flow",
        against=(str(folder / "dots_theirs.npz"),),
        photos=3,
    )


def identity(name: str = "nothing", style: str = "dots") -> Entrant:
    """Paints nothing: its photographs come back as they are."""
    return Entrant(name, style, "identity", False, lambda p: p, nn.Identity(), 0)


def test_a_whole_report(order: Order, tmp_path: Path) -> None:
    report = score_bank(order)
    assert [(r.name, r.style, r.peer) for r in report.rows] == [
        ("dots", "dots", False),
        ("lines", "lines", False),
        ("dots_theirs", "dots", True),
    ]
    dots, lines, theirs = report.rows
    assert report.photos == ("0.jpg", "2.jpg", "4.jpg")
    assert report.motions == (("still", 1), ("still", 10), ("sintel", 1), ("sintel", 2))
    for row in report.rows:
        for measure in measures(report):
            value = measure.of(row)
            assert value is not None, measure.name
            assert math.isfinite(value), measure.name
            assert value > 0 or measure.name == "SSIM", measure.name  # SSIM is a correlation
    assert dots.milliseconds == lines.milliseconds  # one network
    assert theirs.parameters == sum(array.size for array in some_variables().values())
    assert compared(report) == [(dots, theirs)]
    assert ratios(report, dots, theirs)["content"] == dots.content / theirs.content
    check_json(report)
    check_tables(report)
    check_page(report, tmp_path / "pages/report.html")


def check_json(report: Report) -> None:
    found = json.loads(json.dumps(report_json(report)))
    assert found["rows"][0]["content"] == report.rows[0].content
    assert found["rows"][0]["milliseconds"].keys() == {"32x16", "64x32"}
    assert [pair["peer"] for pair in found["against"]] == ["dots_theirs"]
    assert {m["scene"] for m in found["rows"][0]["motion"]} >= {"alley_1"}


def check_tables(report: Report) -> None:
    console = Console(width=160, record=True, file=io.StringIO())
    for table in report_tables(report):
        console.print(table)
    text = console.export_text()
    assert f"{report.rows[0].content:.3f}" in text
    assert "dots / dots_theirs" in text


def check_page(report: Report, path: Path) -> None:
    write_page(path, report, "small & fine")
    page = path.read_text(encoding="utf-8")
    assert "<h1>small &amp; fine</h1>" in page
    assert "A &lt;b&gt;person&lt;/b&gt;" in page
    assert f"<td>{report.rows[2].content:.3f}</td>" in page
    # 3 photographs for each of 2 styles, 3 entrants over them, 2 paintings; nothing from elsewhere
    pictures = re.findall(r'src="([^"]{30})', page)
    assert len(pictures) == 2 * 3 + 3 * 3 + 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in pictures)
    assert "http" not in page
    with pytest.raises(TrainError, match="cannot be written"):
        write_page(path / "beneath.html", report, "")


def test_the_painter_that_does_nothing_is_the_zero_of_every_scale(school: School) -> None:
    photos = open_photos(sorted(school.content.glob("*.jpg")), 2)
    pairs = tuple(still_pairs(sorted(school.content.glob("*.jpg"))))
    features = load_features(school.features)
    painting = {"dots": photos[0]}
    (row,) = score([identity()], Material((), photos, painting, pairs), features, QUIET).rows
    assert row.content == 0
    assert row.ssim == pytest.approx(1)
    assert row.flicker == pytest.approx(1)
    assert row.moved("still", 1) == pytest.approx(1)
    assert row.moved("still", 10) == pytest.approx(1)
    assert row.moved("sintel", 1) is None
    assert row.style_loss is not None
    same = Material((), photos[:1], painting)
    (row,) = score([identity()], same, features, QUIET).rows
    assert row.style_loss == pytest.approx(0, abs=1e-10)  # the painting is the photograph


def test_the_flow_of_the_still_camera_leads_the_right_way(school: School) -> None:
    """Warped, the frames of ten frames' distance differ far less than as they are."""
    pairs = [p for p in still_pairs(sorted(school.content.glob("*.jpg"))) if p.gap == 10]
    assert len(pairs) == scoring.STILLS
    for pair in pairs:
        error = warping_error(pair.before, pair.after, pair)
        unmoved = replace(pair, flow=torch.zeros_like(pair.flow))
        assert error < 0.5 * warping_error(pair.before, pair.after, unmoved)
        backward = replace(pair, flow=-pair.flow)
        assert error < 0.25 * warping_error(pair.before, pair.after, backward)
        assert pair.mask.float().mean() > 0.9


def test_similarity_is_that_of_the_luma() -> None:
    torch.manual_seed(1)
    one, two = torch.rand(3, 40, 48), torch.rand(3, 40, 48)
    grey = [(0.2126 * p[0] + 0.7152 * p[1] + 0.0722 * p[2]).numpy() for p in (one, two)]
    expected = structural_similarity(
        *grey, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert similarity(one, two) == pytest.approx(expected)
    assert similarity(one, one) == pytest.approx(1)


def test_multiplications_are_counted_as_they_are_executed() -> None:
    convolution = nn.Conv2d(3, 8, 3, stride=2, padding=1)
    assert macs_per_pixel(convolution) == (9 * 3 * 8 / 4, 9 * 3 * 8 / 4)
    up = nn.ConvTranspose2d(3, 8, 3, stride=2, bias=False)
    assert macs_per_pixel(up) == (9 * 3 * 8, 4 * 9 * 3 * 8)


def test_every_round_gives_every_painter_its_turn() -> None:
    turns: list[str] = []
    paints = [lambda p, n=name: turns.append(n) for name in "ab"]
    times = milliseconds(paints, (32, 16), iter)  # pyright: ignore
    assert turns == ["a", "b"] * 6  # one to warm up, five that count
    assert all(0 <= t < 1000 for t in times)


def test_paintings_are_cut_as_their_cards_say(school: School, bank: Path) -> None:
    cards = read_bank(bank).card.styles
    found, missing = find_paintings(cards, school.content.parent)
    assert not missing
    expected = open_picture(school.pictures["lines"], 64, (8, 0, 40, 64))
    assert torch.equal(found["lines"].pixels, expected)
    assert found["lines"].pixels.shape == (3, 102, 64)


def test_a_painting_that_is_missing_costs_its_own_style_loss_only(
    order: Order, school: School
) -> None:
    school.pictures["lines"].unlink()
    report = score_bank(replace(order, clips=(), flow=None))
    assert report.notes == (f"No style loss for lines: lines.png is not in {order.pictures}.",)
    assert [r.style_loss is None for r in report.rows] == [False, True, False]
    style = next(m for m in measures(report) if m.name == "style")
    assert style.text(report.rows[1]) == "–"
    school.pictures["dots"].unlink()
    with pytest.raises(TrainError, match="none of the bank's paintings is in it"):
        score_bank(order)
    report = score_bank(replace(order, pictures=None, clips=(), flow=None, against=()))
    assert report.notes == ("No style losses: --pictures names the folder of the paintings.",)
    assert "style" not in ratios(report, report.rows[0], report.rows[1])


def test_photographs_are_taken_from_all_of_the_folder(school: School) -> None:
    paths = sorted(school.content.glob("*.jpg"))
    assert [photo.name for photo in open_photos(paths, 2)] == ["0.jpg", "3.jpg"]
    assert [photo.name for photo in open_photos(paths, 60)] == [path.name for path in paths]


def test_a_broken_photograph_is_named_and_another_taken(school: School, caplog) -> None:
    paths = sorted(school.content.glob("*.jpg"))
    paths[3].write_bytes(b"this is no picture")
    assert [photo.name for photo in open_photos(paths, 2)] == ["0.jpg", "1.jpg"]
    assert "3.jpg" in caplog.text
    with pytest.raises(TrainError, match="none of the 1 photographs"):
        open_photos(paths[3:4], 2)


def test_photographs_are_cut_in_the_middle(school: School, tmp_path: Path) -> None:
    pixels = np.zeros((64, 164, 3), np.uint8)
    pixels[:, 50:114] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    (found,) = open_photos([tmp_path / "wide.png"], 1)
    assert found.pixels.shape == (3, 64, 64)
    assert found.pixels.min() == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"content": Path("nowhere")}, "no such folder; --content"),
        ({"pictures": Path("nowhere")}, "no such folder; --pictures"),
        ({"features": Path("nowhere")}, "no such file; --features"),
        ({"flow": Path("nowhere")}, "no such folder; --flow"),
        ({"clips": (Path("nowhere.mp4"),)}, "--clip nowhere.mp4: no such film"),
        ({"against": ("nowhere.npz",)}, "which style is that"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(
    order: Order, change: dict[str, object], sentence: str
) -> None:
    with pytest.raises(MuraiError, match=sentence):
        score_bank(replace(order, **change))  # pyright: ignore[reportArgumentType]


def test_two_networks_of_one_name(order: Order) -> None:
    with pytest.raises(UsageError, match="two networks are called 'dots_theirs'"):
        score_bank(replace(order, against=order.against * 2))


def test_clips(tmp_path: Path) -> None:
    write_clip(tmp_path / "long.mp4", 30)
    clip = open_clip(tmp_path / "long.mp4")
    assert len(clip.frames) == scoring.FRAMES
    assert clip.frames[0].shape == (3, 36, 48)  # inside 64×36
    assert not torch.equal(clip.frames[0], clip.frames[5])
    write_clip(tmp_path / "one.mp4", 1)
    with pytest.raises(UsageError, match="one picture is no film"):
        open_clip(tmp_path / "one.mp4")
    (tmp_path / "bad.mp4").write_bytes(b"this is no film" * 100)
    with pytest.raises(MuraiError, match=r"bad\.mp4 cannot be opened"):
        open_clip(tmp_path / "bad.mp4")


def test_spread_takes_evenly() -> None:
    assert spread([*range(10)], 4) == [0, 2, 5, 7]
    assert spread([1, 2], 4) == [1, 2]


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
def test_a_known_network_has_its_known_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over all 60 photographs: content 0.768, style 0.0260; over every third, 0.688 and 0.0245.
    Here two of them, at their own size."""
    monkeypatch.setattr(scorer, "SIDE", 320)
    monkeypatch.setattr(scorer, "STYLE_SIDE", 512)
    card = StyleCard("wave", picture="hokusai_great_wave_small.jpg")
    paintings, _ = find_paintings([card], DATA / "styles")
    photos = open_photos(sorted((DATA / "photos/heldout").glob("coco*.jpg")), 2)
    features = load_features(DATA / "vgg/vgg19_to_conv4_4_fp16.safetensors")
    peer = open_peer(str(DATA / "peers/wave_lengstrom.npz"), ["wave"])
    monkeypatch.setattr(scorer, "FLICKERING", 1)
    monkeypatch.setattr(stability, "NOISY", 2)
    (row,) = score([peer], Material((card,), photos, paintings), features, QUIET).rows
    assert 0.4 < row.content < 1.2
    assert row.style_loss is not None
    assert 0.012 < row.style_loss < 0.05
    assert row.macs == pytest.approx(126_144)


def test_the_verb(order: Order, tmp_path: Path, monkeypatch, capsys) -> None:
    """Numbers on stdout, all else on stderr; `[NAME=]FILE`, twice; a page."""
    shutil.copy(order.against[0], tmp_path / "other.npz")
    words = ["score", order.bank, "--content", order.content, "--pictures", order.pictures]
    words += ["--features", order.features, "--photos", "1", "--against", order.against[0]]
    words += ["--against", f"lines={tmp_path / 'other.npz'}", "--json"]
    words += ["--report", tmp_path / "page.html"]
    monkeypatch.setattr(sys, "argv", ["murai-show", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert [(p["style"], p["peer"]) for p in found["against"]] == [
        ("dots", "dots_theirs"),
        ("lines", "other"),
    ]
    assert "page.html is written" in err
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_without_photographs_the_demos_are_taken_and_it_is_said(order: Order) -> None:
    report = score_bank(replace(order, content=None, clips=(), flow=None, against=(), photos=1))
    assert report.photos == ("astronaut.png",)
    assert report.notes[0].startswith("Measured on the demo's photographs")


def test_what_is_judged_is_what_is_scored(school: School, bank: Path, caplog, monkeypatch) -> None:
    """The style loss that `build` judges eight bits by."""
    (school.content.parent / "lines.png").unlink()
    cards = read_bank(bank).card.styles
    looked: list[object] = []
    look = scorer.loss_of_style
    monkeypatch.setattr(scorer, "loss_of_style", lambda *a: looked.append(a) or look(*a))
    loss = style_losses(cards, school.content.parent, school.features)
    assert "lines.png is not in" in caplog.text
    photos = open_photos(sorted(school.content.iterdir()), 1)
    paintings, _ = find_paintings(cards, school.content.parent)
    features = load_features(school.features)
    (row,) = score([identity()], Material((), photos, paintings), features, QUIET).rows
    pixels = (photos[0].pixels.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    first = loss("dots", pixels)
    assert first == pytest.approx(row.style_loss, rel=1e-4)
    assert loss("lines", pixels) is None
    assert loss("dots", pixels.copy()) == first
    assert len(looked) == 1  # what was seen once is known
    assert loss("dots", 255 - pixels) != first


def test_engines_are_judged_by_the_paintings_too(
    school: School, bank: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(bank.parent)
    monkeypatch.setattr(cli_build, "_best", lambda: "openvino")
    monkeypatch.setattr(judge, "BAR", 0.0)  # random weights: the search would be long
    monkeypatch.setattr(judge, "LOST", 10.0)
    words = ["build", str(bank), "--content", "photos", "--size", "64x36"]
    judged = ["--pictures", ".", "--features", str(school.features)]
    monkeypatch.setattr(sys, "argv", ["murai-show", *words, *judged, "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (None, 0)
    (told,) = json.loads(capsys.readouterr().out)["networks"]
    assert set(told["precisions"]["int8"]["style_loss"]) == {"dots", "lines"}
    monkeypatch.setattr(sys, "argv", ["murai-show", *words, *judged[2:]])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "--pictures names their folder" in capsys.readouterr().err
