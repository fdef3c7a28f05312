"""The machine: memory, load, heat, and what slows its processor down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from murai_show.doctor.verdict import Case, Verdict

GIB = 2**30
_LEAST = 1.5 * GIB  # what a show takes, with its engine
_HOT = 90.0  # °C
_CPUS = Path("/sys/devices/system/cpu")


def memory(case: Case) -> Iterator[Verdict]:
    import psutil

    whole, swap = psutil.virtual_memory(), psutil.swap_memory()
    found = f"{whole.available / GIB:.1f} of {whole.total / GIB:.1f} GiB free"
    if swap.total:
        found += f", swap {swap.used / GIB:.1f} of {swap.total / GIB:.1f} GiB used"
    if whole.available < _LEAST and not case.runs:
        mend = "end other programs (ps aux --sort=-rss | head), or give it more memory"
        yield Verdict("memory", "warn", found, mend)
    elif swap.total and swap.used > 0.5 * swap.total:
        mend = "a show that is swapped out stutters: end other programs, or give it more memory"
        yield Verdict("memory", "warn", found, mend)
    else:
        yield Verdict("memory", "ok", found)


def load(case: Case) -> Iterator[Verdict]:
    now, cores = os.getloadavg()[0], os.cpu_count() or 1
    found = f"{now:.1f} waiting for {cores} processors"
    if now > 1.5 * cores and not case.runs:
        mend = "something else is at work here: top -o %CPU says what"
        yield Verdict("load", "warn", found, mend)
    else:
        yield Verdict("load", "ok", found)


def governor(_case: Case, cpus: Path = _CPUS) -> Iterator[Verdict]:
    """How the processor chooses its speed.  The drivers of today's processors call their sensible
    setting `powersave` too; what they are asked to prefer tells it apart."""
    chosen, driver = (
        _read(cpus / f"cpu0/cpufreq/scaling_{what}") for what in ("governor", "driver")
    )
    prefers = _read(cpus / "cpu0/cpufreq/energy_performance_preference")
    if not chosen:
        yield Verdict("processor's speed", "skip", "this machine leaves no choice")
        return
    clever = driver in ("intel_pstate", "amd-pstate-epp", "amd_pstate")
    slow = prefers == "power" if clever else chosen == "powersave"
    found = f"governor {chosen}{f', prefers {prefers}' if prefers else ''}"
    mend = "cpupower frequency-set -g performance, or tuned-adm profile throughput-performance"
    yield Verdict("processor's speed", "warn" if slow else "ok", found, mend if slow else "")


def heat(_case: Case, cpus: Path = _CPUS) -> Iterator[Verdict]:
    import psutil

    counts = [_read(p) for p in cpus.glob("cpu[0-9]*/thermal_throttle/core_throttle_count")]
    throttled = max((int(count) for count in counts if count.isdigit()), default=0)
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    hottest = max((s.current for each in sensors.values() for s in each), default=0.0)
    found = f"hottest {hottest:.0f} °C" if hottest else ""
    if throttled:
        found = f"{found}{', ' if found else ''}slowed down {throttled} times since it was started"
    if not found:
        yield Verdict("heat", "skip", "this machine has no thermometer")
    elif throttled or hottest >= _HOT:
        yield Verdict("heat", "warn", found, "clean its fan, give it air, keep it out of the sun")
    else:
        yield Verdict("heat", "ok", found)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
