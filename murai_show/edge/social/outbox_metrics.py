"""What Prometheus is told of the outbox."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from murai_show.edge.social.outbox import Outbox
from murai_show.edge.social.outcome import OUTCOMES, OVER, STATES


def outbox_metrics(
    outbox: Outbox, accounts: Collection[str], troubled: Collection[str], now: float
) -> Iterator[Metric]:
    """For `accounts`, and any other that the outbox has something for; `troubled` are those that
    cannot be opened.  `now` in POSIX seconds.  Raises sqlite3.Error."""
    query = "SELECT account, state, count(*) AS n, min(created) AS first FROM items GROUP BY 1, 2"
    rows = outbox.database.read(query)
    names = sorted({*accounts, *(row["account"] for row in rows)})
    counts = {(row["account"], row["state"]): row["n"] for row in rows}
    waits = [row for row in rows if row["state"] not in OVER]
    first = {n: min((r["first"] for r in waits if r["account"] == n), default=now) for n in names}
    stopped = {account.name for account in outbox.accounts() if account.stopped}
    items = GaugeMetricFamily(
        "murai_outbox_items", "Portraits in the outbox, by state.", labels=("account", "state")
    )
    oldest = GaugeMetricFamily(
        "murai_outbox_oldest_seconds",
        "Age of the oldest portrait that is neither posted nor dead.",
        labels=("account",),
    )
    stops = GaugeMetricFamily(
        "murai_account_stopped", "1 while the account waits for a person.", labels=("account",)
    )
    posts = CounterMetricFamily(
        "murai_posts", "What became of attempts to post.", labels=("account", "outcome")
    )
    for name in names:
        for state in STATES:
            items.add_metric((name, state), counts.get((name, state), 0))
        oldest.add_metric((name,), max(0.0, now - first[name]))
        stops.add_metric((name,), float(name in stopped or name in troubled))
        for outcome in OUTCOMES:
            posts.add_metric((name, outcome), outbox.counted[name, outcome])
    yield from (items, oldest, stops, posts)
    yield GaugeMetricFamily(
        "murai_outbox_bytes", "Bytes of the outbox on the disk.", value=outbox.folder.size()
    )
