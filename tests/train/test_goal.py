"""Which training the words of the command line mean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from murai_show.errors import TrainError
from murai_show.nets import painter
from murai_show.style.bank import read_bank, write_bank
from murai_show.style.network import build_network
from murai_show.train.data import open_picture
from murai_show.train.goal import (
    Goal,
    choose_recipe,
    list_paintings,
    plan_training,
    resized,
)
from murai_show.train.recipe import Recipe
from murai_show.train.run import train
from tests.banks import CONFIG, write_small_bank


def test_names_must_differ(school) -> None:
    path = school.pictures["dots"]
    with pytest.raises(TrainError, match="two styles have one name: dots, dots"):
        list_paintings([path, path], [], [], [], [])
    paintings = list_paintings([path, path], ["a", "b"], [], [], ["-", "1,2,40,50"])
    assert [p.card.name for p in paintings] == ["a", "b"]
    assert [p.card.crop for p in paintings] == [None, (1, 2, 40, 50)]


def test_each_kind_of_training_has_its_defaults() -> None:
    def recipe(**chosen) -> Recipe:
        usual = {"steps": None, "minutes": None, "vector_only": False, "precision": "auto"}
        return choose_recipe(**{**usual, "learns_on": False, "batch": None, "rate": None, **chosen})

    assert recipe() == Recipe()
    assert recipe(steps=7).steps == 7
    assert recipe(minutes=2.5).minutes == 2.5
    on = recipe(learns_on=True)
    assert (on.batch, on.crop, on.last_crop, on.steps) == (1, 320, 320, Recipe.steps)
    assert on.rate < Recipe.rate
    assert recipe(learns_on=True, batch=8, rate=0.7) == replace(on, batch=8, rate=0.7)
    added = recipe(learns_on=True, vector_only=True)
    assert added.steps < Recipe.steps
    assert added.warm_up < Recipe.warm_up
    assert (added.batch, added.crop, added.rate) == (1, 320, Recipe.rate)
    assert added.style_weight > Recipe.style_weight
    said = recipe(learns_on=True, vector_only=True, steps=5, style_weight=8.0)
    assert (said.steps, said.style_weight) == (5, 8.0)


def test_a_bank_brings_its_own_size(school, tmp_path) -> None:
    bank = write_small_bank(tmp_path / "small.safetensors")
    goal = Goal(bank=Path("out.safetensors"), start=bank)
    training = plan_training(goal, school.paintings, school.content, None, school.recipe)
    assert training.recipe.size == "its own"
    assert training.folder == Path("runs/out")


def test_a_bank_that_learns_on_sees_other_photographs(school, tmp_path) -> None:
    """The next training of what came of one would repeat it, were there one seed for all."""
    two = [write_small_bank(tmp_path / f"{n}.safetensors", ("a", "b")[: n + 1]) for n in range(2)]

    def seed(start: Path | None, said: int | None = None) -> int:
        goal = Goal(bank=Path("out.safetensors"), start=start, seed=said)
        plan = plan_training(goal, school.paintings, school.content, None, school.recipe)
        return plan.recipe.seed

    assert seed(None) == Recipe.seed
    assert len({seed(None), *map(seed, two)}) == 3
    assert [seed(one) for one in two] == [seed(one) for one in two]
    assert seed(two[0], 7) == seed(None, 7) == 7


def test_a_bank_grows_to_a_larger_size(school, tmp_path, monkeypatch) -> None:
    """From the first step it paints what it painted, and its new layers learn."""
    larger = {"half": 12, "quarter": 12, "blocks": 2}
    monkeypatch.setitem(painter.SIZES, "larger", larger)  # pyright: ignore
    bank = read_bank(write_small_bank(tmp_path / "small.safetensors", ("dots", "lines")))
    out = tmp_path / "out.safetensors"
    goal = Goal(out, size="larger", start=bank.path, folder=tmp_path / "run")
    recipe = replace(school.recipe, steps=1, rate=1e-6, warm_up=1)
    training = plan_training(goal, school.paintings, school.content, school.features, recipe)
    assert training.recipe.size == "larger"
    train(training)
    grown = read_bank(out)
    assert dict(grown.card.config) == larger
    assert grown.card.made["parent"]["sha256"] == bank.sha256
    photo = torch.rand(1, 3, 24, 32)
    pictures = [
        build_network(one)(photo, torch.from_numpy(one.styles[1:])) for one in (bank, grown)
    ]
    assert (pictures[0] - pictures[1]).square().mean().sqrt() < 0.03


def test_a_bank_shrinks_to_a_smaller_size(school, tmp_path, monkeypatch, caplog) -> None:
    """Nothing is lost of a painter that had grown, and styles that are not learned stay behind."""
    wide = {"half": 12, "quarter": 16, "blocks": 2}
    sizes = {"small": CONFIG, "wide": wide, "tall": {**wide, "half": 8, "blocks": 3}}
    for name, config in sizes.items():
        monkeypatch.setitem(painter.SIZES, name, config)  # pyright: ignore
    small = read_bank(write_small_bank(tmp_path / "small.safetensors", ("dots", "lines")))
    caplog.set_level("INFO")
    assert resized(small, "small", ["dots"], school.content) is small
    grown = resized(small, "wide", ["dots"], school.content)
    assert not caplog.records
    path, out = tmp_path / "wide.safetensors", tmp_path / "out.safetensors"
    write_bank(path, grown.card, grown.network, grown.styles)
    goal = Goal(out, size="small", start=path, folder=tmp_path / "run")
    recipe = replace(school.recipe, steps=1, rate=1e-6, warm_up=1)
    training = plan_training(goal, school.paintings[:1], school.content, school.features, recipe)
    assert "wide.safetensors: its painter shrinks to small" in caplog.text
    train(training)
    back = read_bank(out)
    assert (dict(back.card.config), back.card.names) == (CONFIG, ("dots",))
    photo = open_picture(next(school.content.iterdir()))[None]
    one, two = (
        build_network(bank)(photo, torch.from_numpy(bank.styles[:1])) for bank in (grown, back)
    )
    assert (one - two).square().mean().sqrt() < 0.02
    tall = resized(grown, "tall", ["dots"], school.content)  # narrower here, deeper there
    assert dict(tall.card.config) == sizes["tall"]


def test_a_bank_does_not_change_its_size_with_its_others(school, tmp_path, monkeypatch) -> None:
    larger = {"half": 12, "quarter": 12, "blocks": 1}
    monkeypatch.setitem(painter.SIZES, "larger", larger)  # pyright: ignore
    bank = write_small_bank(tmp_path / "small.safetensors")
    goal = Goal(bank=None, size="larger", into=bank)
    recipe = replace(school.recipe, own="all")
    with pytest.raises(TrainError, match="its painter's size is its own, not larger; leave --size"):
        plan_training(goal, school.paintings, school.content, None, recipe)


def test_a_style_goes_into_its_bank_and_a_folder_of_its_own(school, tmp_path) -> None:
    bank = write_small_bank(tmp_path / "small.safetensors")
    recipe = replace(school.recipe, vector_only=True)
    training = plan_training(
        Goal(bank=None, into=bank), school.paintings, school.content, None, recipe
    )
    assert training.bank == bank
    assert training.folder == Path("runs/small-dots")
    assert training.start is not None
    assert training.start.sha256 == read_bank(bank).sha256


def test_a_network_that_is_no_painter_learns_nothing(school, tmp_path) -> None:
    from murai_show.train.student import Student

    bank = read_bank(write_small_bank(tmp_path / "small.safetensors"))
    write_bank(bank.path, replace(bank.card, architecture="classic"), bank.network, bank.styles)
    with pytest.raises(TrainError, match="holds a classic network; only a painter can learn more"):
        Student(school.recipe, ["a"], read_bank(bank.path))
