"""What is said: one line for each event, collapsed, for people and machines, without a secret."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murai_show import logs, redact
from murai_show.errors import UsageError
from murai_show.logs import Collapse, Handler, Held, Journal, Json, Plain, key_of
from tests.plans import REPOSITORY

SECRET = "hunter2/With+Signs&More"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said(clock: Clock) -> Iterator[io.StringIO]:
    """Where a logger `murai_show.trial` of our handler's writes."""
    logger = logging.getLogger("murai_show.trial")
    stream = io.StringIO()
    handler = Handler(stream, clock)
    handler.setFormatter(Plain())
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield stream
    logger.removeHandler(handler)
    handler.close()
    logger.propagate = True


TRIAL = logging.getLogger("murai_show.trial")


# ---- collapsing ----------------------------------------------------------------------------------


def test_the_first_few_are_said_and_the_rest_counted() -> None:
    collapse = Collapse(few=3, window=60)
    admitted = [collapse.admits(("a",), n, n) for n in range(10)]
    assert admitted == [True] * 3 + [False] * 7
    assert collapse.due() == 60
    assert collapse.ended(59.9) == []
    assert collapse.ended(60.0) == [Held(9, 7, 60.0)]
    assert collapse.admits(("a",), 10, 60.0), "a new window begins"
    assert collapse.due() is None


def test_what_is_told_apart_is_bounded() -> None:
    collapse = Collapse(few=1, most=4)
    said = sum(collapse.admits(("logger", "ERROR", f"text {n}"), n, 0.0) for n in range(1000))
    assert said == 4 + 1
    assert [held.times for held in collapse.rest(1.0)] == [995]


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 50)), max_size=200))
def test_nothing_is_said_twice_and_nothing_is_lost(steps: list[tuple[str, float]]) -> None:
    collapse, now, told, few = Collapse(few=2, window=60, most=2), 0.0, 0, 2
    for name, wait in steps:
        now += wait
        told += sum(held.times for held in collapse.ended(now))
        told += collapse.admits((name, "ERROR", "x"), now, now)
        due = collapse.due()
        assert due is None or now < due <= now + 60
    told += sum(held.times for held in collapse.rest(now))
    assert told == len(steps)
    assert few == 2


def test_cameras_are_told_apart_and_their_troubles_are_not() -> None:
    def key(*args: object):
        return key_of(logging.LogRecord("murai_show.x", 30, "", 0, "camera %s: %s", args, None))

    assert key("street", "a") == key("street", "b") != key("stage", "a")


def test_a_repeated_error_is_one_line_with_a_number(said: io.StringIO, clock: Clock) -> None:
    for n in range(46):
        clock.now += 1
        TRIAL.error("camera %s: lost: %s", "street", f"try {n}")
    clock.now += 60
    TRIAL.info("something else")
    lines = said.getvalue().splitlines()
    assert lines[:5] == [f"camera street: lost: try {n}" for n in range(5)]
    assert lines[5:] == ["camera street: lost: try 45 … 41 times more in 105 s", "something else"]


def test_the_number_comes_though_nothing_else_is_said(monkeypatch) -> None:
    """A real timer and a real clock: the window is over before anybody looks."""
    monkeypatch.setattr(logs, "WINDOW", 0.05)
    heard = threading.Event()

    class Ears(io.StringIO):
        def write(self, text: str) -> int:
            if "3 times more" in text:
                heard.set()
            return super().write(text)

    handler = Handler(Ears())
    handler._collapse = Collapse(few=1, window=0.05)
    for _ in range(4):
        handler.handle(logging.makeLogRecord({"name": "murai_show", "levelno": 40, "msg": "again"}))
    assert heard.wait(10)
    handler.close()


def test_the_number_comes_at_the_end(said: io.StringIO) -> None:
    for _ in range(7):
        TRIAL.warning("again")
    logging.getLogger("murai_show.trial").handlers[0].close()
    assert said.getvalue().splitlines() == ["again"] * 5 + ["again … 2 times more in 0 s"]


def test_debug_is_never_collapsed(said: io.StringIO) -> None:
    for _ in range(20):
        TRIAL.debug("detail")
    assert len(said.getvalue().splitlines()) == 20


def test_a_traceback_is_not_held_in_memory(clock: Clock) -> None:
    handler = Handler(io.StringIO(), clock)
    record = a_record("broke")
    for _ in range(9):
        handler.handle(record)
    (held,) = handler._collapse.rest(0.0)
    assert held.event.exc_info is None
    handler.close()


# ---- one line for each event ---------------------------------------------------------------------


def broken() -> None:
    try:
        {}[f"inner {SECRET}"]
    except KeyError as inner:
        raise ValueError("outer\nline") from inner


def a_record(text: str, *args: object, level: int = logging.ERROR, **more: object):
    record = logging.LogRecord("murai_show.x", level, "x.py", 1, text, args, None)
    try:
        broken()
    except ValueError:
        record.exc_info = sys.exc_info()
    record.__dict__.update(more)
    return record


@pytest.mark.parametrize(
    ("level", "number"), [(50, 2), (40, 3), (30, 4), (20, 6), (10, 7), (35, 4)]
)
def test_journald_gets_one_line_with_a_priority(level: int, number: int) -> None:
    text = Journal("%(message)s").format(a_record("a\nb", level=level))
    assert text.startswith(f"<{number}>a\\nb\\nTraceback")
    assert "\n" not in text


def test_a_line_fits_into_the_journal() -> None:
    assert len(Journal("%(message)s").format(a_record("x" * 100_000))) < 48 * 1024


def test_json_is_one_object_in_one_line() -> None:
    redact.remember(SECRET)
    record = a_record("camera %s: %s", "street", {"url": f"rtsp://u:{SECRET}@h"}, seconds=2.5)
    text = Json().format(record)
    assert "\n" not in text
    found = json.loads(text)
    assert list(found)[:5] == ["ts", "level", "logger", "thread", "event"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", found["ts"])
    assert found["level"] == "error"
    assert found["template"] == "camera %s: %s"
    assert found["args"] == ["street", {"url": "rtsp://***@h"}]
    assert found["seconds"] == 2.5
    assert "KeyError: 'inner ***'" in found["exception"]
    assert SECRET not in text


@pytest.mark.parametrize("formatter", [Plain("%(message)s"), Journal("%(message)s"), Json()])
def test_no_style_shows_a_secret(formatter: logging.Formatter) -> None:
    redact.remember(SECRET)
    found = formatter.format(a_record("with %s and %r", SECRET, SECRET.encode()))
    assert "hunter2" not in found


def test_a_record_that_cannot_be_formatted_does_not_show_its_arguments(clock, capsys) -> None:
    stream = io.StringIO()
    Handler(stream, clock).handle(a_record("%d of %d", SECRET))
    assert "hunter2" not in stream.getvalue() + capsys.readouterr().err
    assert "could not be written" in stream.getvalue()


def test_other_libraries_are_never_below_warning(clock) -> None:
    stream = io.StringIO()
    handler = Handler(stream, clock)
    for name in ("tweepy.client", "urllib3", "requests_oauthlib", "httpx", "atproto"):
        for level in (10, 20, 30):
            record = {"name": name, "levelno": level, "msg": f"{name} at {level}"}
            handler.handle(logging.makeLogRecord(record))
    assert [line[-2:] for line in stream.getvalue().splitlines()] == ["30"] * 5


# ---- which style ---------------------------------------------------------------------------------


def test_the_journal_is_known_by_its_inode(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w") as ours, (tmp_path / "b").open("w") as other:
        facts = os.fstat(ours.fileno())
        environ = {"JOURNAL_STREAM": f"{facts.st_dev}:{facts.st_ino}"}
        assert logs.style_of(None, environ, ours) == "journal"
        assert logs.style_of(None, environ, other) == "plain"
        assert logs.style_of("json", environ, ours) == "json"
        assert logs.style_of(None, {**environ, "MURAI_LOG": "plain"}, ours) == "plain"
    assert logs.style_of(None, environ, io.StringIO()) == "plain"


def test_a_style_that_there_is_not() -> None:
    with pytest.raises(UsageError, match=r"--log: 'jsn' is none of .*; did you mean json\?"):
        logs.style_of("jsn", {}, sys.stderr)


PROGRAM = """
import logging, sys, threading, warnings
from murai_show import logs, redact
logs.setup(verbose=True)
redact.remember("hunter2/With+Signs&More")
log = logging.getLogger("murai_show.trial")
log.info("begun")
log.debug("detail")
logging.getLogger("tweepy").info("token")
warnings.warn("old: hunter2/With+Signs&More", stacklevel=1)
def broken(): raise ValueError("in a thread: hunter2/With+Signs&More")
thread = threading.Thread(target=broken, name="t1"); thread.start(); thread.join()
for _ in range(8): log.warning("again")
raise KeyError("at the end: hunter2/With+Signs&More")
"""


def ran(style: str) -> str:
    """What a real process says on stderr."""
    environ = {**os.environ, "MURAI_LOG": style, "PYTHONPATH": str(REPOSITORY)}
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environ, check=False
    )
    assert found.returncode == 1
    assert found.stdout == ""
    assert "hunter2" not in found.stderr
    return found.stderr


def test_a_process_that_breaks_off_says_so_in_json() -> None:
    events = [json.loads(line) for line in ran("json").splitlines()]
    assert [(e["level"], e["event"].partition(";")[0]) for e in events] == [
        ("info", "begun"),
        ("debug", "detail"),
        ("warning", "<string>:10: UserWarning: old: ***"),
        ("error", "thread t1 broke off"),
        *[("warning", "again")] * 5,
        ("critical", "murai-show broke off"),
        ("warning", "again … 3 times more in 0 s"),
    ]
    assert "KeyError: 'at the end: ***'" in events[-2]["exception"]
    assert "ValueError: in a thread: ***" in events[3]["exception"]
    assert events[-1]["repeated"] == 3


def test_a_process_that_breaks_off_says_so_to_the_journal() -> None:
    lines = ran("journal").splitlines()
    assert [line[:3] for line in lines] == ["<6>", "<7>", "<4>", "<3>", *["<4>"] * 5, "<2>", "<4>"]


def murai(*words: str, stderr: Path) -> int:
    """The program, with `stderr` as its journal is: a file whose inode systemd names."""
    with stderr.open("w") as journal:
        facts = os.fstat(journal.fileno())
        told = {"JOURNAL_STREAM": f"{facts.st_dev}:{facts.st_ino}", "PYTHONPATH": str(REPOSITORY)}
        return subprocess.run(
            [sys.executable, "-m", "murai_show", *words],
            stderr=journal,
            env={**os.environ, **told},
            cwd=stderr.parent,
            check=False,
        ).returncode


def test_under_systemd_what_ends_the_program_has_a_priority(tmp_path: Path) -> None:
    text = (REPOSITORY / "shows/demo.yaml").read_text().replace("playlist: ", "playlist: no-")
    (tmp_path / "broken.yaml").write_text(text.replace("murai: 1", "murai: 1\nnonsense: 1"))
    err = tmp_path / "err"
    assert murai("why", "broken.yaml", stderr=err) == 2
    lines = err.read_text().splitlines()
    assert len(lines) >= 1
    assert all(line.startswith("<3>broken.yaml:") for line in lines)
    assert murai("--log", "json", "why", "gone.yaml", stderr=err) == 2
    assert json.loads(err.read_text())["event"].startswith("no show file 'gone.yaml' here")


def test_a_terminal_sees_sentences() -> None:
    text = ran("plain")
    assert text.startswith("begun\ndetail\n<string>:10: UserWarning: old: ***\n")
    assert "\nthread t1 broke off; this is a fault of the program\nTraceback" in text
