"""A painter that first imitates a bank which knows its paintings already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from murai_show.errors import TrainError, UsageError
from murai_show.style.bank import Bank, read_bank
from murai_show.train import run
from murai_show.train.data import Photos, list_photos
from murai_show.train.goal import Goal, plan_training
from murai_show.train.lesson import Teacher
from murai_show.train.loss import likeness_loss
from murai_show.train.records import read_losses
from murai_show.train.run import train
from tests.banks import write_small_bank


def teach(school, place: Path, share: float, steps: int, watch=None) -> Bank:
    """Let a miniature imitate the bank `small`, which has styles named as the school's."""
    teacher = read_bank(write_small_bank(place / "small.safetensors", ("lines", "dots")))
    recipe = replace(school.recipe, steps=steps, imitation_share=share, warm_up=2)
    train(school.training(place, teacher=teacher, recipe=recipe), watch)
    return teacher


def test_a_teachers_picture_is_its_own_style_by_name(school, tmp_path) -> None:
    bank = read_bank(write_small_bank(tmp_path / "small.safetensors", ("lines", "dots")))
    teacher = Teacher(bank, ["dots", "lines"], torch.device("cpu"))
    assert torch.equal(teacher.styles, torch.from_numpy(bank.styles[::-1].copy()))
    photo = Photos(list_photos(school.content), 1).batch(0, 2, 32)
    both = teacher.paint(photo, [0, 1])
    assert both.shape == photo.shape
    assert not torch.equal(teacher.paint(photo, [1, 1])[0], both[0])
    assert torch.equal(teacher.paint(photo, [1, 1])[1], both[1])


def test_imitation_brings_the_picture_nearer_to_the_teachers(school, tmp_path) -> None:
    teach(school, tmp_path, share=1.0, steps=60)
    losses = read_losses(tmp_path / "run/losses.csv")
    assert {name for name, rows in losses.items() if rows} == {"likeness"}
    values = [value for _, value in losses["likeness"]]
    assert sum(values[-10:]) < 0.88 * sum(values[:10])


def test_the_paintings_are_learned_after_the_imitation(school, tmp_path) -> None:
    teacher = teach(school, tmp_path, share=0.5, steps=8)
    losses = read_losses(tmp_path / "run/losses.csv")
    assert [step for step, _ in losses["likeness"]] == [1, 2, 3, 4]
    assert [step for step, _ in losses["style"]] == [5, 6, 7, 8]
    made = read_bank(tmp_path / "bank.safetensors").card.made
    assert made["teacher"] == {"bank": "small.safetensors", "sha256": teacher.sha256}
    assert made["recipe"]["imitation_share"] == 0.5


def test_imitation_resumes_exactly(school, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(run, "CHECKPOINT_SECONDS", 0.0)
    (tmp_path / "straight").mkdir()
    (tmp_path / "cut").mkdir()
    teacher = teach(school, tmp_path / "straight", share=0.5, steps=8)

    class PowerCutError(Exception):
        pass

    for end in (3, 5):  # while it imitates, and in the middle of a round after it

        def watch(step, student, end=end) -> None:
            if step.number == end:
                raise PowerCutError

        recipe = replace(school.recipe, steps=8, imitation_share=0.5, warm_up=2)
        facts = {"teacher": teacher, "recipe": recipe, "resume": end > 3}
        with pytest.raises(PowerCutError):
            train(school.training(tmp_path / "cut", **facts), watch)
    facts = {"teacher": teacher, "recipe": recipe, "resume": True}
    train(school.training(tmp_path / "cut", **facts))
    one, two = (read_bank(tmp_path / name / "bank.safetensors") for name in ("straight", "cut"))
    assert (one.styles == two.styles).all()
    assert all((one.network[k] == two.network[k]).all() for k in one.network)


def test_the_likeness_is_the_mean_difference() -> None:
    white, grey = torch.ones(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.75)
    assert likeness_loss(white, grey).item() == pytest.approx(0.25)
    assert likeness_loss(grey, grey).item() == 0.0


def test_a_teacher_knows_the_styles(school, tmp_path) -> None:
    bank = write_small_bank(tmp_path / "small.safetensors", ("dot", "lines"))
    goal = Goal(bank=Path("out.safetensors"), size="mini", teacher=bank)
    recipe = replace(school.recipe, imitation_share=0.5)
    with pytest.raises(TrainError, match="this teacher has no style dots; did you mean dot"):
        plan_training(goal, school.paintings, school.content, None, recipe)


@pytest.mark.parametrize(
    ("changed", "facts", "sentence"),
    [
        ({"imitation_share": 0.5}, {}, "--imitation-share needs --teacher BANK"),
        (
            {"vector_only": True},
            {"teacher": Path("a.safetensors"), "into": Path("b.safetensors")},
            "--teacher is imitated by a whole painter",
        ),
        ({}, {"teacher": Path("a.pth")}, "--teacher a.pth: a bank's name ends in .safetensors"),
    ],
)
def test_wrong_words_about_a_teacher(school, changed, facts, sentence) -> None:
    goal = Goal(bank=Path("out.safetensors"), **facts)
    with pytest.raises(UsageError, match=sentence):
        plan_training(
            goal, school.paintings, school.content, None, replace(school.recipe, **changed)
        )
