"""Which files may go: over any files, and in real folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murai_show.edge.retention import Stored, about, matches, stored, surplus, sweep
from murai_show.output.files import create_new, named
from tests.output.planning import STARTED, an_output
from tests.plans import a_plan

NOW = 1_000_000.0
DAY = 86400.0

files = st.lists(
    st.builds(
        Stored,
        st.integers(0, 30).map(lambda n: Path(f"/films/{n}.mp4")),
        st.floats(NOW - 20 * DAY, NOW + DAY),
        st.integers(0, 1000),
    ),
    unique_by=lambda file: file.path,
)
busy = st.sets(st.integers(0, 30).map(lambda n: Path(f"/films/{n}.mp4")), max_size=3)
keeps = st.none() | st.floats(60, 20 * DAY)
mosts = st.none() | st.integers(0, 8000)


@given(files, keeps, mosts, busy)
def test_what_may_go(files, keep, most, busy) -> None:
    gone = surplus(files, NOW, keep, most, busy)
    stay = [file for file in files if file not in gone]
    free = [file for file in stay if file.path not in busy]
    assert set(gone) <= set(files)
    assert len(set(gone)) == len(gone)
    assert not any(file.path in busy for file in gone), "what is being written stays"
    if keep is not None:
        assert all(NOW - file.modified <= keep for file in free), "nothing old stays"
    if most is not None:
        assert sum(f.size for f in stay) <= most or not free, "it fits, or nothing more may go"
    if keep is None and most is None:
        assert not gone


@given(files, keeps, mosts, busy)
def test_the_oldest_go_first_and_no_more_than_must(files, keep, most, busy) -> None:
    gone = surplus(files, NOW, keep, most, busy)
    stay = [file for file in files if file not in gone]
    assert list(gone) == sorted(gone, key=lambda f: (f.modified, f.path))
    young = [file for file in gone if keep is None or NOW - file.modified <= keep]
    for file in young:  # each of these went for room alone
        assert most is not None
        assert all(f.modified >= file.modified for f in stay if f.path not in busy), (
            "an older one stayed"
        )
    if young:
        last = young[-1]
        assert sum(f.size for f in stay) + last.size > most, "one more than was needed"


@given(files, keeps, mosts, busy)
def test_a_second_sweep_finds_nothing(files, keep, most, busy) -> None:
    gone = surplus(files, NOW, keep, most, busy)
    left = [file for file in files if file not in gone]
    assert surplus(left, NOW, keep, most, busy) == ()


def make(path: Path, size: int = 10, age: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW - age, NOW - age))
    return path


@pytest.mark.parametrize(
    "pattern",
    ["{date}/wall-{time}.mp4", "wall-{date}-{time}.mp4", "a{date}b/c/{time}.mkv", "wall.mp4"],
)
def test_it_knows_the_files_that_an_output_names(tmp_path, pattern) -> None:
    paths = []
    for _ in range(3):
        path, file = create_new(named(tmp_path / pattern, STARTED))
        file.close()
        paths.append(path)
    assert sorted(file.path for file in stored(tmp_path / pattern)) == sorted(paths)
    assert all(matches(tmp_path / pattern, path) for path in paths)


def test_strangers_are_not_its_files(tmp_path) -> None:
    pattern = tmp_path / "films" / "{date}" / "wall-{time}.mp4"
    mine = make(tmp_path / "films/2026-11-22/wall-201500.mp4")
    strangers = [
        make(tmp_path / "films/2026-11-22/wall-201500.mkv"),
        make(tmp_path / "films/2026-11-22/wall-2015.mp4"),
        make(tmp_path / "films/2026-11-22/wall-201500-cut.mp4"),
        make(tmp_path / "films/2026-11-22/my wall-201500.mp4"),
        make(tmp_path / "films/2026-11-22/deeper/wall-201500.mp4"),
        make(tmp_path / "films/holiday/wall-201500.mp4"),
        make(tmp_path / "films/wall-201500.mp4"),
    ]
    assert [file.path for file in stored(pattern)] == [mine]
    assert not any(matches(pattern, path) for path in strangers)


def test_signs_of_a_name_are_not_signs_of_a_pattern(tmp_path) -> None:
    pattern = tmp_path / "a.b+{time}.mp4"
    mine = make(tmp_path / "a.b+201500.mp4")
    make(tmp_path / "aXb+201500.mp4")
    assert [file.path for file in stored(pattern)] == [mine]


def test_links_lead_nowhere(tmp_path) -> None:
    elsewhere = make(tmp_path / "elsewhere/wall-201500.mp4")
    films = tmp_path / "films"
    films.mkdir()
    (films / "2026-11-22").symlink_to(elsewhere.parent)
    (films / "2026-11-23").mkdir()
    (films / "2026-11-23/wall-201500.mp4").symlink_to(elsewhere)
    assert list(stored(films / "{date}/wall-{time}.mp4")) == []


def a_show(pattern: Path, **changed):
    kind = "snapshot" if pattern.suffix == ".png" else "recording"
    return a_plan(outputs=(an_output(kind, None, pattern, **changed),))


@pytest.mark.parametrize("suffix", [".mp4", ".png"])
def test_a_sweep_of_a_real_folder(tmp_path, suffix, caplog) -> None:
    caplog.set_level("INFO")
    pattern = tmp_path / "{date}" / f"{{time}}{suffix}"
    old = make(tmp_path / f"2026-11-01/200000{suffix}", age=10 * DAY)
    stranger = make(tmp_path / "2026-11-02/notes.txt", age=10 * DAY)
    too = make(tmp_path / f"2026-11-02/200000{suffix}", age=9 * DAY)
    new = make(tmp_path / f"2026-11-22/200000{suffix}", size=2_500_000)
    (done,) = sweep(a_show(pattern, keep="7d"), lambda: (), NOW)
    assert (done.files, done.size) == (2, 20)
    assert not old.parent.exists(), "an empty folder of a day goes too"
    assert not too.exists()
    assert stranger.exists()
    assert new.exists()
    assert "2 old files deleted" in caplog.text


def test_the_film_that_is_written_stays(tmp_path) -> None:
    paths = [make(tmp_path / f"20000{n}.mp4", 600_000, 100.0 - n) for n in range(5)]
    plan = a_show(tmp_path / "{time}.mp4", max="1MB")
    sweep(plan, lambda: (paths[0],), NOW)
    assert [path.exists() for path in paths] == [True, False, False, False, False]


def test_without_a_limit_everything_stays(tmp_path) -> None:
    path = make(tmp_path / "200000.mp4", age=300 * DAY)
    assert sweep(a_show(tmp_path / "{time}.mp4"), lambda: (), NOW) == []
    assert path.exists()


def test_what_cannot_be_deleted_is_said_and_the_rest_goes_on(tmp_path, caplog, monkeypatch) -> None:
    stuck = make(tmp_path / "2026-11-01/200000.mp4", age=10 * DAY)
    gone = make(tmp_path / "2026-11-02/200000.mp4", age=9 * DAY)
    unlink = Path.unlink

    def refused(path: Path) -> None:
        if path == stuck:
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path)

    monkeypatch.setattr(Path, "unlink", refused)
    sweep(a_show(tmp_path / "{date}/{time}.mp4", keep="7d"), lambda: (), NOW)
    assert stuck.exists()
    assert not gone.exists()
    assert f"{stuck} cannot be deleted: Permission denied" in caplog.text


def test_amounts_for_a_person() -> None:
    assert [about(n) for n in (1500, 2_500_000, 4_200_000_000)] == ["1.5 KB", "2.5 MB", "4.2 GB"]
