"""How a run was: the table at its end, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from murai_show.loop.mailbox import Status
from murai_show.loop.tally import percentile

SHARES = (("p50", 0.50), ("p95", 0.95), ("p99", 0.99))


@dataclass(frozen=True)
class Report:
    """How a run was, for the table at its end.  Latencies and the times of each stage of
    `profile` in seconds, sorted; memory in bytes; `broken` has the seconds that each thing that the
    show expects was broken."""

    seconds: float
    status: Status
    latencies: list[float]
    profile: Mapping[str, list[float]]
    memory: int
    files: tuple[Path, ...]
    broken: Mapping[str, float] = field(default_factory=dict)


def report_json(report: Report) -> dict[str, Any]:
    """Rates per second, latencies in milliseconds, memory in MiB."""
    status = report.status
    seconds = max(report.seconds, 1e-9)
    return {
        "seconds": round(report.seconds, 2),
        "painted": status.painted,
        "painted_per_second": round(status.painted / seconds, 2),
        "presented_per_second": {
            name: round(count / seconds, 2) for name, count in status.presented.items()
        },
        "glass_to_glass_ms": {
            name: round(percentile(report.latencies, share) * 1000, 1) for name, share in SHARES
        },
        "stages_ms": {
            stage: {name: round(percentile(times, share) * 1000, 2) for name, share in SHARES}
            for stage, times in report.profile.items()
            if times
        },
        "drops": {f"{name}: {reason}": n for (name, reason), n in status.drops.items() if n},
        "errors": dict(status.errors),
        "memory_mib": round(report.memory / 2**20),
        "files": [str(file) for file in report.files],
        "broken_seconds": {what: round(seconds, 1) for what, seconds in report.broken.items()},
        "flashes_limited": status.flashes,
    }


def report_table(report: Report) -> Table:
    """The same for a person."""
    facts = report_json(report)
    table = Table(show_header=False, title=f"{facts['seconds']:.1f} s on air", title_justify="left")
    painted = f"{facts['painted']} frames, {facts['painted_per_second']:.1f} a second"
    table.add_row("painted", painted)
    for name, rate in facts["presented_per_second"].items():
        table.add_row(f"presented on {name}", f"{rate:.1f} a second")
    times = facts["glass_to_glass_ms"]
    table.add_row("glass to glass", ", ".join(f"{k} {v:.0f} ms" for k, v in times.items()))
    drops = [f"{n} {reason}" for reason, n in facts["drops"].items()]
    table.add_row("dropped", ", ".join(drops) or "nothing")
    if facts["errors"]:
        table.add_row("survived", ", ".join(f"{n} × {k}" for k, n in facts["errors"].items()))
    if facts["broken_seconds"]:
        broken = [
            f"{what} {s:.0f} s" if s else f"{what} never" for what, s in report.broken.items()
        ]
        table.add_row("expectations broken", ", ".join(broken))
    if facts["flashes_limited"]:
        table.add_row("flashes kept from the wall", str(facts["flashes_limited"]))
    table.add_row("memory", f"{facts['memory_mib']} MiB")
    return table


_MEANT = {
    "slot": "decoded, and waiting for the painter",
    "develop": "to pixels of the paint size",
    "style": "painted",
    "easel": "waiting for the output's next turn",
    "present": "drawn and presented, each output by itself",
}


def profile_table(report: Report) -> Table:
    """Where the time of one frame goes, stage by stage; the bar is the median."""
    stages = report_json(report)["stages_ms"]
    most = max((times["p50"] for times in stages.values()), default=0.0) or 1.0
    table = Table("one frame", "p50", "p95", "p99", "", "", title="ms", title_justify="left")
    for stage, times in stages.items():
        bar = "█" * round(30 * times["p50"] / most)
        figures = [f"{times[name]:.1f}" for name, _ in SHARES]
        table.add_row(stage, *figures, bar, _MEANT[stage])
    return table
