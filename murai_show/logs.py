"""What the program says while it runs: one line for each event, and no secret in any.

At a terminal an event is its sentence; under systemd the sentence with its priority before it, so
that `journalctl -p warning` works; with `--log json` one JSON object.  What repeats itself becomes
one line with a number.
"""

from __future__ import annotations

import contextlib
import difflib
import faulthandler
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, TextIO, cast

from pythonjsonlogger.json import JsonFormatter

from murai_show.errors import MuraiError, UsageError
from murai_show.redact import scrubbed, scrubbed_values

Style = Literal["plain", "journal", "json"]
STYLES: tuple[Style, ...] = ("plain", "journal", "json")
VARIABLE = "MURAI_LOG"
OURS = "murai_show"

FEW = 5  # times that the same is said in a window
WINDOW = 60.0  # seconds
MOST = 256  # events that are told apart in a window

_LONGEST = 40_000  # characters; journald cuts a line at 48 KiB
# sd-daemon(3): syslog's priorities, most severe first.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))

log = logging.getLogger(__name__)
Key = tuple[str, ...]


# ---- what is said again and again ----------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """An event that was kept back `times` times in `seconds`; `event` is the last of them."""

    event: Any
    times: int
    seconds: float


@dataclass
class _Run:
    began: float
    said: int = 0
    last: Any = None  # that was kept back
    times: int = 0


class Collapse:
    """Lets an event pass `few` times in `window` seconds and counts the rest.  Pure: time is an
    argument, in seconds of a clock that never goes back."""

    def __init__(self, few: int = FEW, window: float = WINDOW, most: int = MOST) -> None:
        self._few = few
        self._window = window
        self._most = most
        self._runs: dict[Key, _Run] = {}

    def admits(self, key: Key, event: Any, now: float) -> bool:
        """Whether `event` is to be said.  Events with the same `key` are the same; while `most` are
        told apart, others are the same where the first two parts of their keys are."""
        if key not in self._runs and len(self._runs) >= self._most:
            key = key[:2]
        run = self._runs.setdefault(key, _Run(now))
        if run.said < self._few:
            run.said += 1
            return True
        run.last = event
        run.times += 1
        return False

    def ended(self, now: float) -> list[Held]:
        """What was kept back in windows that are over at `now`; ask before `admits`."""
        over = [key for key, run in self._runs.items() if now - run.began >= self._window]
        return self._take(over, now)

    def rest(self, now: float) -> list[Held]:
        """What was kept back in all windows, because it ends here."""
        return self._take(list(self._runs), now)

    def due(self) -> float | None:
        """When the first window ends in which something was kept back."""
        return min((r.began + self._window for r in self._runs.values() if r.times), default=None)

    def _take(self, keys: list[Key], now: float) -> list[Held]:
        runs = [self._runs.pop(key) for key in keys]
        return [Held(run.last, run.times, now - run.began) for run in runs if run.times]


def key_of(record: logging.LogRecord) -> Key:
    """Who says it, how bad it is, its words before they are filled in, and whom it is about, which
    comes first in our sentences: `camera street: lost: …`"""
    about = record.args[0] if isinstance(record.args, tuple) and record.args else ""
    return (record.name, record.levelname, str(record.msg), str(about)[:80])


def _remembered(record: logging.LogRecord) -> logging.LogRecord:
    """As much of `record` as its summary needs: a traceback would hold pictures in memory."""
    kept = logging.LogRecord(record.name, record.levelno, "", 0, record.getMessage(), None, None)
    kept.threadName = record.threadName
    return kept


def _summary(held: Held) -> logging.LogRecord:
    record = held.event
    times = "once" if held.times == 1 else f"{held.times} times"
    record.msg = f"{record.msg} … {times} more in {held.seconds:.0f} s"
    record.repeated = held.times
    record.created = time.time()
    return record


# ---- handler and formatters ----------------------------------------------------------------------


class Handler(logging.StreamHandler[TextIO]):
    """Writes to `stream`, collapsed: all but DEBUG, which nobody asks for to see less.

    The line with the number comes when the window ends, whatever else happens meanwhile.
    """

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._now = now
        self._collapse = Collapse()
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        ours = record.name.partition(".")[0] == OURS
        if not ours and record.levelno < logging.WARNING:
            return  # other people's libraries print tokens
        now = self._now()
        self._tell(self._collapse.ended(now))
        if record.levelno <= logging.DEBUG:
            super().emit(record)
            return
        try:
            key, event = key_of(record), _remembered(record)
        except Exception:  # noqa: BLE001 - its words do not fit, or somebody's __str__ raises
            self.handleError(record)
            return
        if self._collapse.admits(key, event, now):
            super().emit(record)
        else:
            self._wake(now)

    def close(self) -> None:
        """Tell what was kept back, and write no more."""
        with self._guard():
            if self._timer is not None:
                self._timer.cancel()
            self._tell(self._collapse.rest(self._now()))
        super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base's own name
        """The base prints the arguments, which may be secret, and a traceback."""
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more
            self.stream.write(f"a line of {record.name} could not be written\n")

    def _guard(self) -> contextlib.AbstractContextManager[Any]:
        return cast("Any", self.lock)

    def _tell(self, held: list[Held]) -> None:
        for one in held:
            super().emit(_summary(one))

    def _wake(self, now: float) -> None:
        """Have a timer look when the next window ends."""
        due = self._collapse.due()
        if due is None or self._timer is not None:
            return
        self._timer = threading.Timer(max(0.0, due - now), self._look)
        self._timer.name, self._timer.daemon = "log", True
        self._timer.start()

    def _look(self) -> None:
        with self._guard():
            now = self._now()
            self._timer = None
            self._tell(self._collapse.ended(now))
            self._wake(now)


class Plain(logging.Formatter):
    """The sentence, and a traceback below it where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        return scrubbed(super().format(record))


class Journal(Plain):
    """One line with its priority before it, as sd-daemon(3) has it."""

    def format(self, record: logging.LogRecord) -> str:
        level = next((n for least, n in _PRIORITIES if record.levelno >= least), 7)
        text = super().format(record).rstrip().replace("\n", "\\n").replace("\r", "\\r")
        return f"<{level}>{text[:_LONGEST]}"


class Json(JsonFormatter):
    """One object: ts (RFC 3339, UTC), level, logger, thread, event; template and args where the
    sentence was filled in; exception; and whatever was given as `extra`."""

    def __init__(self) -> None:
        names = {"levelname": "level", "name": "logger", "threadName": "thread"}
        names |= {"message": "event", "exc_info": "exception", "stack_info": "stack"}
        super().__init__(
            ["levelname", "name", "threadName", "message"],
            rename_fields=names,
            timestamp="ts",
            json_ensure_ascii=False,
        )

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        super().add_fields(log_data, record, message_dict)
        log_data["level"] = record.levelname.lower()
        if isinstance(record.args, tuple) and record.args:
            log_data["template"], log_data["args"] = record.msg, record.args

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return scrubbed_values({"ts": log_data.pop("ts"), **log_data})


_FORMATTERS: Mapping[Style, Callable[[], logging.Formatter]] = {
    "plain": Plain,
    "journal": Journal,
    "json": Json,
}


# ---- setting up ----------------------------------------------------------------------------------


def style_of(asked: str | None, environ: Mapping[str, str], stream: TextIO) -> Style:
    """`asked` on the command line, else $MURAI_LOG, else what `stream` is.  Raises UsageError."""
    for name, word in (("--log", asked), (VARIABLE, environ.get(VARIABLE))):
        if word and word not in STYLES:
            near = difflib.get_close_matches(word, STYLES, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(f"{name}: {word!r} is none of {', '.join(STYLES)}{hint}")
        if word:
            return cast("Style", word)
    return "journal" if _is_journal(stream, environ.get("JOURNAL_STREAM", "")) else "plain"


def _is_journal(stream: TextIO, said: str) -> bool:
    """Whether `stream` is the one that systemd connected to its journal: it gives the device and
    the inode, since programs that are started from it inherit the variable too."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return said == f"{found.st_dev}:{found.st_ino}"


def setup(verbose: bool = False, style: str | None = None, stream: TextIO | None = None) -> None:
    """Send all that is logged to `stream` (stderr), and so what nobody caught and warnings.

    Whoever runs us inside another program and has set logging up already is left alone.  Raises
    UsageError for a `style` that there is not.
    """
    stream = stream or cast("TextIO", sys.stderr)
    chosen = style_of(style, os.environ, stream)
    root = logging.getLogger()
    ours = [handler for handler in root.handlers if isinstance(handler, Handler)]
    if len(ours) < len(root.handlers):
        return
    for handler in ours:
        root.removeHandler(handler)
        handler.close()
    handler = Handler(stream)
    handler.setFormatter(_FORMATTERS[chosen]())
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.captureWarnings(True)
    warnings.formatwarning = _warning
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    with contextlib.suppress(OSError, ValueError):  # a stream that is no file
        faulthandler.enable(stream)


def tell(error: MuraiError) -> None:
    """What ended the program, in the way that everything is said."""
    set_up = any(isinstance(handler, Handler) for handler in logging.getLogger().handlers)
    for line in str(error).splitlines():
        if set_up:
            log.error("%s", line)
        else:
            sys.stderr.write(f"{scrubbed(line)}\n")


def _warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,  # noqa: ARG001 - the place is said, its code is not
) -> str:
    return f"{filename}:{lineno}: {category.__name__}: {message}"


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical(
        "murai-show broke off; this is a fault of the program", exc_info=(kind, error, trace)
    )


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    name = args.thread.name if args.thread else "?"
    found = (args.exc_type, args.exc_value, args.exc_traceback)
    log.error("thread %s broke off; this is a fault of the program", name, exc_info=found)
