"""Which training the words of the command line mean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from murai_show.errors import TrainError
from murai_show.style.bank import read_bank, write_bank
from murai_show.train.goal import Goal, choose_recipe, list_paintings, plan_training
from murai_show.train.recipe import Recipe
from tests.banks import write_small_bank


def test_names_must_differ(school) -> None:
    path = school.pictures["dots"]
    with pytest.raises(TrainError, match="two styles have one name: dots, dots"):
        list_paintings([path, path], [], [], [], [])
    paintings = list_paintings([path, path], ["a", "b"], [], [], ["-", "1,2,40,50"])
    assert [p.card.name for p in paintings] == ["a", "b"]
    assert [p.card.crop for p in paintings] == [None, (1, 2, 40, 50)]


def test_how_long_it_lasts_when_nobody_says() -> None:
    def recipe(**chosen) -> Recipe:
        usual = {"steps": None, "minutes": None, "vector_only": False, "precision": "auto"}
        return choose_recipe(**{**usual, **chosen})

    assert recipe() == Recipe()
    assert recipe(steps=7).steps == 7
    assert recipe(minutes=2.5).minutes == 2.5
    added = recipe(vector_only=True)
    assert added.steps < Recipe.steps
    assert added.warm_up < Recipe.warm_up
    assert recipe(vector_only=True, steps=5).steps == 5


def test_a_bank_brings_its_own_size(school, tmp_path) -> None:
    bank = write_small_bank(tmp_path / "small.safetensors")
    goal = Goal(bank=Path("out.safetensors"), start=bank)
    training = plan_training(goal, school.paintings, school.content, None, school.recipe)
    assert training.recipe.size == "its own"
    assert training.folder == Path("runs/out")
    with pytest.raises(TrainError, match="its painter's size is its own, not mini; leave --size"):
        plan_training(
            replace(goal, size="mini"), school.paintings, school.content, None, school.recipe
        )


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
