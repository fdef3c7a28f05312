"""What `monitor` writes: files that Prometheus takes, the same each time; what it refuses."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from murai_show.cli_monitor import monitor, write_files
from murai_show.errors import ShowError, UsageError
from murai_show.monitor import monitoring
from murai_show.monitor.targets import watch
from tests.monitor.kit import (
    EVERYTHING,
    SHOWS,
    alert_names,
    needs_promtool,
    planned,
    promtool,
    watched,
    written,
)
from tests.plans import REPOSITORY, a_plan

ALL_AT_ONCE = ["kiosk=10.0.0.8:9475", "kiosk=10.0.0.9:9475", "up375=[fd00::7]:9475"]


def yaml(text: str) -> Any:
    return YAML(typ="safe").load(text)


def panels(board: Any) -> list[Any]:
    return [panel for each in board["panels"] for panel in (each, *each.get("panels", ()))]


@needs_promtool
@pytest.mark.parametrize("show", SHOWS)
def test_promtool_takes_what_is_written(show: str, tmp_path: Path) -> None:
    written([watched(show)], tmp_path)
    assert "SUCCESS" in promtool("check", "config", tmp_path / "prometheus.yml")
    promtool("check", "rules", "--lint=all", "--lint-fatal", tmp_path / "murai-alerts.yml")


@needs_promtool
def test_several_shows_on_several_machines(tmp_path: Path) -> None:
    plans = [planned(show) for show in SHOWS]
    written(list(watch(plans, ALL_AT_ONCE, 15.0)), tmp_path)
    promtool("check", "config", tmp_path / "prometheus.yml")
    (job,) = yaml((tmp_path / "prometheus.yml").read_text())["scrape_configs"]
    assert {tuple(s["targets"]): s["labels"] for s in job["static_configs"]} == {
        ("127.0.0.1:9475",): {"show": "demo"},
        ("10.0.0.8:9475", "10.0.0.9:9475"): {"show": "kiosk"},
        ("[fd00::7]:9475",): {"show": "up375"},
        ("127.0.0.1:9480",): {"show": "everything"},  # it listens everywhere
    }
    assert (tmp_path / "murai-dashboard-kiosk.json").exists()


def test_the_same_plan_gives_the_same_files() -> None:
    assert monitoring([watched(str(EVERYTHING))]) == monitoring([watched(str(EVERYTHING))])


def test_thresholds_are_those_of_the_show() -> None:
    each = watched(str(EVERYTHING))
    text = monitoring([each])["murai-alerts.yml"]
    stricter = replace(each.plan.expect, glass_to_glass_p95=0.08, painted=10.0, frozen_after=90.0)
    other = monitoring([replace(each, plan=replace(each.plan, expect=stricter))])
    assert "> 0.12\n" in text
    assert "> 0.08\n" in other["murai-alerts.yml"]
    assert "< 19.4\n" in text
    assert "< 9.7\n" in other["murai-alerts.yml"]
    assert 'stage="painted"}[1m]' in text
    assert 'stage="painted"}[90s]' in other["murai-alerts.yml"]


def test_a_plain_show_has_no_alerts_about_what_it_lacks() -> None:
    text = monitoring([watched("kiosk")])["murai-alerts.yml"]
    assert "MuraiCameraLost" in text
    for name in ("MuraiLate", "MuraiPaintsTooFew", "MuraiDegraded", "MuraiStreamAway"):
        assert name not in text


def test_each_alert_says_what_is_wrong_and_what_to_do() -> None:
    for show in SHOWS:
        (group,) = yaml(monitoring([watched(show)])["murai-alerts.yml"])["groups"]
        for rule in group["rules"]:
            assert rule["for"], rule["alert"]
            assert rule["labels"]["severity"] in ("critical", "warning", "info")
            assert set(rule["annotations"]) == {"summary", "description"}
            assert rule["annotations"]["description"].endswith((".", "?"))


def test_no_address_and_no_secret_is_in_it() -> None:
    """Of a show whose cameras and streams have both."""
    text = "".join(monitoring([watched(str(EVERYTHING))]).values())
    assert not re.search(r"rtsp:|rtmp:|10\.0\.0\.|STREAM_KEY", text)


# ---- the dashboard ---------------------------------------------------------------------------


@pytest.mark.parametrize("show", SHOWS)
def test_panels_lie_beside_each_other(show: str) -> None:
    board = json.loads(monitoring([watched(show)])["murai-dashboard.json"])
    boxes = [(p["gridPos"], p["title"]) for p in panels(board)]
    for (a, one), (b, other) in combinations(boxes, 2):
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, f"{one} lies on {other}"
    assert all(box["x"] + box["w"] <= 24 for box, _ in boxes)
    ids = [panel["id"] for panel in panels(board)]
    assert len(ids) == len(set(ids))


def test_a_dashboard_can_be_imported_again_in_its_place() -> None:
    one, other = (json.loads(monitoring([watched(s)])["murai-dashboard.json"]) for s in SHOWS[:2])
    assert one["uid"] != other["uid"]
    assert re.fullmatch("[a-z0-9-]{1,40}", one["uid"])
    assert [v["name"] for v in one["templating"]["list"]] == ["datasource", "instance"]
    for panel in panels(one):
        assert panel["type"] in ("row", "stat", "timeseries", "state-timeline")
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"
        refs = [target["refId"] for target in panel.get("targets", ())]
        assert len(refs) == len(set(refs))


def test_every_series_is_one_that_the_edges_tell() -> None:
    """By the names in the code that tells them."""
    code = "".join(path.read_text() for path in (REPOSITORY / "murai_show/edge").rglob("*.py"))
    told = set(re.findall(r'"(murai_\w+)"', code))
    text = "".join(monitoring([watched(str(EVERYTHING))]).values())
    asked = set(re.findall(r"\b(murai_\w+){", text)) | set(re.findall(r"\b(murai_\w+)\{", text))
    bare = {re.sub("_(total|bucket|sum|count|info)$", "", name) for name in asked}
    assert len(bare) > 25
    assert bare <= told


# ---- what is refused -------------------------------------------------------------------------


def refused(*arguments: Any) -> list[str]:
    with pytest.raises(UsageError) as error:
        watch(*arguments)
    return str(error.value).splitlines()


def test_shows_that_would_be_read_at_one_address() -> None:
    (line,) = refused([planned("demo"), planned("kiosk")], [], 15.0)
    assert line == (
        "demo and kiosk would both be read at 127.0.0.1:9475; say where each is: "
        "--target kiosk=HOST:PORT, or give it a port of its own in `metrics:`"
    )


def test_targets_that_mean_nothing() -> None:
    plans = [planned("demo"), planned("up375")]
    targets = ["10.0.0.1:9475", "kiosk=10.0.0.1:9475", "up375=there"]
    assert refused(plans, targets, 15.0)[:3] == [
        "--target 10.0.0.1:9475: which show? write demo=10.0.0.1:9475",
        "--target kiosk=10.0.0.1:9475: no show 'kiosk'; there are: demo, up375",
        "--target up375=there: 'there' is not an address; write host:port, such as 127.0.0.1:9475",
    ]


def test_a_show_without_metrics_and_one_given_twice() -> None:
    assert refused([a_plan(), a_plan()], [], 15.0) == [
        "test is given twice; give each show once",
        *["test: nothing can be read, its metrics are off; write metrics: 127.0.0.1:9475"] * 2,
    ]


def test_what_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    files = {"a.yml": "new", "b.yml": "same"}
    write_files(files, tmp_path / "out", force=False)
    write_files(files, tmp_path / "out", force=False)
    (tmp_path / "out/a.yml").write_text("mine")
    with pytest.raises(UsageError, match=r"a\.yml would be replaced; say --force"):
        write_files(files, tmp_path / "out", force=False)
    assert (tmp_path / "out/a.yml").read_text() == "mine"
    write_files(files, tmp_path / "out", force=True)
    assert (tmp_path / "out/a.yml").read_text() == "new"


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file cannot be written: "):
        write_files({"a.yml": ""}, tmp_path / "file", force=False)


@pytest.mark.parametrize("every", ["0.5s", "2m", "1500ms", "often"])
def test_an_interval_that_cannot_be(every: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(UsageError, match=r"^--every: "):
        monitor(["demo"], tmp_path, None, every, False)


def test_everything_that_is_wrong_in_all_shows_at_once(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text("murai: 1\nshow: UP\n")
    with pytest.raises(ShowError) as error:
        monitor(["one", "two"], tmp_path / "out", None, "15s", False)
    assert {problem.file for problem in error.value.problems} == {"one.yaml", "two.yaml"}
    assert not (tmp_path / "out").exists()


def test_the_page_for_users_names_every_alert() -> None:
    page = (REPOSITORY / "docs/monitoring.md").read_text("utf-8")
    named = set(re.findall(r"`(Murai\w+)`", page))
    assert named == alert_names(watched(str(EVERYTHING)))
