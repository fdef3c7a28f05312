"""What goes into the outbox stays there, and what has to go leaves nothing behind."""

from __future__ import annotations

import math
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from murai_show.edge.social.allowance import Allowance
from murai_show.edge.social.entry import Entry
from murai_show.edge.social.outbox import FILE, Outbox
from murai_show.edge.social.pictures import ORPHAN_AGE, Folder
from murai_show.edge.social.port import Dead, Posted, Refused, Stopped, Unknown
from murai_show.edge.social.tidying import Caps, tidy
from murai_show.errors import OutboxError, UsageError
from tests.edge.social.stand_ins import DATA, NOW, VENUE, a_portrait, an_account, an_outbox
from tests.plans import REPOSITORY

ANY = Allowance()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    found = an_outbox(tmp_path)
    yield found
    found.close()


def put(outbox: Outbox, tmp_path: Path, number: int = 1, *names: str, expires=None) -> None:
    accounts = [an_account(name) for name in names or ("one",)]
    outbox.put(a_portrait(tmp_path, number, expires), accounts, VENUE, NOW + number)


def claim(outbox: Outbox, now: float = NOW + 100, account: str = "one") -> Entry:
    found = outbox.claim(account, ANY, now)
    assert isinstance(found, Entry)
    return found


def send(outbox: Outbox, event, now: float = NOW + 100, account: str = "one") -> Entry:
    """One round by hand, up to the network's answer."""
    sending = outbox.begin_sending(claim(outbox, now, account), 0.02, now)
    assert sending
    outbox.settle(sending, event, now)
    return outbox.entry(sending.id)


def pictures(outbox: Outbox) -> list[str]:
    return sorted(path.name for path in outbox.folder.pictures.iterdir())


# ---- in ------------------------------------------------------------------------------------------


def test_a_portrait_is_kept_for_each_account(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path, 1, "one", "two")
    entries = outbox.entries()
    assert [(e.account, e.state, e.text) for e in entries] == [
        (name, "queued", "A test, wave 0001-200427") for name in ("one", "two")
    ]
    item = entries[0].item(outbox.folder.pictures)
    assert item.picture.read_bytes() == DATA
    assert item.mark in item.text
    assert len(pictures(outbox)) == 1


def test_the_same_portrait_is_taken_once(outbox: Outbox, tmp_path: Path) -> None:
    """A booth that died after putting puts again; also when it is posted already."""
    put(outbox, tmp_path, 1, "one")
    send(outbox, Posted("r"))
    put(outbox, tmp_path, 1, "one", "two")
    assert [(e.account, e.state) for e in outbox.entries()] == [
        ("one", "posted"),
        ("two", "queued"),
    ]


def test_nobody_else_may_look(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path)
    for path in outbox.folder.path.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    outbox.folder.path.chmod(0o755)
    with pytest.raises(OutboxError, match=r"not its owner's alone; chmod 700"):
        Folder(outbox.folder.path)


def test_it_survives_a_power_cut_by_its_settings(outbox: Outbox) -> None:
    for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1)):
        assert outbox.database.read(f"PRAGMA {pragma}")[0][0] == value


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (
            lambda file: file.write_bytes(b"no database at all, and long enough" * 40),
            "not a database",
        ),
        (
            lambda file: sqlite3.connect(file).execute("PRAGMA user_version = 99"),
            r"newer murai-show \(version 99",
        ),
        (lambda file: file.mkdir(), "cannot be opened"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, break_it, says: str) -> None:
    folder = Folder(tmp_path / "outbox", floor=0)
    break_it(folder.path / FILE)
    with pytest.raises(OutboxError, match=says):
        Outbox(folder)


def test_room_is_left_to_the_machine(tmp_path: Path) -> None:
    outbox = an_outbox(tmp_path, floor=1000, free=lambda _path: 1010)
    with pytest.raises(OutboxError, match="MB are free"):
        put(outbox, tmp_path)
    assert (outbox.entries(), pictures(outbox)) == ([], [])
    outbox.close()


def test_what_has_expired_or_is_gone_is_not_taken(outbox: Outbox, tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="expired already"):
        put(outbox, tmp_path, 1, expires=NOW)
    portrait = a_portrait(tmp_path, 2)
    portrait.picture.unlink()
    with pytest.raises(OutboxError, match=r"shot-2.png cannot be read: No such file"):
        outbox.put(portrait, [an_account()], VENUE, NOW)


# ---- out -----------------------------------------------------------------------------------------


def test_the_oldest_goes_first_and_what_was_refused_lets_others_by(
    outbox: Outbox, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        put(outbox, tmp_path, number)
    assert send(outbox, Refused("no net")).number == 1
    assert outbox.claim("one", ANY, NOW + 105) == pytest.approx(5.0)  # the account rests as well
    assert send(outbox, Posted("r"), NOW + 110).number == 2
    assert [send(outbox, Posted("r"), NOW + 111).number for _ in (1, 2)] == [3, 1]
    assert outbox.claim("one", ANY, NOW + 111) == math.inf


def test_a_stop_is_kept_and_lifted_by_a_person(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path, 1, "one", "two")
    assert send(outbox, Stopped("402: not paid")).state == "queued"
    outbox.close()
    again = an_outbox(tmp_path)
    assert again.claim("one", ANY, NOW + 1e6) == math.inf
    assert isinstance(again.claim("two", ANY, NOW + 200), Entry)
    assert [(a.name, a.stopped) for a in again.accounts() if a.stopped] == [
        ("one", "402: not paid")
    ]
    assert again.resume() == ["one"]
    assert claim(again).number == 1
    again.close()


def test_limit_and_budget_count_what_may_be_posted(outbox: Outbox, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        put(outbox, tmp_path, number)
    allowance = Allowance((1, 3600.0))
    send(outbox, Refused("certainly not"))
    assert send(outbox, Unknown("cut"), NOW + 110).state == "unknown"
    outbox.settle(claim(outbox, NOW + 125), Posted("r"), NOW + 125)
    assert outbox.claim("one", allowance, NOW + 130) == pytest.approx(3580.0)
    outbox.drop(2)  # to forget an item does not free its place
    assert outbox.claim("one", Allowance(None, 0.03, 0.02), NOW + 130) == pytest.approx(86_380.0)


def test_the_picture_stays_until_all_have_it(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path, 1, "one", "two")
    send(outbox, Posted("r"))
    assert len(pictures(outbox)) == 1
    send(outbox, Posted("r"), account="two")
    assert pictures(outbox) == []


def test_after_a_crash_what_was_sent_is_unknown(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path, 1, "one", "two")
    claim(outbox, account="one")
    outbox.begin_sending(claim(outbox, account="two"), 0.0, NOW + 100)
    outbox.close()
    again = an_outbox(tmp_path)
    again.put_down(NOW + 200)
    assert [(e.account, e.state) for e in again.entries()] == [
        ("one", "queued"),
        ("two", "unknown"),
    ]
    again.close()


def test_a_late_answer_is_still_good_news(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path, 1)
    sending = outbox.begin_sending(claim(outbox), 0.0, NOW + 100)
    assert sending
    outbox.put_down(NOW + 101)
    assert outbox.settle(sending, Refused("too late to say"), NOW + 102) is None
    assert outbox.entry(1).state == "unknown"
    outbox.settle(sending, Posted("r"), NOW + 103)
    assert outbox.entry(1).state == "posted"


def test_a_row_without_a_picture_is_dead_and_says_why(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path)
    (outbox.folder.pictures / pictures(outbox)[0]).unlink()
    outbox.miss_pictures(NOW + 1)
    assert (outbox.entry(1).state, outbox.entry(1).why) == ("dead", "its picture is gone")


def test_a_clock_that_was_wrong_delays_nothing_for_long(outbox: Outbox, tmp_path: Path) -> None:
    """The machine believed that it was years later, posted, was refused, and is told the time."""
    future = NOW + 4 * 365 * 86400
    put(outbox, tmp_path, 1)
    put(outbox, tmp_path, 2)
    send(outbox, Posted("r"), future)
    send(outbox, Refused("no net"), future + 1)
    allowance = Allowance((1, 60.0))
    assert outbox.claim("one", allowance, NOW + 100) == pytest.approx(60.0)
    assert isinstance(outbox.claim("one", allowance, NOW + 160), Entry)


# ---- a person ------------------------------------------------------------------------------------


def test_a_person_must_be_sure_to_send_again(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path)
    send(outbox, Unknown("cut"))
    with pytest.raises(
        UsageError, match=r"may be posted already: cut; look for 0001-200427 on one"
    ):
        outbox.retry(1, NOW + 200)
    outbox.retry(1, NOW + 200, sure=True)
    assert claim(outbox, NOW + 200).id == 1


@pytest.mark.parametrize(
    ("state", "says"), [("posted", "nothing to retry"), ("gone", "no item 1"), ("bare", "picture")]
)
def test_some_things_cannot_be_retried(
    outbox: Outbox, tmp_path: Path, state: str, says: str
) -> None:
    put(outbox, tmp_path)
    if state == "gone":
        outbox.drop(1)
    else:
        send(outbox, Posted("r") if state == "posted" else Dead("no"))
        for name in pictures(outbox):
            (outbox.folder.pictures / name).unlink()
    with pytest.raises(UsageError, match=says):
        outbox.retry(1, NOW)


def test_what_is_being_sent_cannot_be_dropped(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path)
    claim(outbox)
    with pytest.raises(UsageError, match="just being sent"):
        outbox.drop(1)


# ---- tidying -------------------------------------------------------------------------------------


def test_what_has_expired_leaves_nothing_behind(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path, 1, expires=NOW + 50)
    put(outbox, tmp_path, 2)
    secret = outbox.entry(1).text.encode()
    assert any(secret in file.read_bytes() for file in outbox.folder.path.glob(f"{FILE}*"))
    tidy(outbox, Caps(), NOW + 51)
    assert [e.id for e in outbox.entries()] == [2]
    assert len(pictures(outbox)) == 1
    for file in outbox.folder.path.rglob("*"):
        assert file.is_dir() or secret not in file.read_bytes(), file
    assert outbox.counted["one", "dead"] == 1


def test_what_expires_while_it_is_sent_goes_afterwards(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path, 1, "one", "two", expires=NOW + 150)
    entry = claim(outbox)
    tidy(outbox, Caps(), NOW + 151)
    assert len(outbox.entries()) == 2
    assert outbox.begin_sending(entry, 0.0, NOW + 151) is None  # nor is it sent any more
    outbox.put_down(NOW + 151)
    tidy(outbox, Caps(), NOW + 152)
    assert (outbox.entries(), pictures(outbox)) == ([], [])


def test_what_waits_too_long_dies_with_a_reason(outbox: Outbox, tmp_path: Path, caplog) -> None:
    put(outbox, tmp_path, 1)
    put(outbox, tmp_path, 2)
    send(outbox, Unknown("cut"), NOW + 100)
    tidy(outbox, Caps(age=3600.0), NOW + 3700)
    assert [(e.state, e.why) for e in outbox.entries()] == [
        ("unknown", "cut"),
        ("dead", "it waited for 0.0416667 days"),
    ]
    assert "portrait 2 will not be posted: it waited" in caplog.text


def test_too_many_pictures_cost_the_dead_and_then_the_oldest(
    outbox: Outbox, tmp_path: Path, caplog
) -> None:
    for number in (1, 2, 3, 4):
        put(outbox, tmp_path, number)
    send(outbox, Dead("no"), NOW + 100)
    send(outbox, Unknown("cut"), NOW + 101)  # nobody may lose this one, old as it is
    tidy(outbox, Caps(size=3 * len(DATA)), NOW + 102)
    assert [e.state for e in outbox.entries()] == ["dead", "unknown", "queued", "queued"]
    assert len(pictures(outbox)) == 3
    tidy(outbox, Caps(size=2 * len(DATA)), NOW + 103)
    assert [e.state for e in outbox.entries()] == ["dead", "unknown", "dead", "queued"]
    assert "portrait 3 will not be posted: the outbox is full" in caplog.text
    assert len(pictures(outbox)) == 2


def test_what_is_long_over_is_forgotten(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path, 1, "one", "two")
    send(outbox, Dead("no"))
    tidy(outbox, Caps(age=1e9, keep=3600.0), NOW + 4000)
    assert [e.account for e in outbox.entries()] == ["two"]
    assert len(pictures(outbox)) == 1


def test_orphans_of_a_crash_are_swept_once_they_are_old(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, tmp_path)
    known = pictures(outbox)
    for name, age in (("000009-1.png", 7200), (".part-000010-1.png", 7200), ("000011-1.png", 60)):
        orphan = outbox.folder.pictures / name
        orphan.write_bytes(b"half")
        os.utime(orphan, (NOW - age, NOW - age))
    os.utime(outbox.folder.pictures / known[0], (NOW - 7200, NOW - 7200))
    tidy(outbox, Caps(), NOW)
    assert pictures(outbox) == [known[0], "000011-1.png"]
    assert ORPHAN_AGE > 60


# ---- the disk, other processes -------------------------------------------------------------------


def test_a_full_disk_does_not_keep_states_from_being_written(tmp_path: Path) -> None:
    """A file system of 1 MiB, full to the last byte: nothing new is taken, but what becomes of an
    item that was sent is written down, and items can be dropped."""
    disk = tmp_path / "state"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        _fill_and_go_on(tmp_path, disk)
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _fill_and_go_on(tmp_path: Path, disk: Path) -> None:
    outbox = an_outbox(tmp_path, ballast=128 * 1024)
    for number in range(1, 21):
        put(outbox, tmp_path, number)
    outbox.folder.load_ballast()
    assert (outbox.folder.path / "ballast").stat().st_size == 128 * 1024
    outbox.database.scrub()  # the log is small now, and will have to grow
    sending = outbox.begin_sending(claim(outbox), 0.0, NOW + 100)
    assert sending
    with (disk / "filler").open("wb", buffering=0) as filler:
        while shutil.disk_usage(disk).free:
            filler.write(bytes(4096))
    with pytest.raises(OutboxError, match="only 0 MB are free"):
        put(outbox, tmp_path, 21)
    for _ in range(3):  # more than what is left of the log's last page
        outbox.settle(sending, Posted("r"), NOW + 101)
        for number in range(2, 15):
            if number in {entry.id for entry in outbox.entries()}:
                outbox.drop(number)
                break
    assert outbox.entry(1).state == "posted"
    assert {entry.id for entry in outbox.entries()} == {1, *range(5, 21)}
    assert not (outbox.folder.path / "ballast").exists()
    (disk / "filler").unlink()
    outbox.folder.load_ballast()
    assert (outbox.folder.path / "ballast").exists()
    outbox.close()


def test_only_one_process_posts(outbox: Outbox) -> None:
    code = (
        "import sys; from pathlib import Path; from murai_show.edge.social.pictures import Folder;"
        "folder = Folder(Path(sys.argv[1])); print(folder.own(), flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(outbox.folder.path)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout
    assert other.stdout.readline() == "True\n"
    assert not outbox.folder.own()
    other.kill()
    other.communicate()
    assert outbox.folder.own()
