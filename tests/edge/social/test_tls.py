"""The wire over real TLS: whom it trusts, what it knows, and that its deadline holds there too."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from murai_show.edge.social.port import Posted, Refused, Unknown
from murai_show.edge.social.wire import Wire
from tests.edge.social.desk import WORLD, Desk, an_account
from tests.edge.social.server import Fault, Server, cut, trickle


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server of these tests")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(context)
    yield server
    server.close()


@pytest.fixture
def trusted(
    secure: Server, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))
    return Desk("x", secure, an_account("x", tmp_path, secure), tmp_path)


def test_a_server_that_is_trusted_gets_the_post(trusted: Desk) -> None:
    media = trusted.account.upload(trusted.item())
    assert isinstance(media, str)
    assert trusted.account.send(trusted.item(), media) == Posted("9000")
    assert trusted.account.find(trusted.item()) == Posted("9000")


def test_a_server_that_nobody_vouches_for_gets_nothing(secure: Server, tmp_path: Path) -> None:
    desk = Desk("x", secure, an_account("x", tmp_path, secure), tmp_path)
    answer = desk.account.send(desk.item(), "1")
    assert isinstance(answer, Refused)
    assert "not to be trusted" in answer.why
    assert not secure.networks.requests


def test_a_certificate_of_another_name_is_none(
    secure: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))
    wire = Wire({"https://api.x.com": secure.url.replace("127.0.0.1", "localhost")})
    wire.begin()
    found = wire.exchange("GET", "https://api.x.com/2/users/me", {}, None)
    assert (found.status, found.sent) == (None, False)


def test_a_cut_after_the_handshake_is_unknown(trusted: Desk) -> None:
    media = trusted.account.upload(trusted.item())
    assert isinstance(media, str)
    trusted.server.networks.faults = [Fault("/2/tweets", cut, after=True)]
    assert isinstance(trusted.account.send(trusted.item(), media), Unknown)
    assert len(trusted.posts) == 1


def test_the_deadline_ends_a_trickle_within_tls(trusted: Desk) -> None:
    wire = Wire(dict.fromkeys(WORLD, trusted.server.url), budget=0.4, silence=5.0)
    trusted.server.networks.faults = [Fault("/2/", trickle)]
    wire.begin()
    begun = time.monotonic()
    found = wire.exchange("POST", "https://api.x.com/2/tweets", {}, b"{}")
    assert time.monotonic() - begun < 4
    assert found.sent
    assert found.fault == "it took too long"


def test_the_deadline_ends_an_upload_that_nobody_reads(trusted: Desk) -> None:
    def never_read(handler: object) -> None:
        trusted.server.closing.wait(3.0)

    wire = Wire(dict.fromkeys(WORLD, trusted.server.url), budget=0.4, silence=5.0)
    trusted.server.networks.faults = [Fault("/2/", never_read, unread=True)]
    wire.begin()
    begun = time.monotonic()
    found = wire.exchange("POST", "https://api.x.com/2/media/upload", {}, b"x" * 30_000_000)
    assert time.monotonic() - begun < 4
    assert (found.status, found.sent, found.fault) == (None, True, "it took too long")
