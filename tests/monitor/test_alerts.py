"""Every alert, by the real `promtool test rules`: a night in which it fires, and one in which
nearly the same happens and it does not.  What is about the picture is silent in the dark."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.monitor.kit import EVERYTHING, alert_names, needs_promtool, promtool, watched, written

Night = Mapping[str, str | None]  # values of series, in promtool's words; None is no such series
SAMPLES = 80  # four a minute: twenty minutes


def lasting(value: float, before: float | None = None, last: int = 0) -> str:
    """`value` all the time; or `before`, and `value` for the `last` samples."""
    if before is None:
        return f"{value}x{SAMPLES}"
    return f"{before}x{SAMPLES - last} {value}x{last - 1}"


def counting(each_second: float) -> str:
    return f"0+{15 * each_second}x{SAMPLES}"


STEPS = [("0.05", 20.0), ("0.1", 29.0), ("0.15", 30.0), ("+Inf", 30.0)]
BUCKETS = {f'murai_glass_to_glass_seconds_bucket{{output="wall",le="{le}"}}': n for le, n in STEPS}
STATES = ("connecting", "live", "held", "slate")

WELL: Night = {
    "up": lasting(1),
    "murai_expected_lit": lasting(1),
    "murai_status_age_seconds": lasting(0.2),
    'murai_frames_total{stage="painted",name="painter"}': counting(25),
    'murai_frames_total{stage="presented",name="wall"}': counting(30),
    'murai_frames_total{stage="presented",name="live"}': counting(25),
    'murai_frames_total{stage="presented",name="film"}': counting(30),
    'murai_output_connected{output="live"}': lasting(1),
    **{
        f'murai_camera_state{{camera="{camera}",state="{state}"}}': lasting(float(state == "live"))
        for camera in ("street", "stage")
        for state in STATES
    },
    **{series: counting(rate) for series, rate in BUCKETS.items()},
    'murai_expect_broken{what="painted"}': lasting(0),
    'murai_expect_broken{what="frozen_after"}': lasting(0),
    "murai_degraded_rung": lasting(0),
    "murai_flashes_limited_total": lasting(3),
    'murai_errors_total{part="painter"}': lasting(2),
    "murai_gpu_recoveries_total": lasting(0),
    "murai_panic": lasting(0),
    "process_start_time_seconds": lasting(-60),
    "process_resident_memory_bytes": lasting(8e8),
    'murai_disk_free_bytes{of="recordings"}': lasting(40e9),
    'murai_disk_floor_bytes{of="recordings"}': lasting(5e9),
    'murai_disk_free_bytes{of="state"}': lasting(40e9),
    'murai_disk_floor_bytes{of="state"}': lasting(1e9),
    "murai_wall_seconds": f"0+15x{SAMPLES}",
    "murai_clock_synchronised": lasting(1),
    "murai_file_differs": lasting(0),
    'murai_show_info{exported_show="everything",config_hash="@"}': lasting(1),
    "murai_selfcheck_ok": lasting(1),
    "murai_selfcheck_timestamp": lasting(0),
    'murai_job_failures_total{job="housekeeping"}': lasting(1),
    'murai_outbox_items{account="muro",state="queued"}': lasting(3),
    'murai_outbox_items{account="muro",state="unknown"}': lasting(0),
    'murai_outbox_oldest_seconds{account="muro"}': lasting(200),
    'murai_account_stopped{account="muro"}': lasting(0),
}


@dataclass(frozen=True)
class Case:
    """What is otherwise than in a night in which all is well: in one it `fires`, in the other,
    nearly the same, it does not.  `labels` are those that it must have."""

    fires: Night
    spares: Night
    labels: Mapping[str, str] = field(default_factory=dict)
    in_the_dark: bool = False  # whether it speaks there too


def camera(**states: float) -> Night:
    return {
        f'murai_camera_state{{camera="stage",state="{state}"}}': lasting(float(state in states))
        for state in STATES
    }


PAINTED = 'murai_frames_total{stage="painted",name="painter"}'
WALL = 'murai_frames_total{stage="presented",name="wall"}'
LIVE = 'murai_camera_state{camera="stage",state="live"}'
UNKNOWN = 'murai_outbox_items{account="muro",state="unknown"}'
ROOM = 'murai_disk_free_bytes{of="recordings"}'
INFO = 'murai_show_info{exported_show="everything",config_hash="@"}'
WORD = 'murai_show_info{{exported_show="{}",config_hash="{}"}}'
SLOW = {s: counting(30 if "Inf" in s or "0.15" in s else 20) for s in BUCKETS}
STARTS = " ".join(f"{number * 60}x19" for number in range(4))  # every five minutes

CASES: dict[str, Case] = {
    "MuraiDown": Case({"up": lasting(0)}, {"up": lasting(0, 1, 3)}, in_the_dark=True),
    "MuraiNotStarted": Case(
        {"murai_expected_lit": None},
        {"murai_expected_lit": f"1x{SAMPLES - 5} stale _x3"},
        in_the_dark=True,
    ),
    "MuraiLoopStuck": Case(
        {"murai_status_age_seconds": lasting(60)},
        {"murai_status_age_seconds": lasting(9)},
        in_the_dark=True,
    ),
    "MuraiFrozen": Case(
        {PAINTED: lasting(4000)},
        {PAINTED: f"0+375x{SAMPLES - 4} 43500x3"},  # for less than a minute
    ),
    "MuraiOutputStill": Case(
        {WALL: lasting(7)}, {WALL: f"0+450x{SAMPLES - 4} 52200x3"}, {"output": "wall"}
    ),
    "MuraiOutputSlow": Case({WALL: counting(10)}, {WALL: counting(16)}, {"output": "wall"}),
    "MuraiStreamAway": Case(
        {'murai_output_connected{output="live"}': lasting(0)},
        {'murai_output_connected{output="live"}': lasting(0, 1, 6)},
        {"output": "live"},
    ),
    "MuraiCameraLost": Case(camera(held=1), {LIVE: lasting(0, 1, 2)}, {"camera": "stage"}),
    "MuraiCameraOnSlate": Case(camera(slate=1), camera(held=1), {"camera": "stage"}),
    "MuraiLate": Case(SLOW, {s: counting(r) for s, r in BUCKETS.items()}, {"output": "wall"}),
    "MuraiPaintsTooFew": Case({PAINTED: counting(19)}, {PAINTED: counting(19.6)}),
    "MuraiExpectBroken": Case(
        {'murai_expect_broken{what="painted"}': lasting(1)},
        {'murai_expect_broken{what="painted"}': lasting(1, 0, 3)},
        {"what": "painted"},
        in_the_dark=True,  # the show itself forgives the dark
    ),
    "MuraiDegraded": Case(
        {"murai_degraded_rung": lasting(1)}, {"murai_degraded_rung": lasting(1, 0, 15)}
    ),
    "MuraiFlashes": Case(
        {"murai_flashes_limited_total": counting(0.2)},
        {"murai_flashes_limited_total": counting(0.09)},
    ),
    "MuraiErrors": Case(
        {'murai_errors_total{part="painter"}': counting(1)},
        {'murai_errors_total{part="painter"}': lasting(9, 0, 20)},
        {"part": "painter"},
    ),
    "MuraiGpuOutOfMemory": Case(
        {"murai_gpu_recoveries_total": "0x39 1x9 2x9 4x20"},
        {"murai_gpu_recoveries_total": "0x39 1x19 2x20"},
        in_the_dark=True,
    ),
    "MuraiPanic": Case(
        {"murai_panic": lasting(1)}, {"murai_panic": lasting(1, 0, 3)}, in_the_dark=True
    ),
    "MuraiRestarting": Case(
        {"process_start_time_seconds": STARTS},
        {"process_start_time_seconds": "0x30 60x29 120x19"},
        in_the_dark=True,
    ),
    "MuraiDiskLow": Case(
        {ROOM: lasting(9e9)}, {ROOM: lasting(11e9)}, {"of": "recordings"}, in_the_dark=True
    ),
    "MuraiDiskFull": Case(
        {ROOM: lasting(4e9)}, {ROOM: lasting(6e9)}, {"of": "recordings"}, in_the_dark=True
    ),
    "MuraiClockWrong": Case(
        {"murai_wall_seconds": f"6+15x{SAMPLES}"},
        {"murai_wall_seconds": f"4+15x{SAMPLES}"},
        in_the_dark=True,
    ),
    "MuraiFileDiffers": Case(
        {"murai_file_differs": lasting(1)},
        {"murai_file_differs": lasting(1, 0, 30)},
        in_the_dark=True,
    ),
    "MuraiInstancesDiffer": Case(
        {WORD.format("everything", "another"): lasting(1)},
        {WORD.format("everything", "another"): f"_x{SAMPLES - 20} 1x20"},
        in_the_dark=True,
    ),
    "MuraiWrongShow": Case(
        {WORD.format("kiosk", "@"): lasting(1), INFO: None},
        {WORD.format("kiosk", "@"): "_x70 1x9", INFO: "1x69 stale"},
        {"exported_show": "kiosk"},
        in_the_dark=True,
    ),
    "MuraiSelfcheckFailed": Case(
        {"murai_selfcheck_ok": lasting(0)},
        {"murai_selfcheck_ok": lasting(0, 1, 10)},
        in_the_dark=True,
    ),
    "MuraiJobFailing": Case(
        {'murai_job_failures_total{job="housekeeping"}': lasting(1, 0, 20)},
        {'murai_job_failures_total{job="housekeeping"}': lasting(5)},
        {"job": "housekeeping"},
        in_the_dark=True,
    ),
    "MuraiOutboxOld": Case(
        {'murai_outbox_oldest_seconds{account="muro"}': lasting(3700)},
        {'murai_outbox_oldest_seconds{account="muro"}': lasting(3500)},
        {"account": "muro"},
        in_the_dark=True,
    ),
    "MuraiPostsUnknown": Case(
        {UNKNOWN: lasting(2)}, {UNKNOWN: lasting(2, 0, 50)}, {"account": "muro"}, in_the_dark=True
    ),
    "MuraiAccountStopped": Case(
        {'murai_account_stopped{account="muro"}': lasting(1)},
        {'murai_account_stopped{account="muro"}': lasting(1, 0, 3)},
        {"account": "muro"},
        in_the_dark=True,
    ),
}

# What takes hours: looked at every ten minutes, with a sample a minute, over twenty-eight hours.
HOURS = 28
MINUTES = 60 * HOURS
MIB = 2**20
MEMORY, CHECKED = "process_resident_memory_bytes", "murai_selfcheck_timestamp"
STEADY: Night = {
    "up": f"1x{MINUTES}",
    "process_start_time_seconds": f"0x{MINUTES}",
    CHECKED: f"{20 * 3600}x{MINUTES}",
}
SLOW_CASES: dict[str, Case] = {
    "MuraiMemoryGrowing": Case(
        {MEMORY: f"0+{MIB / 2}x{MINUTES}"},
        {MEMORY: f"0+{MIB / 4}x{MINUTES}"},
        in_the_dark=True,
    ),
    "MuraiClockAdrift": Case(
        {"murai_clock_synchronised": f"0x{MINUTES}"},
        {"murai_clock_synchronised": f"1x{MINUTES - 50} 0x50"},
        in_the_dark=True,
    ),
    "MuraiSelfcheckOverdue": Case(
        {CHECKED: f"60x{MINUTES}"}, {CHECKED: f"18000x{MINUTES}"}, in_the_dark=True
    ),
    "MuraiMonitoringOld": Case(
        {WORD.format("everything", "newer"): f"1x{MINUTES}"},
        {WORD.format("everything", "newer"): f"_x{MINUTES - 50} 1x50"},
        in_the_dark=True,
    ),
}

ALL = {**CASES, **SLOW_CASES}


@pytest.fixture(scope="module")
def everything():
    return watched(str(EVERYTHING))


def test_no_alert_lacks_a_night_in_which_it_fires_and_one_in_which_it_does_not(everything) -> None:
    assert set(ALL) == alert_names(everything)
    assert all(case.fires and case.spares for case in ALL.values())


def series_of(night: Night, config_hash: str) -> list[dict[str, str]]:
    found = []
    for series, values in night.items():
        name, _, labels = series.replace("@", config_hash).partition("{")
        whole = ['show="everything"', 'instance="wall:9480"', labels.rstrip("}")]
        if values is not None:
            found.append({"series": f"{name}{{{','.join(filter(None, whole))}}}", "values": values})
    return found


def asked(alert: str, labels: Mapping[str, str], at: str, expected: int) -> dict[str, Any]:
    wanted = {"alertname": alert, "alertstate": "firing", **labels}
    inside = ",".join(f'{name}="{value}"' for name, value in wanted.items())
    expr = f"count(ALERTS{{{inside}}}) or vector(0)"
    samples = [{"labels": "{}", "value": expected}]
    return {"expr": expr, "eval_time": at, "exp_samples": samples}


ALONE = {"up", "murai_expected_lit"}  # what all alerts hang on


def packed(changes: Mapping[str, Night]) -> list[dict[str, Night]]:
    """Nights in which several things happen that have nothing to do with each other: a night of its
    own for each would take a minute in all."""
    found: list[dict[str, Night]] = []
    for name, changed in changes.items():
        for night in found:
            taken = {series for other in night.values() for series in other}
            if not (taken | ALONE) & set(changed) and not taken & ALONE:
                night[name] = changed
                break
        else:
            found.append({name: changed})
    return found


def nights(
    cases: Mapping[str, Case], well: Night, at: str, config_hash: str, interval: str
) -> list[dict[str, Any]]:
    def night(name: str, changed: Mapping[str, Night], fires: Mapping[str, Case]) -> dict[str, Any]:
        series = dict(well)
        for each in changed.values():
            series |= each
        asks = [
            asked(alert, case.labels if alert in fires else {}, at, int(alert in fires))
            for alert, case in cases.items()
            if alert in changed or not changed
        ]
        return {
            "name": f"{name}: {', '.join(changed)}",
            "interval": interval,
            "input_series": series_of(series, config_hash),
            "promql_expr_test": asks,
        }

    fires = packed({name: case.fires for name, case in cases.items()})
    spares = packed({name: case.spares for name, case in cases.items()})
    gated = packed({name: case.fires for name, case in cases.items() if not case.in_the_dark})
    dark: Night = {"murai_expected_lit": lasting(0)}
    return [
        night("all is well", {}, {}),
        *(night("fires", changed, cases) for changed in fires),
        *(night("does not", changed, {}) for changed in spares),
        *(night("in the dark", {n: {**c, **dark} for n, c in some.items()}, {}) for some in gated),
    ]


def checked(folder: Path, every: str, tests: list[dict[str, Any]]) -> None:
    file = folder / "night.test.yml"
    file.write_text(
        json.dumps(  # which is YAML
            {"rule_files": ["murai-alerts.yml"], "evaluation_interval": every, "tests": tests}
        )
    )
    promtool("test", "rules", file)


@needs_promtool
def test_each_alert_fires_when_it_should_and_not_when_it_should_not(everything, tmp_path) -> None:
    written([everything], tmp_path)
    found = nights(CASES, WELL, "20m", everything.plan.config_hash, "15s")
    checked(tmp_path, "15s", found)


@needs_promtool
def test_what_takes_hours(everything, tmp_path) -> None:
    written([everything], tmp_path)
    found = nights(SLOW_CASES, STEADY, f"{HOURS}h", everything.plan.config_hash, "1m")
    checked(tmp_path, "10m", found)


@needs_promtool
def test_frozen_by_the_shows_own_word_and_an_output_that_never_came(everything, tmp_path) -> None:
    written([everything], tmp_path)
    odd: dict[str, Case] = {
        "MuraiFrozen": Case(
            {'murai_expect_broken{what="frozen_after"}': lasting(1)}, {}, in_the_dark=True
        ),
        "MuraiOutputStill": Case({WALL: None}, {}, {"output": "wall"}),
        "MuraiCameraLost": Case({LIVE: None}, {}, {"camera": "stage"}),
    }
    checked(tmp_path, "15s", nights(odd, WELL, "20m", everything.plan.config_hash, "15s"))


@needs_promtool
def test_what_a_person_is_told(everything, tmp_path) -> None:
    """Whole, as Alertmanager gets it."""
    written([everything], tmp_path)
    told = {
        "exp_labels": {
            "severity": "warning",
            "show": "everything",
            "instance": "wall:9480",
            "camera": "stage",
        },
        "exp_annotations": {
            "summary": "camera stage of everything on wall:9480 gives no frames",
            "description": "Check its cable, its power and its address. It is tried again all the "
            "time and comes back by itself.",
        },
    }
    series = series_of({**WELL, **camera(held=1)}, everything.plan.config_hash)
    alerts = [{"eval_time": "20m", "alertname": "MuraiCameraLost", "exp_alerts": [told]}]
    checked(
        tmp_path,
        "15s",
        [{"interval": "15s", "input_series": series, "alert_rule_test": alerts}],
    )
