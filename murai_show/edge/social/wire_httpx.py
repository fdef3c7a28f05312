"""Lets a client of httpx go over a wire."""

from __future__ import annotations

import httpx

from murai_show.edge.social.wire import Wire


class WireTransport(httpx.BaseTransport):
    """Raises httpx.NetworkError when a request came to nothing; the record tells more."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        found = self._wire.exchange(
            request.method, str(request.url), dict(request.headers), request.read() or None
        )
        if found.status is None or found.fault or 300 <= found.status < 400:
            raise httpx.NetworkError(found.fault or "it sends us elsewhere", request=request)
        # The body has been read: what said how it came no longer holds.
        told = ("content-length", "transfer-encoding", "content-encoding")
        headers = [(k, v) for k, v in found.headers.items() if k not in told]
        return httpx.Response(found.status, headers=headers, content=found.body, request=request)
