"""A desk for each test: one network, its server, an account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.social.desk import Desk, an_account
from tests.edge.social.server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(params=["x", "mastodon", "bluesky"])
def desk(request: pytest.FixtureRequest, tmp_path: Path, server: Server) -> Desk:
    return Desk(request.param, server, an_account(request.param, tmp_path, server), tmp_path)


@pytest.fixture
def x(tmp_path: Path, server: Server) -> Desk:
    return Desk("x", server, an_account("x", tmp_path, server), tmp_path)


@pytest.fixture
def mastodon(tmp_path: Path, server: Server) -> Desk:
    return Desk("mastodon", server, an_account("mastodon", tmp_path, server), tmp_path)


@pytest.fixture
def bluesky(tmp_path: Path, server: Server) -> Desk:
    return Desk("bluesky", server, an_account("bluesky", tmp_path, server), tmp_path)
