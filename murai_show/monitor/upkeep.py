"""The alerts about what carries the picture: the process, its disks and clock, the show file, jobs,
and what is posted.  They speak in the dark too: that is when somebody has time to mend."""

from __future__ import annotations

from collections.abc import Iterator

from murai_show.monitor.alert import WHERE, Alert
from murai_show.monitor.watched import Watched

HOUR = 3600.0
RESTARTS = 2  # an hour; a person who works on a show starts it again more often, and knows
GROWTH = 20 * 2**20  # bytes an hour: half a gigabyte a day
MEMORY_WINDOW = 6 * HOUR
OVERDUE = 26 * HOUR  # of a daily check: a night in which clocks change, and an hour's grace
OFF = 5.0  # seconds that a clock may be wrong


def upkeep_alerts(watched: Watched) -> Iterator[Alert]:
    yield from _process(watched)
    yield from _disks(watched)
    yield from _clock(watched)
    yield from _show_file(watched)
    if watched.plan.selfcheck != "off":
        yield from _selfcheck(watched)
    yield from _jobs(watched)
    yield from _posting(watched)


def _process(watched: Watched) -> Iterator[Alert]:
    started = watched.series("process_start_time_seconds")
    yield Alert(
        "MuraiRestarting",
        "warning",
        f"changes({watched.over('process_start_time_seconds', HOUR)}) > {RESTARTS}",
        60.0,
        f"{WHERE} was started {{{{ $value }}}} times in an hour",
        "It falls over, or its watchdog finds it stuck. The log ends with the reason each time.",
        "Each start has a time of its own.",
    )
    memory = watched.over("process_resident_memory_bytes", MEMORY_WINDOW)
    yield Alert(
        "MuraiMemoryGrowing",
        "warning",
        f"deriv({memory}) * {HOUR:g} > {GROWTH}\n"
        f"and on (show, instance) (time() - {started} > {MEMORY_WINDOW + HOUR:g})",
        HOUR,
        f"{WHERE} takes {{{{ $value | humanize1024 }}}}B more memory every hour",
        "Start the show again before the evening, and report it with the log: something is never "
        "let go.",
        "The slope over six hours, once the start is out of sight: caches fill in the beginning.",
    )


def _disks(watched: Watched) -> Iterator[Alert]:
    free = watched.series("murai_disk_free_bytes")
    floor = watched.series("murai_disk_floor_bytes")
    left = f"{{{{ $value | humanize1024 }}}}B is free for the {{{{ $labels.of }}}} of {WHERE}"
    room = "Delete or move films; `keep:` and `max:` of a recording let old ones go by themselves."
    yield Alert(
        "MuraiDiskLow",
        "warning",
        f"{free} < 2 * {floor}",
        300.0,
        left,
        room,
        "Twice what must stay free.",
    )
    yield Alert(
        "MuraiDiskFull",
        "critical",
        f"{free} < {floor}",
        60.0,
        left,
        f"Nothing is recorded below `free:`. {room}",
        "What `free:` says, and a gigabyte at least.",
    )


def _clock(watched: Watched) -> Iterator[Alert]:
    wall = watched.series("murai_wall_seconds")
    yield Alert(
        "MuraiClockWrong",
        "warning",
        f"abs({wall} - timestamp({wall})) > {OFF:g}",
        300.0,
        f"the clock of {WHERE} is {{{{ $value | humanizeDuration }}}} off",
        "The schedule goes by it. Set it, by NTP at best: timedatectl set-ntp true. Or is it the "
        "clock of the machine that Prometheus runs on?",
        "Against the moment of the scrape, by Prometheus' own clock.",
    )
    yield Alert(
        "MuraiClockAdrift",
        "warning",
        f"{watched.series('murai_clock_synchronised')} == 0",
        HOUR,
        f"nobody keeps the clock of {WHERE}",
        "timedatectl set-ntp true; with chrony, `rtcsync` in its file.",
        "By what the kernel knows; after a start it takes a while.",
    )


def _show_file(watched: Watched) -> Iterator[Alert]:
    yield Alert(
        "MuraiFileDiffers",
        "warning",
        f"{watched.series('murai_file_differs')} == 1",
        600.0,
        f"{WHERE} does not run what its show file says",
        "A newer version was refused, or the file is broken since the start. murai-show check "
        "says what is wrong; saving it mended is enough.",
        "A version that is right is taken within a second.",
    )
    info = watched.series("murai_show_info")
    itself = watched.series("murai_show_info", exported_show=watched.show)
    made = watched.series(
        "murai_show_info", exported_show=watched.show, config_hash=watched.plan.config_hash
    )
    yield Alert(
        "MuraiInstancesDiffer",
        "warning",
        f"count by (show) (count by (show, config_hash) ({info})) > 1",
        600.0,
        "{{ $value }} versions of {{ $labels.show }} run at the same time",
        "Copy the newest show file to all machines; each takes it by itself.",
        "Machines of one show have one file; ten minutes are enough to copy it.",
    )
    yield Alert(
        "MuraiWrongShow",
        "warning",
        f"{info}\nunless {itself}",
        300.0,
        f"{{{{ $labels.exported_show }}}} answers where {WHERE} should",
        "Another show runs on that machine, or prometheus.yml has the wrong target.",
        "Prometheus keeps the name that the show gives itself as exported_show.",
    )
    yield Alert(
        "MuraiMonitoringOld",
        "info",
        f"{itself}\nunless {made}",
        HOUR,
        f"{WHERE} runs another version than these alerts were made from",
        "murai-show monitor SHOW --out DIR --force, then let Prometheus read it anew.",
        f"Made from version {watched.plan.config_hash}.",
    )


def _selfcheck(watched: Watched) -> Iterator[Alert]:
    when = watched.series("murai_selfcheck_timestamp")
    started = watched.series("process_start_time_seconds")
    yield Alert(
        "MuraiSelfcheckFailed",
        "warning",
        f"{watched.series('murai_selfcheck_ok')} == 0",
        300.0,
        f"the self-check of {WHERE} found something",
        "The log of that hour says what: disk, files, clock or bank.",
        f"Each day at {watched.plan.selfcheck}.",
    )
    yield Alert(
        "MuraiSelfcheckOverdue",
        "warning",
        f"(time() - {when} > {OVERDUE:g})\n"
        f"or (time() - {started} > {OVERDUE:g} unless on (show, instance) {when})",
        600.0,
        f"{WHERE} has not checked itself for {{{{ $value | humanizeDuration }}}}",
        "The thread of its jobs hangs, on a dead network disk for one. Read the log, then start "
        "the show again.",
        "Once a day; or never, in a process that is older than that.",
    )


def _jobs(watched: Watched) -> Iterator[Alert]:
    failures = watched.over("murai_job_failures_total", HOUR)
    yield Alert(
        "MuraiJobFailing",
        "warning",
        f"increase({failures}) > 0",
        60.0,
        f"job {{{{ $labels.job }}}} of {WHERE} failed",
        "The log has the reason; it runs again when it is due.",
        "Counted from 0, so the first failure is seen as well.",
    )


def _posting(watched: Watched) -> Iterator[Alert]:
    yield Alert(
        "MuraiOutboxOld",
        "warning",
        f"{watched.series('murai_outbox_oldest_seconds')} > {HOUR:g}",
        300.0,
        f"a post for {{{{ $labels.account }}}} of {WHERE} has waited for "
        "{{ $value | humanizeDuration }}",
        "Is the network there, is the account's limit or budget used up? murai-show outbox SHOW "
        "list says why each one waits. Nothing is lost.",
        "A show that posts nothing has no such series.",
    )
    yield Alert(
        "MuraiPostsUnknown",
        "warning",
        f"{watched.series('murai_outbox_items', state='unknown')} > 0",
        900.0,
        f"of {{{{ $value }}}} posts for {{{{ $labels.account }}}} of {WHERE} nobody knows whether "
        "they were taken",
        "Look into the account, then murai-show outbox SHOW retry or drop: to send them again "
        "blindly could post them twice.",
        "Most are found in the account's own list soon.",
    )
    yield Alert(
        "MuraiAccountStopped",
        "warning",
        f"{watched.series('murai_account_stopped')} == 1",
        60.0,
        f"account {{{{ $labels.account }}}} of {WHERE} is stopped",
        "It was refused: a key that is no longer good, or credit that is used up. The log has the "
        "answer; mend it, then murai-show outbox SHOW resume.",
        "An account that refuses once is not asked again before somebody has looked.",
    )
