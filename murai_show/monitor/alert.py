"""One alert: when it fires, and what it tells the person who is woken by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# critical: the street sees it now.  warning: somebody should look today.  info: tidy up some time.
Severity = Literal["critical", "warning", "info"]
WHERE = "{{ $labels.show }} on {{ $labels.instance }}"  # how a summary names the machine


@dataclass(frozen=True)
class Alert:
    """`when` is PromQL; it must hold for `lasts` seconds.  `summary` says what is wrong and
    `todo` what to do, both templates of Prometheus; `why` explains the expression to whoever reads
    the file.  `labels` name what the expression does not."""

    name: str
    severity: Severity
    when: str
    lasts: float
    summary: str
    todo: str
    why: str
    labels: Mapping[str, str] = field(default_factory=dict)
