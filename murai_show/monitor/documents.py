"""The YAML files of Prometheus, with the reasons as comments."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from murai_show.monitor.alert import Alert
from murai_show.monitor.alerts import picture_alerts
from murai_show.monitor.upkeep import upkeep_alerts
from murai_show.monitor.watched import Watched, span

JOB = "murai-show"
WIDTH = 4096  # a template of Prometheus that is folded in its middle cannot be read

_SCRAPING = """\
# Where Prometheus reads, and what it watches for.  Made by `murai-show monitor`: change the show
# file and make it anew, or copy the parts that you need into a file of your own.
"""
_ALERTING = """\
# Alerts are computed here and sent by Alertmanager.  Once one runs:
# alerting:
#   alertmanagers:
#     - static_configs:
#         - targets: ["127.0.0.1:9093"]
"""
_ALERTS = """\
# critical: the street sees it now.  warning: somebody should look today.  info: tidy up some time.
# What the plan wants dark is healthy: alerts about the picture are silent then.  Made by
# `murai-show monitor`; thresholds are those of the show file.
"""


def alerts_of(watched: Watched) -> tuple[Alert, ...]:
    """All alerts of one show."""
    return (*picture_alerts(watched), *upkeep_alerts(watched))


def prometheus_document(shows: Sequence[Watched], rules: str) -> str:
    """`prometheus.yml`, which reads the alerts from the file `rules` beside it."""
    every = span(shows[0].every)
    static = [
        {
            "targets": [DoubleQuotedScalarString(target) for target in each.targets],
            "labels": {"show": each.show},
        }
        for each in shows
    ]
    found = CommentedMap(
        {
            "global": {"scrape_interval": every, "evaluation_interval": every},
            "rule_files": [rules],
            "scrape_configs": [{"job_name": JOB, "static_configs": static}],
        }
    )
    _remark(found, "global", f"Windows and times of {rules} were made for this interval.")
    _remark(
        found, "scrape_configs", "A label says which show an instance plays; several may play it."
    )
    return f"{_SCRAPING}{_dumped(found)}\n{_ALERTING}"


def alerts_document(shows: Sequence[Watched]) -> str:
    """`murai-alerts.yml`: a group for each show."""
    groups = [{"name": f"{JOB} {each.show}", "rules": _rules(alerts_of(each))} for each in shows]
    return f"{_ALERTS}{_dumped({'groups': groups})}"


def _rules(alerts: Sequence[Alert]) -> CommentedSeq:
    rules = CommentedSeq(_rule(alert) for alert in alerts)
    for number, alert in enumerate(alerts):
        rules.yaml_set_comment_before_after_key(number, before=f"\n{alert.why}", indent=6)
    return rules


def _rule(alert: Alert) -> dict[str, Any]:
    several = "\n" in alert.when
    return {
        "alert": alert.name,
        "expr": LiteralScalarString(f"{alert.when}\n") if several else alert.when,
        "for": span(alert.lasts),
        "labels": {"severity": alert.severity, **alert.labels},
        "annotations": {"summary": alert.summary, "description": alert.todo},
    }


def _remark(found: CommentedMap, key: str, comment: str) -> None:
    found.yaml_set_comment_before_after_key(key, before=comment)


def _dumped(document: Any) -> str:
    yaml = YAML()
    yaml.width = WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = StringIO()
    yaml.dump(document, text)
    return text.getvalue()
