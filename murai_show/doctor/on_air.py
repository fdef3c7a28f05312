"""What a running show answers over HTTP, on this machine."""

from __future__ import annotations

import http.client

from murai_show.show.planned import Plan
from murai_show.show.words import Address

_PATIENCE = 2.0  # seconds
_LARGEST = 4 << 20  # bytes


def ask(address: Address | None, path: str) -> tuple[int, str] | None:
    """Status and body of GET `path`; None where nobody answers.  No proxy is asked."""
    if address is None:
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104
    connection = http.client.HTTPConnection(host, address.port, timeout=_PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(_LARGEST).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def metrics_of(plan: Plan) -> str:
    """The metrics of `plan`'s show where it runs here already; empty where it does not, or another
    show has its port."""
    answer = ask(plan.metrics, "/metrics")
    if answer is None or answer[0] != http.client.OK:
        return ""
    named = [line for line in answer[1].splitlines() if line.startswith("murai_show_info{")]
    return answer[1] if any(f'show="{plan.show}"' in line for line in named) else ""
