"""The service: systemd's unit of the show, and whether the journal outlives the night."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from murai_show.doctor.verdict import Case, Verdict

_SYSTEMD = Path("/run/systemd/system")  # sd_booted(3)


def unit(case: Case, booted: Path = _SYSTEMD) -> Iterator[Verdict]:
    if not booted.is_dir() or shutil.which("systemctl") is None:
        yield Verdict("service", "skip", "systemd does not run here")
        return
    if case.plan is None:
        yield Verdict("service", "skip", "name a show to look at its unit")
        return
    yield judged(f"murai-show@{case.plan.show}", case.plan.source)


def judged(name: str, show: Path) -> Verdict:
    facts = unit_facts(name)
    active, restarts = facts.get("ActiveState", ""), facts.get("NRestarts", "0")
    if facts.get("LoadState") != "loaded":
        mend = f"murai-show install {show}"
        return Verdict("service", "skip", f"{name} is not installed", mend)
    found = f"{name} is {active}, started again {restarts} times"
    if active == "failed":
        return Verdict("service", "bad", found, f"journalctl -u {name} -n 50")
    if facts.get("UnitFileState") not in ("enabled", "enabled-runtime", "linked"):
        mend = f"systemctl enable {name}"
        return Verdict("service", "warn", f"{found}; it does not come back by itself", mend)
    if active != "active":
        return Verdict("service", "warn", found, f"systemctl start {name}")
    if restarts.isdigit() and int(restarts) > 3:
        mend = f"journalctl -u {name} -p warning says why"
        return Verdict("service", "warn", found, mend)
    return Verdict("service", "ok", found)


def unit_facts(name: str) -> Mapping[str, str]:
    """What systemd knows about a unit; nothing where it does not answer."""
    wanted = "LoadState,ActiveState,SubState,NRestarts,UnitFileState"
    command = ["systemctl", "show", name, f"--property={wanted}"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=4)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(line.split("=", 1) for line in ran.stdout.splitlines() if "=" in line)


def journal(
    _case: Case, booted: Path = _SYSTEMD, kept: Path = Path("/var/log/journal")
) -> Iterator[Verdict]:
    if not booted.is_dir():
        yield Verdict("journal", "skip", "systemd does not run here; keep stderr yourself")
    elif kept.is_dir():
        yield Verdict("journal", "ok", f"kept in {kept}")
    else:
        mend = f"mkdir -p {kept} && systemctl restart systemd-journald"
        yield Verdict("journal", "warn", "forgotten when the machine is started anew", mend)
