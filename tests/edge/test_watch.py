"""Files as editors write them, looked at step by step: no test waits for the clock."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from murai_show.edge.watch import Stamps, Watch, stamp, stamps


class Idle(Watch):
    """A watch whose thread never looks by itself."""

    def __init__(self, *given) -> None:
        super().__init__(*given, every=3600.0)

    def look(self) -> None:
        self._look()


@pytest.fixture
def show(tmp_path: Path):
    file = tmp_path / "plaza.yaml"
    file.write_text("one")
    settled: list[Stamps] = []
    answers: list[bool] = []

    def deal(now: Stamps) -> Stamps | None:
        settled.append(now)
        return now if not answers or answers.pop(0) else None

    watch = Idle(lambda: [file], stamps([file]), deal)
    yield file, watch, settled, answers
    watch.close()


def test_a_stamp_tells_every_way_of_writing_apart(tmp_path: Path) -> None:
    file = tmp_path / "a"
    assert stamp(file) is None
    file.write_text("one")
    first = stamp(file)
    os.utime(file, ns=(1, 1))  # the same text, saved again
    second = stamp(file)
    beside = tmp_path / "b"
    beside.write_text("two")
    os.utime(beside, ns=(1, 1))
    beside.replace(file)  # the same time, the same size, another file
    assert len({first, second, stamp(file)}) == 3
    link = tmp_path / "link"
    link.symlink_to(file)
    assert stamp(link) == stamp(file)
    assert stamp(tmp_path / "a\0b") is None


def test_a_file_counts_once_it_stands_still(show) -> None:
    file, watch, settled, _ = show
    watch.look()
    assert settled == []
    file.write_text("half of ")
    watch.look()
    file.write_text("half of it and the other half")
    watch.look()
    assert settled == []  # it moved between the two looks
    watch.look()
    assert settled == [stamps([file])]
    watch.look()
    assert len(settled) == 1


def test_what_moved_under_the_reader_s_hands_is_looked_at_again(show) -> None:
    file, watch, settled, answers = show
    answers.append(False)
    file.write_text("two!")
    for _ in range(3):
        watch.look()
    assert len(settled) == 2
    assert settled[0] == settled[1]


def test_a_version_that_was_refused_and_put_back_is_another(show) -> None:
    file, watch, settled, _ = show
    for text in ("broken", "one"):
        file.write_text(text)
        watch.look()
        watch.look()
    assert len(settled) == 2


def test_a_file_that_goes_and_comes_is_said_twice(show) -> None:
    file, watch, settled, _ = show
    file.unlink()
    watch.look()
    watch.look()
    assert settled == [{file: None}]
    file.write_text("one")
    watch.look()
    watch.look()
    assert len(settled) == 2


def test_a_fault_of_ours_is_met_once_a_version_and_the_watch_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "plaza.yaml"
    file.write_text("one")
    calls: list[int] = []
    first, second = threading.Event(), threading.Event()

    def deal(now: Stamps) -> Stamps:
        calls.append(len(calls))
        if len(calls) == 1:
            first.set()
            raise RuntimeError("a fault")
        second.set()
        return now

    watch = Watch(lambda: [file], {file: None}, deal, every=0.005)
    try:
        assert first.wait(10)
        file.write_text("another")
        assert second.wait(10)
        assert len(calls) == 2
    finally:
        watch.close()
