"""Broken show files, each with everything that is said about it.

`tests/broken/expected.txt` holds what `murai-show check` prints about each file beside it, to the
letter.  Whoever changes a sentence changes it there too:

    python -m tests.show.test_broken > expected.txt && mv expected.txt tests/broken/
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from murai_show.errors import ShowError
from murai_show.show.plan import plan_show
from tests.show.machine import ROOT, machine

BROKEN = ROOT / "tests" / "broken"
FILES = sorted(BROKEN.glob("*.yaml"))
ENVIRON = {"CAM_PASSWORD": "hunter2-from-environ", "CAM_SLASH": "hunter/2-from-environ"}


def said_about(file: Path) -> list[str]:
    """What is said about `file`, without the folder's name."""
    with pytest.raises(ShowError) as caught:
        plan_show(file, machine(), ENVIRON)
    return [line.removeprefix("tests/broken/") for line in str(caught.value).split("\n")]


def expected() -> dict[str, list[str]]:
    lines: dict[str, list[str]] = defaultdict(list)
    for line in (BROKEN / "expected.txt").read_text(encoding="utf-8").splitlines():
        lines[line.split(":")[0]].append(line)
    return lines


EXPECTED = expected() if __name__ != "__main__" else {}


def test_there_are_many_and_none_is_forgotten() -> None:
    assert len(FILES) >= 100
    assert sorted(EXPECTED) == [file.name for file in FILES]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_everything_wrong_is_said_in_our_words(file: Path) -> None:
    said = said_about(file)
    assert said == EXPECTED[file.name]
    for line in said:
        assert "hunter" not in line, "a secret is repeated"
        assert "Input should" not in line, "pydantic's words"
        assert "does not fit here" not in line, "an error of pydantic that has no sentence"


if __name__ == "__main__":
    for broken in FILES:
        print("\n".join(said_about(broken)))  # noqa: T201 - this is what it is for
