"""The training loop, in this process, on the miniature of `conftest`."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from murai_show.errors import TrainError
from murai_show.style.bank import read_bank
from murai_show.style.card import StyleCard
from murai_show.style.network import build_network
from murai_show.train import run
from murai_show.train.lesson import Painting
from murai_show.train.records import read_losses
from murai_show.train.run import Step, train


class PowerCutError(Exception):
    """Leaves the loop at once, past every clean-up."""


def learn(school, place: Path, *, cut_at=0, stop_at=0, **changed) -> list[Step]:
    steps: list[Step] = []
    stop = threading.Event()

    def watch(step: Step, student) -> None:
        steps.append(step)
        if step.number == cut_at:
            raise PowerCutError
        if step.number == stop_at:
            stop.set()

    train(school.training(place, **changed), watch, stop)
    return steps


def add(school, place: Path, *names: str, **changed) -> None:
    """Add styles to the bank in `place`; each is a painting of its own colours."""
    paintings = []
    for number, name in enumerate(names):
        file = place / f"{name}.png"
        noise = np.random.default_rng(number).integers(0, 256, (4, 30, 3), np.uint8)
        Image.fromarray(noise).resize((64, 64)).save(file)
        paintings.append(Painting(file, StyleCard(name)))
    bank = read_bank(place / "bank.safetensors")
    recipe = replace(school.recipe, vector_only=True, warm_up=2)
    facts = {"recipe": recipe, "folder": place / "add", "start": bank, "paintings": paintings}
    learn(school, place, **{**facts, **changed})


def test_a_resumed_run_is_the_same_run(school, tmp_path, monkeypatch) -> None:
    """Cut in the middle of a round of styles, the losses and weights go on to the last bit."""
    monkeypatch.setattr(run, "CHECKPOINT_SECONDS", 0.0)
    straight = learn(school, tmp_path / "straight")
    with pytest.raises(PowerCutError):
        learn(school, tmp_path / "cut", cut_at=3)
    resumed = learn(school, tmp_path / "cut", resume=True)
    assert [s.number for s in resumed] == [4, 5, 6, 7, 8]
    assert [s.losses for s in resumed] == [s.losses for s in straight[3:]]
    assert banks_are_equal(tmp_path / "straight", tmp_path / "cut")
    one, two = (read_losses(tmp_path / f / "run/losses.csv") for f in ("straight", "cut"))
    assert one == two
    assert [step for step, _ in two["content"]] == list(range(1, 9))


def banks_are_equal(*folders: Path) -> bool:
    one, two = (read_bank(folder / "bank.safetensors") for folder in folders)
    assert one.network.keys() == two.network.keys()
    same = all(np.array_equal(one.network[k], two.network[k]) for k in one.network)
    return same and np.array_equal(one.styles, two.styles)


def test_what_is_learned_is_a_bank_that_paints_and_knows_how_it_was_made(school, tmp_path) -> None:
    steps = learn(school, tmp_path)
    assert len(steps) == 8
    bank = read_bank(tmp_path / "bank.safetensors")
    assert bank.card.names == ("dots", "lines")
    made = bank.card.made
    assert made["recipe"]["style_weight"] == school.recipe.style_weight
    assert (made["steps"], made["photographs"], made["processes"]) == (8, 6, 1)
    assert (made["precision"], made["features"]) == ("fp32", "vgg.safetensors")
    assert made["device"]
    assert made["parent"] is None
    assert not np.array_equal(bank.styles[0], bank.styles[1])
    out = build_network(bank)(torch.rand(1, 3, 20, 24), torch.from_numpy(bank.styles[:1]))
    assert out.shape == (1, 3, 20, 24)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_learns(school, tmp_path, precision) -> None:
    """Sixty steps bring the style loss of the miniature school well down, in half precision too."""
    rates = {"warm_up": 5, "style_rate": 1e-2, "precision": precision}
    steps = learn(school, tmp_path, recipe=replace(school.recipe, steps=60, **rates))
    first, last = steps[:6], steps[-6:]
    assert sum(s.losses["style"] for s in last) < 0.8 * sum(s.losses["style"] for s in first)


def test_half_precision_sees_nearly_the_same_losses(school, tmp_path) -> None:
    """Of the same weights: 2 % is what eight bits leave after a dozen layers."""
    one, two = (
        learn(school, tmp_path / name, recipe=replace(school.recipe, steps=1, precision=name))[0]
        for name in ("fp32", "bf16")
    )
    for name in ("content", "style", "tv"):
        assert two.losses[name] == pytest.approx(one.losses[name], rel=0.02)
    assert two.losses != one.losses


def test_a_finished_run_is_not_begun_again(school, tmp_path) -> None:
    learn(school, tmp_path)
    with pytest.raises(TrainError, match="exists: add --resume to go on"):
        learn(school, tmp_path)
    assert learn(school, tmp_path, resume=True) == []


def test_a_stopped_run_is_saved_and_says_so(school, tmp_path) -> None:
    with pytest.raises(TrainError, match=r"stopped after step 5; .* is of step 5, and --resume"):
        learn(school, tmp_path, stop_at=4)
    assert [s.number for s in learn(school, tmp_path, resume=True)] == [6, 7, 8]


def test_minutes_are_counted_over_all_sessions(school, tmp_path, monkeypatch) -> None:
    """A clock that ticks a second each time it is read: about three readings a step."""
    now = iter(range(1_000_000))
    monkeypatch.setattr(run.time, "monotonic", lambda: float(next(now)))
    recipe = replace(school.recipe, minutes=1.0)
    with pytest.raises(TrainError, match="stopped after step 5"):
        learn(school, tmp_path, recipe=recipe, stop_at=4)
    rest = learn(school, tmp_path, recipe=recipe, resume=True)
    assert rest[0].number == 6
    assert 8 < rest[0].seconds < 25
    assert rest[-2].done < 1.0 == rest[-1].done
    assert 60 <= rest[-1].seconds < 65
    assert read_bank(tmp_path / "bank.safetensors").card.made["minutes"] == pytest.approx(
        1, abs=0.1
    )


def test_more_steps_may_be_added_to_a_run(school, tmp_path) -> None:
    learn(school, tmp_path)
    more = learn(school, tmp_path, resume=True, recipe=replace(school.recipe, steps=10))
    assert [s.number for s in more] == [9, 10]


def test_a_style_is_added_and_the_old_ones_stay_to_the_bit(school, tmp_path) -> None:
    learn(school, tmp_path, recipe=replace(school.recipe, steps=30))
    before = read_bank(tmp_path / "bank.safetensors")
    add(school, tmp_path, "rain", "hail")
    after = read_bank(tmp_path / "bank.safetensors")
    assert after.card.names == ("dots", "lines", "rain", "hail")
    assert after.styles[:2].tobytes() == before.styles.tobytes()
    assert all(after.network[k].tobytes() == v.tobytes() for k, v in before.network.items())
    assert not any(np.array_equal(new, old) for new in after.styles[2:] for old in before.styles)
    parent = after.card.made["parent"]
    assert (parent["bank"], parent["sha256"]) == ("bank.safetensors", before.sha256)
    assert parent["made"] == before.card.made


def test_a_new_vector_starts_from_the_nearest_and_learns(school, tmp_path, caplog) -> None:
    """A painting that the bank knows already is recognised; its loss then does not rise."""
    learn(school, tmp_path, recipe=replace(school.recipe, steps=200, style_rate=2e-2))
    again = [replace(school.paintings[1], card=StyleCard("again"))]
    caplog.set_level("INFO", "murai_show")
    add(school, tmp_path, paintings=again)
    assert "again starts from lines" in caplog.text
    longer = replace(school.recipe, vector_only=True, warm_up=2, steps=60, last_share=0.0)
    rain = {"folder": tmp_path / "rain", "bank": tmp_path / "rain.safetensors", "recipe": longer}
    add(school, tmp_path, "rain", **rain)
    style = [value for _, value in read_losses(tmp_path / "rain/losses.csv")["style"]]
    # Each step has other photographs: many of them tell, three do not.
    assert np.mean(style[-20:]) < 0.9 * np.mean(style[:20])


def test_adding_resumes_exactly(school, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(run, "CHECKPOINT_SECONDS", 0.0)
    learn(school, tmp_path)
    add(school, tmp_path, "rain", folder=tmp_path / "a", bank=tmp_path / "a/bank.safetensors")
    cut = {"folder": tmp_path / "b", "bank": tmp_path / "b/bank.safetensors"}
    with pytest.raises(PowerCutError):
        add(school, tmp_path, "rain", cut_at=3, **cut)
    add(school, tmp_path, "rain", resume=True, **cut)
    assert banks_are_equal(tmp_path / "a", tmp_path / "b")


def test_losses_that_blow_up_end_the_run_before_they_are_saved(school, tmp_path) -> None:
    wild = replace(school.recipe, kernel_rate=1e30, warm_up=1)
    with pytest.raises(TrainError, match=r"loss is no number any more at step \d; .* of step 0"):
        learn(school, tmp_path, recipe=wild)
    assert not (tmp_path / "run/checkpoint.safetensors").exists()
