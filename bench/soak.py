"""A show that runs for an hour, watched from outside: does it leak, does it get slower?

A real `murai-show run` in a process of its own.  Every few seconds its /metrics are read, and the
memory, threads and open files of it and its children.  Memory gets a straight line through all that
came after the warm-up; of threads and files the floor is compared, the least of the last third with
the least of the first: what comes and goes with a reload is no leak.

    python bench/soak.py [--minutes 60] [--show SHOW] [--warm-up 10] [--faults] [--most 16]

Writes docs/scores/soak.json and docs/pictures/soak.png.  The status is 1 when memory grows faster
than `--most` MiB an hour, when threads or files grow, or when the show ends by itself.
`--faults` saves the show's file once a minute: styles, sizes, outputs and cameras change, and every
fourth time it is broken.  The demo is run in a copy; a `--show` of your own is edited where it is,
and put back.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from matplotlib.figure import Figure
from prometheus_client.parser import text_string_to_metric_families

from murai_show.shipped import shipped
from murai_show.train.cost import machine

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
OURS, THEIRS, INK = "#d98324", "#5b7a99", "#222428"
MIB = 1 << 20
GROWTH = 2  # threads or files that the floor may rise by: pools are filled when first used
SHORT = 3.0  # a run of fewer warm-ups than this warms up for a quarter of its length

# What `--faults` changes in turn; one that does not fit the show is a comment's change only.
EDITS = (
    ("fade: 2s", "fade: 1s"),
    ("size: 960x540", "size: 640x360"),
    ("kind: still", "knid: still"),  # broken: not taken, the show stays as it is
    ("paint: 448x252", "paint: 384x216"),
    ("each: 6s", "each: 5s"),
    ("[wave, starry, kandinsky, delaunay]", "[kandinsky, wave]"),
    ("fade: 2s", "fade: two seconds"),
    ("kind: recording", "kind: recording, crf: 24"),
)


@dataclass(frozen=True)
class Sample:
    """One look: seconds since the first, of the processes, and what the page counts by then.
    `latencies` are the cumulative counts of glass to glass by their bounds, over all outputs."""

    at: float
    memory: float  # MiB
    threads: int
    files: int
    painted: float
    presented: float
    errors: float
    reloads: float
    latencies: Mapping[float, float]


def look(process: psutil.Process, page: str, at: float) -> Sample:
    """Raises psutil.NoSuchProcess when the show has ended."""
    family = [process, *process.children(recursive=True)]
    sums: dict[str, float] = defaultdict(float)
    latencies: dict[float, float] = defaultdict(float)
    for sample in (s for metric in text_string_to_metric_families(page) for s in metric.samples):
        if sample.name == "murai_glass_to_glass_seconds_bucket":
            latencies[float(sample.labels["le"])] += sample.value
        sums[f"{sample.name} {sample.labels.get('stage', '')}".strip()] += sample.value
    return Sample(
        at,
        sum(each.memory_info().rss for each in family) / MIB,
        sum(each.num_threads() for each in family),
        sum(each.num_fds() for each in family),
        sums["murai_frames_total painted"],
        sums["murai_frames_total presented"],
        sums["murai_errors_total"],
        sums["murai_reloads_total"],
        latencies,
    )


def quantile(before: Mapping[float, float], after: Mapping[float, float], share: float) -> float:
    """Of what was observed between two cumulative histograms, as Prometheus' histogram_quantile
    does it: even within a bucket, and the last finite bound for what is beyond.  NaN for nothing.
    """
    bounds = sorted(after)
    counts = [after[bound] - before.get(bound, 0.0) for bound in bounds]
    if not counts or counts[-1] <= 0:
        return float("nan")
    rank = share * counts[-1]
    place = next(i for i, count in enumerate(counts) if count >= rank)
    low, below = (bounds[place - 1], counts[place - 1]) if place else (0.0, 0.0)
    if not np.isfinite(bounds[place]):
        return low
    within = counts[place] - below
    return low + (bounds[place] - low) * ((rank - below) / within if within else 0.0)


@dataclass(frozen=True)
class Verdict:
    """What grew: MiB an hour, and floors of threads and files, first third and last."""

    slope: float
    line: tuple[float, float]  # MiB per second, MiB at 0
    warm: float  # seconds that were left away
    threads: tuple[int, int]
    files: tuple[int, int]
    faults: tuple[str, ...] = field(default=())


def judge(samples: Sequence[Sample], warm_up: float, most: float) -> Verdict:
    length = samples[-1].at
    warm = warm_up if length >= SHORT * warm_up else length / 4
    kept = [s for s in samples if s.at >= warm]
    rate, start = np.polyfit([s.at for s in kept], [s.memory for s in kept], 1)
    third = max(1, len(kept) // 3)

    def floors(of: Callable[[Sample], int]) -> tuple[int, int]:
        return min(map(of, kept[:third])), min(map(of, kept[-third:]))

    threads, files = floors(lambda s: s.threads), floors(lambda s: s.files)
    faults: list[str] = []
    if rate * 3600 > most:
        faults.append(f"memory grows by {rate * 3600:.1f} MiB an hour, {most:g} are allowed")
    for what, (first, last) in (("threads", threads), ("open files", files)):
        if last > first + GROWTH:
            faults.append(f"{what} grow: {first} in the first third, {last} in the last")
    return Verdict(rate * 3600, (rate, start), warm, threads, files, tuple(faults))


def minutes(samples: Sequence[Sample]) -> list[dict[str, float]]:
    """A row for each minute: rates, percentiles in ms, and the most of memory, threads, files."""
    rows: list[dict[str, float]] = []
    marks = [samples[0]]
    marks += [s for last, s in pairwise(samples) if int(s.at // 60) > int(last.at // 60)]
    if samples[-1].at - marks[-1].at > 30.0 or len(marks) == 1:
        marks.append(samples[-1])
    for begin, end in pairwise(marks):
        seconds = end.at - begin.at
        inside = [s for s in samples if begin.at < s.at <= end.at]
        ms = {f"p{p}_ms": 1e3 * quantile(begin.latencies, end.latencies, p / 100) for p in (50, 99)}
        rows.append(
            {
                "minute": round(end.at / 60, 2),
                "painted_fps": round((end.painted - begin.painted) / seconds, 2),
                "presented_fps": round((end.presented - begin.presented) / seconds, 2),
                **{name: round(value, 1) for name, value in ms.items()},
                "memory_mib": round(max(s.memory for s in inside), 1),
                "threads": max(s.threads for s in inside),
                "files": max(s.files for s in inside),
                "errors": end.errors - begin.errors,
                "reloads": end.reloads - begin.reloads,
            }
        )
    return rows


def draw(samples: Sequence[Sample], rows: Sequence[Mapping[str, float]], found: Verdict) -> Figure:
    """Four strips over the same minutes: memory, latency, rate, threads and files."""
    figure = Figure((9, 8), layout="constrained")
    strips = figure.subplots(4, 1, sharex=True, height_ratios=(3, 3, 2, 2))
    at = [s.at / 60 for s in samples]
    ends = np.array([found.warm, samples[-1].at])
    memory, latency, rate, handles = strips
    memory.axvspan(0, found.warm / 60, color=INK, alpha=0.06, lw=0)
    memory.plot(at, [s.memory for s in samples], color=OURS, lw=1.2)
    rate_of, start = found.line
    told = f"{found.slope:+.1f} MiB an hour after the warm-up"
    memory.plot(ends / 60, start + rate_of * ends, "--", color=INK, lw=1, label=told)
    memory.set_ylabel("memory, MiB")
    levels = [s.memory for s in samples if s.at >= found.warm]
    middle, room = float(np.mean(levels)), max(25.0, 1.6 * float(np.ptp(levels)))
    memory.set_ylim(middle - room, middle + room)
    ended = [row["minute"] for row in rows]
    for name, colour in (("p99", OURS), ("p50", THEIRS)):
        latency.plot(ended, [row[f"{name}_ms"] for row in rows], "o-", ms=3, color=colour)
        latency.annotate(
            name, (ended[-1], rows[-1][f"{name}_ms"]), (6, -3), textcoords="offset points"
        )
    latency.set_ylabel("glass to glass, ms")
    rate.plot(ended, [row["painted_fps"] for row in rows], "o-", ms=3, color=OURS)
    rate.set_ylabel("painted a second")
    handles.plot(at, [s.threads for s in samples], color=OURS, label="threads")
    handles.plot(at, [s.files for s in samples], color=THEIRS, label="open files")
    handles.set_ylabel("threads, files")
    handles.set_xlabel("minutes")
    for strip in strips:
        strip.spines[["top", "right"]].set_visible(False)
        if strip is not memory:
            strip.set_ylim(
                0, 1.15 * max(float(np.nanmax(line.get_ydata())) for line in strip.lines)
            )
    memory.legend(frameon=False, loc="upper right")
    handles.legend(frameon=False, loc="lower right", ncols=2)
    figure.suptitle(f"{samples[-1].at / 60:.0f} minutes of a running show", x=0.02, ha="left")
    return figure


class Log:
    """What the show says, read so that its pipe never fills; `url` once it is known."""

    def __init__(self, show: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self.url = ""
        self.known = threading.Event()
        self._show = show
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._show.stderr is not None
        for line in self._show.stderr:
            self.lines.append(line.rstrip())
            if match := re.search(r"metrics on (http://\S+)", line):
                self.url = match[1]
                self.known.set()
        self.known.set()  # over


class Editor:
    """Saves the show's file again and again, each time otherwise."""

    def __init__(self, file: Path) -> None:
        self._file, self._text, self._turn = file, file.read_text(encoding="utf-8"), 0

    def save(self) -> None:
        old, new = EDITS[self._turn % len(EDITS)]
        self._turn += 1
        self._write(f"{self._text.replace(old, new, 1)}\n# saved {self._turn} times\n")

    def put_back(self) -> None:
        self._write(self._text)

    def _write(self, text: str) -> None:
        part = self._file.with_name(f".{self._file.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(self._file)


def demo(work: Path) -> Path:
    """A copy of the demo whose metrics take any port, and whose film does not fill the disk."""
    text = (shipped("shows") / "demo.yaml").read_text(encoding="utf-8")
    film = "kind: recording"
    assert film in text
    text = text.replace(film, f"{film}\n    segment: 5m\n    max: 500MB\n    keep: 1h")
    show = work / "demo.yaml"
    show.write_text(text + "\nmetrics: 127.0.0.1:0\n", encoding="utf-8")
    return show


def watch(
    process: subprocess.Popen[str], url: str, seconds: float, every: float, editor: Editor | None
) -> list[Sample]:
    """Look every so often; fewer samples than wanted when the show ends by itself."""
    inside = psutil.Process(process.pid)
    samples: list[Sample] = []
    begun, edited = time.monotonic(), 0
    while (now := time.monotonic() - begun) <= seconds:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our loopback
                samples.append(look(inside, answer.read().decode(), now))
        except (OSError, psutil.NoSuchProcess) as error:
            print(f"{now:.0f} s: {error}", file=sys.stderr)
            if process.poll() is not None:
                break
        if samples and sys.stderr.isatty():
            print(f"\r{now / 60:5.1f} min  {samples[-1].memory:.0f} MiB", end="", file=sys.stderr)
        if editor is not None and now // 60 > edited:
            edited = int(now // 60)
            editor.save()
        time.sleep(max(0.0, begun + (int(now / every) + 1) * every - time.monotonic()))
    return samples


def run(show: Path, work: Path, given: argparse.Namespace) -> tuple[list[Sample], Log, int, float]:
    """The samples, what was said, the status, and the seconds from SIGTERM to the end."""
    command = [sys.executable, "-m", "murai_show", "run", str(show), "--strict"]
    state = {"XDG_STATE_HOME": str(work / "state"), "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(
        command, cwd=work, env={**os.environ, **state}, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    log, editor = Log(process), Editor(show) if given.faults else None
    try:
        log.known.wait()
        if not log.url:
            sys.exit("\n".join([*log.lines, "there are no metrics to read"]))
        await_picture(log.url, process)
        samples = watch(process, log.url, 60 * given.minutes, given.every, editor)
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        status = process.wait(30)
        return samples, log, status, time.monotonic() - asked
    finally:
        process.kill()
        if editor is not None:
            editor.put_back()


def await_picture(url: str, process: subprocess.Popen[str], patience: float = 300.0) -> None:
    """Engines may have to be built first."""
    end = time.monotonic() + patience
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(url.replace("/metrics", "/readyz"), timeout=5):  # noqa: S310
                return
        except urllib.error.URLError:
            time.sleep(0.2)
    sys.exit("the show presents nothing")


def tell(found: dict[str, Any]) -> None:
    heads = ("minute", "painted_fps", "presented_fps", "p50_ms", "p99_ms", "memory_mib", "threads",
             "files", "errors", "reloads")  # fmt: skip
    print("  ".join(f"{head:>12}" for head in heads))
    for row in found["by_minute"]:
        print("  ".join(f"{row[head]:12g}" for head in heads))
    for name, value in found.items():
        if name != "by_minute":
            print(f"{name}: {value}")


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--minutes", type=float, default=60.0)
    options.add_argument("--show", type=Path, help="a show file; without it, the demo")
    options.add_argument("--every", type=float, default=5.0, help="seconds between two looks")
    options.add_argument("--warm-up", type=float, default=10.0, help="minutes")
    options.add_argument("--most", type=float, default=16.0, help="MiB an hour that are allowed")
    options.add_argument("--faults", action="store_true", help="save the file once a minute")
    options.add_argument("--docs", type=Path, default=DOCS, help="where the two files go")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        show = demo(work) if given.show is None else given.show.absolute()
        samples, log, status, ending = run(show, work, given)
    if len(samples) < 8:
        sys.exit("\n".join([*log.lines, "too short a run to say anything"]))
    verdict, rows = judge(samples, 60 * given.warm_up, given.most), minutes(samples)
    faults = list(verdict.faults)
    if samples[-1].at < 60 * given.minutes - 3 * given.every:
        faults.append(f"the show ended by itself after {samples[-1].at / 60:.1f} minutes")
    if status != 0:
        faults.append(f"the show ended with status {status}")
    if samples[-1].errors and not given.faults:
        faults.append(f"{samples[-1].errors:g} errors were counted")
    found: dict[str, Any] = {
        "machine": machine(),
        "date": f"{date.today():%Y-%m-%d}",
        "show": show.stem,
        "faults_injected": given.faults,
        "minutes": round(samples[-1].at / 60, 1),
        "warm_up_minutes": round(verdict.warm / 60, 2),
        "memory_mib": [round(samples[0].memory, 1), round(samples[-1].memory, 1)],
        "memory_slope_mib_per_hour": round(verdict.slope, 2),
        "allowed_mib_per_hour": given.most,
        "threads_floor": verdict.threads,
        "files_floor": verdict.files,
        "painted": samples[-1].painted - samples[0].painted,
        "seconds_to_end": round(ending, 2),
        "wrong": faults,
        "by_minute": rows,
    }
    tell(found)
    (given.docs / "scores").mkdir(parents=True, exist_ok=True)
    (given.docs / "pictures").mkdir(parents=True, exist_ok=True)
    (given.docs / "scores/soak.json").write_text(json.dumps(found, indent=1) + "\n")
    draw(samples, rows, verdict).savefig(given.docs / "pictures/soak.png", dpi=110)
    if faults:
        print("\n".join(log.lines[-40:]), file=sys.stderr)
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
