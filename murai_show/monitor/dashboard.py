"""A dashboard for Grafana: one page that answers, from the top, is it lit and moving, is it in
time, what is wrong, and how is the machine."""

from __future__ import annotations

import hashlib
from typing import Any

from murai_show.monitor.panels import (
    GREEN,
    GREY,
    RED,
    SOURCE,
    YELLOW,
    Panel,
    Query,
    Row,
    Said,
    graph,
    laid,
    stat,
    states,
)
from murai_show.monitor.watched import Watched, span

Json = dict[str, Any]
SCHEMA = 41  # of Grafana 12; later ones bring older dashboards up to date by themselves
RATE = "$__rate_interval"
CAMERA_STATES = {
    0: Said("live", GREEN),
    1: Said("connecting", YELLOW),
    2: Said("held", YELLOW),
    3: Said("slate", RED),
}


def dashboard(watched: Watched) -> Json:
    """Ready to be imported or provisioned: it asks for the Prometheus, and for the instances."""
    page = _Page(watched)
    title = watched.plan.title or watched.show
    return {
        "uid": f"murai-{hashlib.sha256(watched.show.encode()).hexdigest()[:12]}",
        "title": f"{title} ({watched.show})" if title != watched.show else title,
        "description": "Made by murai-show monitor from the show file.",
        "tags": ["murai-show", watched.show],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": span(max(5.0, watched.every)),
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": _variables(watched)},
        "annotations": {"list": [_alerts(watched)]},
        "links": [],
        "panels": laid(page.rows()),
    }


def _variables(watched: Watched) -> list[Json]:
    query = f"label_values({watched.series('up')}, instance)"
    return [
        {
            "name": "datasource",
            "label": "Prometheus",
            "type": "datasource",
            "query": "prometheus",
            "refresh": 1,
        },
        {
            "name": "instance",
            "label": "Machine",
            "type": "query",
            "datasource": SOURCE,
            "definition": query,
            "query": {"query": query, "refId": "instances"},
            "refresh": 2,
            "includeAll": True,
            "multi": True,
            "current": {"text": ["All"], "value": ["$__all"]},
        },
    ]


def _alerts(watched: Watched) -> Json:
    """Alerts that fire are marked in every graph."""
    return {
        "name": "Alerts",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": RED,
        "expr": f'ALERTS{{show="{watched.show}",alertstate="firing",instance=~"$instance"}}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{severity}}",
        "step": span(watched.every),
    }


class _Page:
    """The rows of one show's dashboard."""

    def __init__(self, watched: Watched) -> None:
        self.watched, self.plan = watched, watched.plan

    def of(self, metric: str, **labels: str) -> str:
        """`metric{…}` of the instances that are chosen."""
        return f'{self.watched.series(metric, **labels)[:-1]},instance=~"$instance"}}'

    def rate(self, metric: str, **labels: str) -> str:
        return f"rate({self.of(metric, **labels)}[{RATE}])"

    def rows(self) -> list[Row]:
        cameras = len(self.plan.cameras)
        return [
            Row(6, (self._moving(), *self._numbers())),
            Row(7, (self._styles(),)),
            Row(8, (self._rates(), self._latency(), self._stages())),
            Row(max(4, 2 + cameras), (self._states(), self._ages()), "Cameras"),
            Row(7, (self._drops(), self._rungs(), self._errors()), "What is given up"),
            Row(7, (self._memory(), self._cpu(), self._disks(), self._clock()), "The machine"),
            Row(4, tuple(self._upkeep()), "Upkeep"),
            Row(7, tuple(self._posting()), "Booth and posts", folded=True),
        ]

    def _moving(self) -> Panel:
        painted = self.of("murai_frames_total", stage="painted")
        still = f"(changes({painted}[{span(self.watched.window)}]) == bool 0)"
        expr = (
            f"{self.of('murai_expected_lit')} * on (show, instance) group_left () "
            f"(1 + max by (show, instance) {still}) "
            f"or on (show, instance) (3 * ({self.of('up')} == bool 0) > 0)"
        )
        says = {
            0: Said("dark, as planned", GREY),
            1: Said("lit and moving", GREEN),
            2: Said("FROZEN", RED),
            3: Said("DOWN", RED),
        }
        about = f"Frozen: lit, and nothing painted for {span(self.watched.window)}."
        return stat(
            "Is it lit and moving?", [Query(expr, "{{instance}}")], 8, says=says, about=about
        )

    def _numbers(self) -> list[Panel]:
        firing = f'count(ALERTS{{show="{self.watched.show}",alertstate="firing"}}) or vector(0)'
        bad = ((None, GREEN), (1.0, RED))
        broken = f"sum({self.of('murai_expect_broken')}) or vector(0)"
        up = f"time() - {self.of('process_start_time_seconds')}"
        ran = f"count by (config_hash, engine) ({self.of('murai_show_info')})"
        return [
            stat("Alerts firing", [Query(firing)], 4, steps=bad),
            stat("Expectations broken", [Query(broken)], 4, steps=bad),
            stat("Up for", [Query(up, "{{instance}}")], 4, unit="s"),
            stat("Version, engine", [Query(ran, "{{config_hash}} {{engine}}")], 4, name=True),
        ]

    def _styles(self) -> Panel:
        weight = f"max by (style) ({self.of('murai_style_weight_ratio')} > 0)"
        lit = f" * on () group_left () max({self.of('murai_expected_lit')})"
        return graph(
            "Styles",
            [Query(weight + lit, "{{style}}")],
            24,
            unit="percentunit",
            stacked=True,
            most=1.0,
            about="The share of each style in the look; nothing in the dark.",
        )

    def _rates(self) -> Panel:
        queries = [
            Query(self.rate("murai_frames_total", stage="painted"), "painted"),
            Query(self.rate("murai_frames_total", stage="presented"), "{{name}}"),
        ]
        promised = self.plan.expect.painted
        lines = [(promised, RED)] if promised is not None else []
        return graph("Pictures a second", queries, 8, lines=lines, about=self._fps())

    def _fps(self) -> str:
        wanted = ", ".join(f"{output.name} {output.spec.fps:g}" for output in self.plan.outputs)
        return f"What the outputs ask for: {wanted}."

    def _latency(self) -> Panel:
        buckets = self.rate("murai_glass_to_glass_seconds_bucket")
        queries = [
            Query(f"histogram_quantile({share}, sum by (le) ({buckets}))", name)
            for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
        ]
        budget = self.plan.expect.glass_to_glass_p95
        lines = [(budget, RED)] if budget is not None else []
        return graph("Glass to glass", queries, 8, unit="s", lines=lines)

    def _stages(self) -> Panel:
        spent, count = self.rate("murai_stage_seconds_sum"), self.rate("murai_stage_seconds_count")
        mean = f"sum by (stage) ({spent}) / sum by (stage) ({count} > 0)"
        return graph("Where a frame's time goes", [Query(mean, "{{stage}}")], 8, unit="s")

    def _states(self) -> Panel:
        codes = {said.text: value for value, said in CAMERA_STATES.items() if value}
        parts = " + ignoring (state) ".join(
            f"{value} * {self.of('murai_camera_state', state=state)}"
            for state, value in codes.items()
        )
        return states("State", [Query(parts, "{{camera}} {{instance}}")], 12, CAMERA_STATES)

    def _ages(self) -> Panel:
        age = self.of("murai_camera_last_frame_age_seconds")
        holds = sorted({camera.spec.hold for camera in self.plan.cameras})
        return graph(
            "Age of the last frame",
            [Query(age, "{{camera}} {{instance}}")],
            12,
            unit="s",
            lines=[(holds[0], YELLOW)],
            about=f"Held until {holds[0]:g} s, then the slate.",
        )

    def _drops(self) -> Panel:
        expr = f"sum by (name, reason) ({self.rate('murai_drops_total')})"
        about = "`superseded`: a newer frame came before the painter was free; that is healthy."
        return graph("Drops a second", [Query(expr, "{{name}}: {{reason}}")], 8, about=about)

    def _rungs(self) -> Panel:
        queries = [
            Query(self.of("murai_degraded_rung"), "step {{instance}}"),
            Query(f"increase({self.of('murai_flashes_limited_total')}[{RATE}])", "flashes limited"),
        ]
        return graph("Steps given up, flashes limited", queries, 8)

    def _errors(self) -> Panel:
        queries = [
            Query(f"sum by (part) ({self.rate('murai_errors_total')})", "{{part}}"),
            Query(f"sum by (camera) ({self.rate('murai_camera_reconnects_total')})", "{{camera}}"),
            Query(f"sum by (output) ({self.rate('murai_output_reconnects_total')})", "{{output}}"),
        ]
        return graph("Errors survived and reconnects a second", queries, 8)

    def _memory(self) -> Panel:
        expr = self.of("process_resident_memory_bytes")
        return graph("Memory", [Query(expr, "{{instance}}")], 6, unit="bytes")

    def _cpu(self) -> Panel:
        expr = self.rate("process_cpu_seconds_total")
        about = "Cores that the process keeps busy."
        return graph("CPU", [Query(expr, "{{instance}}")], 6, about=about)

    def _disks(self) -> Panel:
        queries = [
            Query(self.of("murai_disk_free_bytes"), "{{of}} free"),
            Query(self.of("murai_disk_floor_bytes"), "{{of}} needed"),
        ]
        return graph("Disk", queries, 6, unit="bytes")

    def _clock(self) -> Panel:
        wall = self.of("murai_wall_seconds")
        query = Query(f"{wall} - timestamp({wall})", "{{instance}}")
        return graph("Clock, against Prometheus", [query], 6, unit="s", least=None)

    def _upkeep(self) -> list[Panel]:
        well = {0: Said("TROUBLE", RED), 1: Said("well", GREEN)}
        same = {0: Said("as it runs", GREEN), 1: Said("DIFFERS", RED)}
        kept = {0: Said("ADRIFT", YELLOW), 1: Said("kept", GREEN)}
        age = f"time() - {self.of('murai_selfcheck_timestamp')}"
        failures = f"sum(increase({self.of('murai_job_failures_total')}[24h]))"
        refused = f"sum(increase({self.of('murai_reloads_total', result='refused')}[24h]))"
        bad = ((None, GREEN), (1.0, YELLOW))
        late = ((None, GREEN), (26 * 3600.0, YELLOW))
        return [
            stat("Self-check", [Query(self.of("murai_selfcheck_ok"))], 4, says=well),
            stat("Self-check was", [Query(age)], 4, unit="s", steps=late, about="Seconds ago."),
            stat("Show file", [Query(self.of("murai_file_differs"))], 4, says=same),
            stat("Clock", [Query(self.of("murai_clock_synchronised"))], 4, says=kept),
            stat("Jobs failed, 24 h", [Query(failures)], 4, steps=bad),
            stat("Versions refused, 24 h", [Query(refused)], 4, steps=bad),
        ]

    def _posting(self) -> list[Panel]:
        items = f"sum by (account, state) ({self.of('murai_outbox_items')})"
        shots = f"sum by (outcome) (increase({self.of('murai_booth_shots_total')}[1h]))"
        posts = f"sum by (account, outcome) (increase({self.of('murai_posts_total')}[1h]))"
        stopped = Query(self.of("murai_account_stopped"), "{{account}} stopped")
        oldest = Query(self.of("murai_outbox_oldest_seconds"), "{{account}}")
        waiting = Query(self.of("murai_booth_waiting"), "waiting")
        size = Query(self.of("murai_outbox_bytes"), "{{instance}}")
        return [
            graph("Outbox", [Query(items, "{{account}} {{state}}"), stopped], 6),
            graph("Oldest post waits", [oldest], 5, unit="s", lines=[(3600.0, RED)]),
            graph("Posts an hour", [Query(posts, "{{account}} {{outcome}}")], 5),
            graph("Outbox on disk", [size], 4, unit="bytes"),
            graph("Booth: shots an hour", [Query(shots, "{{outcome}}"), waiting], 4),
        ]
