"""One show file becomes its monitoring: scraping, alerts and a dashboard, as files.

Everything is made from the plan, so thresholds are those of `expect:` and names those of the show.
The same plan gives the same files, byte by byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from murai_show.monitor.dashboard import dashboard
from murai_show.monitor.documents import alerts_document, prometheus_document
from murai_show.monitor.watched import EVERY as EVERY
from murai_show.monitor.watched import Watched as Watched

SCRAPING, ALERTS = "prometheus.yml", "murai-alerts.yml"


def monitoring(shows: Sequence[Watched]) -> Mapping[str, str]:
    """The files, text by name.  One show has `murai-dashboard.json`, several have one each."""
    boards = {
        f"murai-dashboard{'' if len(shows) == 1 else f'-{each.show}'}.json": dashboard(each)
        for each in shows
    }
    return {
        SCRAPING: prometheus_document(shows, ALERTS),
        ALERTS: alerts_document(shows),
        **{name: json.dumps(board, indent=2) + "\n" for name, board in boards.items()},
    }
