from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from murai_show.errors import TrainError
from murai_show.style.bank import read_bank
from murai_show.style.pytorch import build_network
from murai_show.train import run
from murai_show.train.recipe import Recipe
from murai_show.train.run import Step, train


class PowerCutError(Exception):
    """Stands for kill -9: it leaves the loop at once, past every clean-up."""


def learn(school, folder: Path, *, resume=False, cut_at=0, recipe=None) -> list[Step]:
    steps: list[Step] = []

    def watch(step: Step, student) -> None:
        steps.append(step)
        if step.number == cut_at:
            raise PowerCutError

    train(
        school.paintings,
        school.content,
        school.features,
        folder / "bank.safetensors",
        recipe or school.recipe,
        folder,
        resume,
        watch,
    )
    return steps


def test_a_resumed_run_is_the_same_run(school, tmp_path, monkeypatch) -> None:
    """Cut in the middle of a round of styles, the losses and weights go on to the last bit."""
    monkeypatch.setattr(run, "CHECKPOINT_SECONDS", 0.0)
    straight = learn(school, tmp_path / "straight")
    with pytest.raises(PowerCutError):
        learn(school, tmp_path / "cut", cut_at=3)
    resumed = learn(school, tmp_path / "cut", resume=True)
    assert [s.number for s in resumed] == [4, 5, 6, 7, 8]
    assert [s.losses for s in resumed] == [s.losses for s in straight[3:]]
    one, two = (read_bank(tmp_path / f / "bank.safetensors") for f in ("straight", "cut"))
    assert np.array_equal(one.styles, two.styles)
    assert all(np.array_equal(one.network[k], two.network[k]) for k in one.network)


def test_what_is_learned_is_a_bank_that_paints(school, tmp_path) -> None:
    steps = learn(school, tmp_path)
    assert len(steps) == 8
    bank = read_bank(tmp_path / "bank.safetensors")
    assert bank.card.names == ("dots", "lines")
    assert bank.card.made["recipe"]["steps"] == 8
    assert not np.array_equal(bank.styles[0], bank.styles[1])
    out = build_network(bank)(torch.rand(1, 3, 20, 24), torch.from_numpy(bank.styles[:1]))
    assert out.shape == (1, 3, 20, 24)


def test_it_learns(school, tmp_path) -> None:
    """Sixty steps bring the style loss of the miniature school well down."""
    steps = learn(
        school, tmp_path, recipe=replace(school.recipe, steps=60, kernel_rate=1e-2, style_rate=1e-2)
    )
    first, last = steps[:6], steps[-6:]
    assert sum(s.losses["style"] for s in last) < 0.8 * sum(s.losses["style"] for s in first)


def test_a_finished_run_is_not_begun_again(school, tmp_path) -> None:
    learn(school, tmp_path)
    with pytest.raises(TrainError, match="exists: add --resume to go on"):
        learn(school, tmp_path)
    assert learn(school, tmp_path, resume=True) == []


def test_a_checkpoint_of_another_run_is_refused(school, tmp_path) -> None:
    learn(school, tmp_path)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    other = replace(school.recipe, style_weight=3.0, seed=1)
    with pytest.raises(TrainError, match="made with other seed, style_weight"):
        learn(school, tmp_path, resume=True, recipe=other)
    (tmp_path / "checkpoint.safetensors").write_bytes(before[:100])
    with pytest.raises(TrainError, match="not a checkpoint of murai-show"):
        learn(school, tmp_path, resume=True)


def test_more_steps_may_be_added_to_a_run(school, tmp_path) -> None:
    learn(school, tmp_path)
    more = learn(school, tmp_path, resume=True, recipe=replace(school.recipe, steps=10))
    assert [s.number for s in more] == [9, 10]


def test_wrong_features(school, tmp_path) -> None:
    for content, sentence in ((b"x", "not a safetensors file"), (None, "no such file")):
        if content is None:
            school.features.unlink()
        else:
            school.features.write_bytes(content)
        with pytest.raises(TrainError, match=sentence):
            learn(school, tmp_path)
    read_bank_free = tmp_path / "bank.safetensors"
    assert not read_bank_free.exists()


def test_the_rate_warms_up_and_comes_down() -> None:
    recipe = Recipe(steps=1000)
    shares = [recipe.share_at(step) for step in range(1000)]
    assert shares[0] == pytest.approx(1 / 50)
    assert max(shares) == pytest.approx(1.0, rel=0.02)
    assert shares[-1] < 0.03
    assert recipe.crop_at(0) == recipe.crop
    assert recipe.crop_at(999) == recipe.last_crop
