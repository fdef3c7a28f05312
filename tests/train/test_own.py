"""Kernels that are a style's own: learned into a bank, without touching the others."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from murai_show.errors import TrainError, UsageError
from murai_show.nets.painter import TAIL
from murai_show.style.bank import Bank, kernel_sets, read_bank, write_bank
from murai_show.style.card import StyleCard
from murai_show.style.network import build_network
from murai_show.train import run
from murai_show.train.data import Photos, list_photos
from murai_show.train.goal import Goal, choose_recipe, foundation, plan_training
from murai_show.train.lesson import Teacher
from murai_show.train.records import read_losses
from murai_show.train.run import train
from murai_show.train.student import Student
from tests.banks import write_bank_of_two


def learned(school, place: Path, **changed) -> Path:
    """A bank of `dots` and `lines`, who share everything."""
    train(school.training(place, **changed))
    return place / "bank.safetensors"


def add(school, bank: Path, name: str, own: str, out: Path | None = None, **changed) -> Bank:
    """Learn the lines anew as `name`, into `bank`, which `out` becomes."""
    painting = replace(school.paintings[1], card=StyleCard(name))
    recipe = replace(school.recipe, own=own, warm_up=2, **changed)
    folder = (out or bank).with_suffix(f".{name}.{own}")
    goal = Goal(bank=out or bank, into=bank, folder=folder)
    train(plan_training(goal, [painting], school.content, school.features, recipe))
    return read_bank(out or bank)


@pytest.mark.parametrize("own", ["tail", "all"])
def test_a_style_gets_kernels_of_its_own(school, tmp_path, own) -> None:
    path = learned(school, tmp_path)
    before = read_bank(path)
    after = add(school, path, "rain", own)
    assert after.card.names == ("dots", "lines", "rain")
    assert [style.kernels for style in after.card.styles] == [0, 0, 1]
    assert after.styles[:2].tobytes() == before.styles.tobytes()
    assert all(after.network[k].tobytes() == v.tobytes() for k, v in before.network.items())
    there = {name.split(".")[0] for name in after.own[1]}
    assert there == (set(TAIL) if own == "tail" else {n.split(".")[0] for n in before.network})
    assert all(kernel.dtype == np.float16 for kernel in after.own[1].values())
    assert any(not np.allclose(after.own[1][k], before.network[k]) for k in after.own[1])
    parent = after.card.made["parent"]
    assert (parent["bank"], parent["sha256"]) == ("bank.safetensors", before.sha256)


def test_half_precision_moves_no_picture(school, tmp_path) -> None:
    """By more than a step of 255: what the student paints, and the bank that it wrote."""
    path = learned(school, tmp_path)
    students: list[Student] = []
    painting = replace(school.paintings[1], card=StyleCard("rain"))
    goal = Goal(bank=None, into=path, folder=tmp_path / "rain")
    recipe = replace(school.recipe, own="all", warm_up=2, rate=5.0)
    training = plan_training(goal, [painting], school.content, school.features, recipe)
    train(training, lambda _, student: students.append(student))
    photo = Photos(list_photos(school.content), 1).batch(0, 2, 32)
    with torch.no_grad():
        exact = students[-1].painter(photo, students[-1].styles.expand(2, -1))
    own = kernel_sets(read_bank(path))[1]
    half = build_network(own)(photo, torch.from_numpy(own.styles).expand(2, -1))
    assert 0 < (half - exact).abs().max() < 1 / 255


def test_a_style_learns_on_and_is_replaced(school, tmp_path) -> None:
    """In its place; the kernels that it had are forgotten."""
    path = learned(school, tmp_path)
    first = add(school, path, "lines", "all")
    assert [style.kernels for style in first.card.styles] == [0, 1]
    second = add(school, path, "lines", "tail")
    assert second.card.names == ("dots", "lines")
    assert [style.kernels for style in second.card.styles] == [0, 2]
    assert set(second.own) == {2}
    # It went on from its own, not from the shared: what is no tail is as it was.
    assert np.array_equal(second.own[2]["down.weight"], first.own[1]["down.weight"])
    assert not np.array_equal(second.own[2]["up.weight"], first.own[1]["up.weight"])


def test_styles_that_are_learned_together_share_a_set(school, tmp_path) -> None:
    path = learned(school, tmp_path)
    goal = Goal(bank=None, into=path, folder=tmp_path / "again")
    recipe = replace(school.recipe, own="all")
    training = plan_training(goal, school.paintings, school.content, school.features, recipe)
    train(training)
    bank = read_bank(path)
    assert [style.kernels for style in bank.card.styles] == [1, 1]
    assert len(kernel_sets(bank)) == 1


def test_kernels_of_its_own_learn(school, tmp_path) -> None:
    path = learned(school, tmp_path)
    add(school, path, "rain", "all", steps=120, last_share=0.0)
    style = [value for _, value in read_losses(tmp_path / "bank.rain.all/losses.csv")["style"]]
    assert np.mean(style[-20:]) < 0.9 * np.mean(style[:20])


def test_it_resumes_exactly(school, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(run, "CHECKPOINT_SECONDS", 0.0)
    path = learned(school, tmp_path)
    straight = add(school, path, "rain", "tail", tmp_path / "straight.safetensors")
    recipe = replace(school.recipe, own="tail", warm_up=2)
    painting = replace(school.paintings[1], card=StyleCard("rain"))

    class PowerCutError(Exception):
        pass

    def cut(step, student) -> None:
        if step.number == 3:
            raise PowerCutError

    goal = Goal(bank=tmp_path / "cut.safetensors", into=path, folder=tmp_path / "cut")
    training = plan_training(goal, [painting], school.content, school.features, recipe)
    with pytest.raises(PowerCutError):
        train(training, cut)
    train(replace(training, resume=True))
    again = read_bank(tmp_path / "cut.safetensors")
    assert np.array_equal(again.styles, straight.styles)
    assert all(np.array_equal(again.own[1][k], v) for k, v in straight.own[1].items())


def test_where_learning_starts(tmp_path) -> None:
    path = write_bank_of_two(tmp_path / "two.safetensors")
    bank = read_bank(path)
    assert foundation(bank, ["b"]).card.names == ("b",)
    assert foundation(bank, ["a", "c"]).card.names == ("a", "c")
    assert foundation(bank, ["new"]).card.names == ("a", "c")
    assert foundation(bank, ["a", "b"]).card.names == ("a", "c")
    alone = tuple(replace(style, kernels=1) for style in bank.card.styles)
    write_bank(path, replace(bank.card, styles=alone), bank.network, bank.styles, bank.own)
    assert foundation(read_bank(path), ["new"]).card.names == ("a", "b", "c")


def test_a_teacher_may_have_kernel_sets(school, tmp_path) -> None:
    bank = read_bank(write_bank_of_two(tmp_path / "two.safetensors"))
    teacher = Teacher(bank, ["b", "a"], torch.device("cpu"))
    photo = Photos(list_photos(school.content), 1).batch(0, 2, 32)
    shared, own = kernel_sets(bank)
    wanted = [
        build_network(one)(photo[[i]], torch.from_numpy(one.styles[:1]))
        for i, one in enumerate((own, shared))
    ]
    assert torch.equal(teacher.paint(photo, [0, 1]), torch.cat(wanted))


@pytest.mark.parametrize(
    ("changed", "facts", "sentence"),
    [
        ({"own": "all"}, {}, "--own needs --into BANK"),
        ({"own": "all", "vector_only": True}, {"into": Path("b.safetensors")}, "give one of them"),
        (
            {"own": "tail"},
            {"into": Path("b.safetensors"), "teacher": Path("a.safetensors")},
            "leave out --own",
        ),
        ({}, {"into": Path("b.safetensors")}, "needs --vector-only or --own tail or --own all"),
    ],
)
def test_wrong_words(school, changed, facts, sentence) -> None:
    goal = Goal(bank=Path("out.safetensors"), **facts)
    with pytest.raises(UsageError, match=re.escape(sentence)):
        plan_training(
            goal, school.paintings, school.content, None, replace(school.recipe, **changed)
        )


def test_no_such_kernels() -> None:
    facts = {"steps": None, "minutes": None, "precision": "auto", "vector_only": False}
    facts |= {"learns_on": True}
    with pytest.raises(UsageError, match=r"--own tial: did you mean tail\?"):
        choose_recipe(**facts, own="tial")
    with pytest.raises(UsageError, match="--own some: write tail or all"):
        choose_recipe(**facts, own="some")


def test_a_vector_alone_is_not_learned_over_a_style_that_is_there(school, tmp_path) -> None:
    path = write_bank_of_two(tmp_path / "two.safetensors")
    painting = replace(school.paintings[0], card=StyleCard("b"))
    recipe = replace(school.recipe, vector_only=True)
    with pytest.raises(TrainError, match="has a style named b already"):
        plan_training(Goal(bank=None, into=path), [painting], school.content, None, recipe)
