"""Checkpoints: what is refused, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from murai_show.errors import TrainError
from murai_show.train.records import Losses, read_losses, write_whole
from murai_show.train.student import Student

PATH = Path("runs/a/checkpoint.safetensors")
ABOUT = {"pictures": "abc", "features": "vgg", "bank to start from": ""}


def learned(school, **changed) -> Student:
    student = Student(replace(school.recipe, **changed), ["dots", "lines"])
    photo = torch.rand(2, 3, 16, 16)
    for _ in range(2):
        student.gradients(student.painter(photo, student.styles).square().mean())
        student.learn()
    return student


def changed(data: bytes, **facts) -> bytes:
    length = int.from_bytes(data[:8], "little")
    old = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["murai_checkpoint"])
    return save(load(data), {"murai_checkpoint": json.dumps({**old, **facts})})


def test_a_checkpoint_holds_the_student_whole(school) -> None:
    one = learned(school)
    one.seconds = 12.5
    two = Student(school.recipe, ["dots", "lines"])
    two.resume(one.to_bytes(ABOUT), PATH, ABOUT)
    assert (two.step, two.seconds) == (2, 12.5)
    photo = torch.rand(2, 3, 16, 16)
    for student in (one, two):
        student.gradients(student.painter(photo, student.styles).square().mean())
        student.learn()
    for name, parameter in one.named.items():
        assert torch.equal(parameter, two.named[name]), name


@pytest.mark.parametrize(
    ("recipe", "names", "about", "words"),
    [
        ({"style_weight": 3.0, "seed": 1}, ["dots", "lines"], {}, "seed, style_weight"),
        ({}, ["dots", "rain"], {}, "styles"),
        ({}, ["dots", "lines"], {"pictures": "xyz"}, "pictures"),
        ({"batch": 6}, ["a", "b"], {"features": "other"}, "styles, features, batch"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(school, recipe, names, about, words) -> None:
    data = learned(school).to_bytes(ABOUT)
    other = Student(replace(school.recipe, **recipe), names)
    sentence = f"made with other {words}; give the same pictures and settings, or another --run"
    with pytest.raises(TrainError, match=sentence):
        other.resume(data, PATH, {**ABOUT, **about})


def test_how_long_to_learn_may_change(school) -> None:
    data = learned(school).to_bytes(ABOUT)
    longer = Student(replace(school.recipe, steps=900, minutes=5.0), ["dots", "lines"])
    longer.resume(data, PATH, ABOUT)
    assert longer.step == 2


def test_a_checkpoint_of_another_version_is_refused(school) -> None:
    data, student = learned(school).to_bytes(ABOUT), learned(school)
    for version, which in ((0, "older"), (99, "newer")):
        sentence = f"a checkpoint of format {version}, from {which} murai-show; this one reads"
        with pytest.raises(TrainError, match=sentence):
            student.resume(changed(data, format=version), PATH, ABOUT)


def test_a_checkpoint_of_the_first_format_is_resumed(school) -> None:
    """It had neither time nor digests, and fewer words in its recipe."""
    data = learned(school).to_bytes(ABOUT)
    length = int.from_bytes(data[:8], "little")
    facts = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["murai_checkpoint"])
    for word in ("format", "seconds", "about"):
        del facts[word]
    for word in ("minutes", "precision", "vector_only", "vector_rate", "warm_up"):
        del facts["recipe"][word]
    old = save(load(data), {"murai_checkpoint": json.dumps(facts)})
    student = Student(replace(school.recipe, precision="auto"), ["dots", "lines"])
    student.resume(old, PATH, ABOUT)
    assert (student.step, student.seconds) == (2, 0.0)


def test_what_another_optimiser_remembers_is_refused(school) -> None:
    data, student = learned(school).to_bytes(ABOUT), learned(school)
    length = int.from_bytes(data[:8], "little")
    about = json.loads(data[8 : 8 + length])["__metadata__"]
    tensors = {k.replace(".momentum.", ".momentum_buffer."): v for k, v in load(data).items()}
    with pytest.raises(TrainError, match="was learned by another optimiser"):
        student.resume(save(tensors, about), PATH, ABOUT)


def test_a_painter_of_another_shape_is_refused(school) -> None:
    data, student = learned(school).to_bytes(ABOUT), learned(school)
    length = int.from_bytes(data[:8], "little")
    about = json.loads(data[8 : 8 + length])["__metadata__"]
    tensors = load(data)
    tensors["network.head.bias"] = torch.zeros(5)
    with pytest.raises(TrainError, match=r"holds a painter of another shape, .* another --run"):
        student.resume(save(tensors, about), PATH, ABOUT)
    del tensors["network.head.bias"]
    with pytest.raises(TrainError, match=r"another shape, .*'network\.head\.bias'"):
        student.resume(save(tensors, about), PATH, ABOUT)


@pytest.mark.parametrize("damage", [b"", b"x" * 100, save({"a": torch.zeros(1)})])
def test_what_is_no_checkpoint_is_refused(school, damage) -> None:
    data = learned(school).to_bytes(ABOUT)
    for broken in (damage, data[: len(data) // 2]):
        with pytest.raises(TrainError, match="not a checkpoint of murai-show"):
            learned(school).resume(broken, PATH, ABOUT)


def test_a_file_is_written_whole_or_not_at_all(tmp_path) -> None:
    file = tmp_path / "a"
    write_whole(file, b"first")
    (tmp_path / "a.new").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(file, b"second")
    assert file.read_bytes() == b"first"


def test_losses_after_the_checkpoint_are_forgotten(tmp_path) -> None:
    file = tmp_path / "losses.csv"
    losses = Losses(file, 0)
    for step in (1, 2, 3):
        losses.add(step, 0.5 * step, {"style": 0.1 * step, "tv": 1 / 3})
    losses.write()
    with file.open("ab") as cut:
        cut.write(b"4,2.00,,0.")  # half a row
    again = Losses(file, 2)
    again.add(3, 9.0, {"style": 7.0, "tv": 0.0})
    again.write()
    assert read_losses(file)["style"] == [(1, 0.1), (2, 0.2), (3, 7.0)]
    assert read_losses(file)["noise"] == []
    assert Losses(file, 0).path.read_bytes() == b""
