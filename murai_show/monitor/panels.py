"""Panels of a Grafana dashboard, and how they lie on its grid of 24 columns.

The JSON model is Grafana's: https://grafana.com/docs/grafana/latest/visualizations/dashboards/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
COLUMNS = 24
SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED, GREY = "green", "yellow", "red", "#52545c"


@dataclass(frozen=True)
class Query:
    """PromQL, and what its series are called in the legend."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Said:
    """What a number is shown as."""

    text: str
    colour: str


@dataclass(frozen=True)
class Panel:
    """One panel without its place: `kind` is Grafana's name for the type."""

    kind: str
    title: str
    queries: tuple[Query, ...]
    field: Json
    options: Json
    width: int
    about: str = ""


@dataclass(frozen=True)
class Row:
    """Panels beside each other, `height` units high; their widths have the sum 24.  With a `title`
    it begins a chapter, which is folded away when `folded`."""

    height: int
    panels: tuple[Panel, ...]
    title: str = ""
    folded: bool = False


def stat(
    title: str,
    queries: Sequence[Query],
    width: int,
    *,
    unit: str = "none",
    says: Mapping[int, Said] | None = None,
    steps: Sequence[tuple[float | None, str]] = ((None, GREEN),),
    name: bool = False,
    about: str = "",
) -> Panel:
    """A number, large; `says` are words for it, `steps` its colours from each value on; with
    `name` the legend is shown instead of the number."""
    field: Json = {
        "unit": unit,
        "mappings": _mappings(says or {}),
        "thresholds": _thresholds(steps),
        "color": {"mode": "thresholds"},
        "noValue": "no data",
    }
    options: Json = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background" if says else "value",
        "graphMode": "none",
        "textMode": "name" if name else "value" if len(queries) == 1 else "auto",
        "justifyMode": "center",
        "orientation": "auto",
    }
    return Panel("stat", title, tuple(queries), field, options, width, about)


def graph(
    title: str,
    queries: Sequence[Query],
    width: int,
    *,
    unit: str = "none",
    lines: Sequence[tuple[float, str]] = (),
    stacked: bool = False,
    least: float | None = 0.0,
    most: float | None = None,
    about: str = "",
) -> Panel:
    """Curves over time; `lines` are values to keep to, drawn across; `stacked` ones are areas."""
    custom: Json = {
        "drawStyle": "line",
        "lineWidth": 0 if stacked else 1,
        "fillOpacity": 80 if stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if lines else "off"},
    }
    steps = [(None, "transparent"), *lines] if lines else [(None, GREEN)]
    field: Json = {
        "unit": unit,
        "custom": custom,
        "color": {"mode": "palette-classic"},
        "thresholds": _thresholds(steps),
    }
    field |= {} if least is None else {"min": least}
    field |= {} if most is None else {"max": most}
    options: Json = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return Panel("timeseries", title, tuple(queries), field, options, width, about)


def states(
    title: str,
    queries: Sequence[Query],
    width: int,
    says: Mapping[int, Said],
    *,
    about: str = "",
) -> Panel:
    """What something was when: a bar for each series, coloured by what it says."""
    field: Json = {
        "mappings": _mappings(says),
        "color": {"mode": "thresholds"},
        "thresholds": _thresholds([(None, GREY)]),
        "custom": {"fillOpacity": 80, "lineWidth": 0, "spanNulls": False},
    }
    options: Json = {
        "mergeValues": True,
        "showValue": "auto",
        "rowHeight": 0.85,
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return Panel("state-timeline", title, tuple(queries), field, options, width, about)


def laid(rows: Sequence[Row]) -> list[Json]:
    """The panels with their places, from the top."""
    found: list[Json] = []
    top = number = 0
    for row in rows:
        assert sum(panel.width for panel in row.panels) == COLUMNS, row
        inside: list[Json] = []
        place = found
        if row.title:
            number += 1
            head = _place(0, top, COLUMNS, 1)
            fold: Json = {"type": "row", "title": row.title, "id": number, "gridPos": head}
            found.append(fold | {"collapsed": row.folded, "panels": inside})
            place = inside if row.folded else found
            top += 1
        left = 0
        for panel in row.panels:
            number += 1
            place.append(_panel(panel, number, _place(left, top, panel.width, row.height)))
            left += panel.width
        top += row.height
    return found


def _place(left: int, top: int, width: int, height: int) -> Json:
    return {"x": left, "y": top, "w": width, "h": height}


def _panel(panel: Panel, number: int, place: Json) -> Json:
    targets = [
        {
            "refId": chr(ord("A") + at),
            "datasource": SOURCE,
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            "instant": panel.kind == "stat",
            "range": panel.kind != "stat",
        }
        for at, query in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": targets,
        "fieldConfig": {"defaults": panel.field, "overrides": []},
        "options": panel.options,
    }


def _mappings(says: Mapping[int, Said]) -> list[Json]:
    options = {
        str(value): {"text": said.text, "color": said.colour, "index": at}
        for at, (value, said) in enumerate(says.items())
    }
    return [{"type": "value", "options": options}] if options else []


def _thresholds(steps: Sequence[tuple[float | None, str]]) -> Json:
    return {
        "mode": "absolute",
        "steps": [{"value": value, "color": colour} for value, colour in steps],
    }
