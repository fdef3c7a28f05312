"""Names of files."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from murai_show.output.files import create_new, later, named, plain

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/a/{date}/{time}.mp4", "/a/2026-03-04/050607.mp4"),
        ("/a/{show}-{date}{0}.mp4", "/a/{show}-2026-03-04{0}.mp4"),
        ("/a/plain.mkv", "/a/plain.mkv"),
    ],
)
def test_names_are_filled_in(pattern, expected) -> None:
    assert named(Path(pattern), WHEN) == Path(expected)


def test_an_hour_later_is_an_hour_later_when_the_clocks_change() -> None:
    before = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Paris"))
    assert later(before, 3600).strftime("%H:%M %z") == "02:30 +0100"
    assert later(datetime(2026, 1, 1), 90) == datetime(2026, 1, 1, 0, 1, 30)


def test_a_file_never_replaces_another(tmp_path) -> None:
    names = []
    for _ in range(3):
        path, file = create_new(tmp_path / "new" / "a.mp4")
        file.close()
        names.append(path.name)
    assert names == ["a.mp4", "a-2.mp4", "a-3.mp4"]


def test_errors_in_plain_words() -> None:
    assert plain(OSError(28, "No space left on device", "/a/b")) == "/a/b: No space left on device"
    assert plain(OSError(28, "No space left on device")) == "No space left on device"
    assert plain(ValueError()) == "ValueError"
