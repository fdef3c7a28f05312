"""The ledger and its clerk, on real files: numbers, answers, what is deleted and when."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from murai_show.edge.booth.clerk import Clerk
from murai_show.edge.booth.ledger import Entry, Ledger, booth_folder
from murai_show.edge.social.port import Portrait
from murai_show.errors import MuraiError
from tests.plans import REPOSITORY

DAY = 86400.0


class Desk:
    """A ledger and a clerk whose clock is set by hand; pictures are small files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, 1000.0
        self.delivered: list[Portrait] = []
        self.refuses: Exception | None = None
        self.ledger = Ledger(folder / "state")
        self.clerk = Clerk(self.ledger, self._deliver, lambda: self.now)

    def _deliver(self, portrait: Portrait) -> None:
        if self.refuses is not None:
            raise self.refuses
        assert portrait.picture.is_file()
        self.delivered.append(portrait)

    def shoot(self, keep: float = 30 * DAY) -> Entry:
        entry = self.ledger.begin(
            self.now, self.now + keep, "key", "wave", "Hokusai, Wave", self._named
        )
        Path(entry.picture).write_bytes(b"a portrait")
        return entry

    def _named(self, number: int) -> Path:
        return self.folder / f"{number}.png"

    def entry(self, number: int) -> Entry:
        found = self.ledger.find(number)
        assert found is not None
        return found

    def pictures(self) -> set[str]:
        return {path.name for path in self.folder.glob("*.png")}


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    yield desk
    desk.ledger.close()


def test_a_yes_is_delivered_once_with_all_that_is_known(desk: Desk) -> None:
    desk.shoot()
    desk.now = 1010.0
    desk.clerk.settle(1, keep=True, how="people", moderated=False)
    desk.clerk.tidy(60)
    portrait = Portrait(desk.folder / "1.png", "wave", "Hokusai, Wave", 1, 1000.0, 1000 + 30 * DAY)
    assert desk.delivered == [portrait]
    entry = desk.entry(1)
    assert (entry.stage, entry.answer, entry.answered) == ("delivered", "yes by people", 1010.0)
    assert desk.clerk.outcomes == {"delivered": 1}


@pytest.mark.parametrize(("how", "outcome"), [("people", "denied"), ("silence", "timeout")])
def test_a_no_deletes_the_picture_and_the_words_at_once(desk: Desk, how: str, outcome: str) -> None:
    desk.shoot()
    desk.now = 1010.0
    desk.clerk.settle(1, keep=False, how=how, moderated=True)
    assert desk.pictures() == set()
    entry = desk.entry(1)
    assert (entry.stage, entry.answer, entry.deleted) == ("denied", f"no by {how}", 1010.0)
    assert (entry.style, entry.credit, entry.picture) == ("", "", "")
    assert desk.delivered == []
    assert desk.clerk.outcomes == {outcome: 1}


def test_what_was_written_about_a_deleted_picture_is_in_no_file_any_more(desk: Desk) -> None:
    desk.ledger.begin(1.0, 2.0, "key", "sekrit-style", "Sekrit, Painting", desk._named)
    desk.clerk.settle(1, keep=False, how="people", moderated=False)
    files = list((desk.folder / "state").iterdir())
    assert files
    assert not any(b"ekrit" in file.read_bytes() for file in files)


def test_an_operator_approves_denies_and_is_told_what_cannot_be(desk: Desk) -> None:
    for _ in range(3):
        number = desk.shoot().number
        desk.clerk.settle(number, keep=True, how="people", moderated=True)
    assert desk.clerk.waiting() == 3
    assert desk.delivered == []
    assert desk.clerk.approve(1) == "portrait 1 is approved"
    assert desk.clerk.deny(2) == "portrait 2 is denied and deleted"
    assert [portrait.number for portrait in desk.delivered] == [1]
    assert desk.pictures() == {"1.png", "3.png"}
    assert desk.clerk.waiting() == 1
    for does, number, sentence in (
        (desk.clerk.approve, 1, "portrait 1 is delivered"),
        (desk.clerk.approve, 2, "portrait 2 is denied and deleted"),
        (desk.clerk.deny, 9, "there is no portrait 9"),
    ):
        with pytest.raises(MuraiError) as caught:
            does(number)
        assert str(caught.value) == sentence


def test_what_a_clerk_without_a_show_approves_is_delivered_by_the_show(desk: Desk) -> None:
    desk.shoot()
    desk.clerk.settle(1, keep=True, how="people", moderated=True)
    beside = Ledger(desk.folder / "state")
    assert Clerk(beside, None).approve(1) == "portrait 1 is approved"
    beside.close()
    assert desk.delivered == []
    desk.clerk.tidy(60)
    assert [portrait.number for portrait in desk.delivered] == [1]


def test_everything_expires_the_waiting_the_agreed_and_the_delivered(desk: Desk) -> None:
    desk.shoot(keep=30 * DAY)
    desk.clerk.settle(1, keep=True, how="people", moderated=False)
    desk.shoot(keep=30 * DAY)
    desk.clerk.settle(2, keep=True, how="people", moderated=True)
    desk.refuses = OSError(28, "No space left on device")
    desk.shoot(keep=30 * DAY)
    desk.clerk.settle(3, keep=True, how="people", moderated=False)
    desk.shoot(keep=40 * DAY)
    desk.clerk.settle(4, keep=True, how="people", moderated=True)
    desk.now += 30 * DAY - 1
    desk.clerk.tidy(60)
    assert desk.pictures() == {"1.png", "2.png", "3.png", "4.png"}
    desk.now += 2
    desk.clerk.tidy(60)
    assert desk.pictures() == {"4.png"}
    stages = [entry.stage for entry in desk.ledger.entries()]
    assert stages == ["delivered", "expired", "expired", "waiting"]
    assert [entry.credit for entry in desk.ledger.entries()] == ["", "", "", "Hokusai, Wave"]
    assert desk.clerk.outcomes == {"delivered": 1, "expired": 2}


def test_what_cannot_be_delivered_is_tried_again_and_said_once(desk: Desk, caplog) -> None:
    desk.refuses = MuraiError("the outbox is full")
    desk.shoot()
    desk.clerk.settle(1, keep=True, how="people", moderated=False)
    desk.clerk.tidy(60)
    said = "booth: portrait 1 cannot be delivered: the outbox is full; it is tried again"
    assert [r.message for r in caplog.records if r.levelname == "WARNING"] == [said]
    desk.refuses = None
    desk.clerk.tidy(60)
    assert [portrait.number for portrait in desk.delivered] == [1]


def test_somebody_wants_their_picture_gone_whatever_they_said(desk: Desk) -> None:
    desk.shoot()
    desk.clerk.settle(1, keep=True, how="people", moderated=False)
    said = "portrait 1 is deleted; what was posted of it is not"
    assert desk.clerk.erase(1) == said
    assert desk.pictures() == set()
    assert desk.entry(1).stage == "erased"


def test_a_picture_that_cannot_be_deleted_is_not_said_to_be(desk: Desk) -> None:
    entry = desk.shoot()
    desk.clerk.settle(1, keep=True, how="people", moderated=True)
    Path(entry.picture).unlink()
    (Path(entry.picture) / "in-its-place").mkdir(parents=True)  # unlink fails for root too
    with pytest.raises(MuraiError, match="portrait 1 cannot be deleted; it is tried again"):
        desk.clerk.erase(1)
    assert desk.entry(1).deleted is None
    (Path(entry.picture) / "in-its-place").rmdir()
    Path(entry.picture).rmdir()
    desk.clerk.tidy(60)
    assert desk.entry(1).deleted == desk.now


def test_after_a_crash_in_the_middle_of_a_question_nobody_can_answer(desk: Desk) -> None:
    desk.shoot()
    (desk.folder / ".2.png.part").write_bytes(b"half a portrait")
    desk.ledger.begin(1000.0, 2000.0, "key", "wave", "", desk._named)  # and no picture yet
    again = Desk(desk.folder)
    again.clerk.recover()
    assert [entry.stage for entry in again.ledger.entries()] == ["denied", "denied"]
    assert not list(desk.folder.glob("*.png"))
    assert not list(desk.folder.glob(".*.part"))
    again.ledger.close()


def test_a_question_that_was_lost_while_the_ledger_failed_is_a_no(desk: Desk) -> None:
    desk.shoot()
    desk.now += 50
    desk.clerk.tidy(80)
    assert desk.entry(1).stage == "asked"
    desk.now += 31
    desk.clerk.tidy(80)
    assert (desk.entry(1).stage, desk.pictures()) == ("denied", set())


def test_numbers_count_up_for_ever_also_over_kill_9(tmp_path: Path) -> None:
    """A process takes portraits as fast as it can and is killed, several times over: each number
    that it was told was told once, and the ledger has every one of them."""
    code = (
        "import sys; from pathlib import Path\n"
        "from murai_show.edge.booth.ledger import Ledger\n"
        "folder = Path(sys.argv[1]); ledger = Ledger(folder)\n"
        "while True:\n"
        "    entry = ledger.begin(0, 1, 'key', 'wave', '', lambda n: folder / f'{n}.png')\n"
        "    print(entry.number, flush=True)\n"
    )
    told: list[int] = []
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        ) as process:
            assert process.stdout is not None
            told += [int(process.stdout.readline()) for _ in range(20)]
            process.send_signal(signal.SIGKILL)
            told += [int(line) for line in process.stdout if line.endswith("\n")]
    assert told == sorted(set(told)), "a number was given twice, or went back"
    ledger = Ledger(tmp_path)
    assert set(told) <= {entry.number for entry in ledger.entries()}
    ledger.close()


def test_a_number_does_not_come_back_when_its_row_is_gone(desk: Desk) -> None:
    desk.shoot()
    desk.ledger._base.execute("DELETE FROM portraits")
    assert desk.shoot().number == 2


def test_the_ledger_is_its_owners_alone_and_one_shows_at_a_time(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path / "state"), Ledger(tmp_path / "state")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert one.file.stat().st_mode & 0o777 == 0o600
    one.hold()
    with pytest.raises(MuraiError, match="another show that runs has the ledger"):
        two.hold()
    one.close()
    two.hold()
    two.close()


def test_a_ledger_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "booth.db").write_bytes(b"no database, " * 100)
    with pytest.raises(MuraiError, match=r"booth\.db cannot be used: file is not a database"):
        Ledger(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(MuraiError, match="no ledger in"):
        Ledger(tmp_path / "file" / "state")


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "XDG_STATE_HOME": "/s"}, "/var/lib/a"),
        ({"XDG_STATE_HOME": "/s"}, "/s/murai-show/plaza"),
        ({"HOME": "/home/me"}, "/home/me/.local/state/murai-show/plaza"),
    ],
)
def test_where_the_ledger_is(environ: dict[str, str], folder: str) -> None:
    assert booth_folder(environ, "plaza") == Path(folder)
