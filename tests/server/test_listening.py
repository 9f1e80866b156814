"""How the server listens: ports, TLS, what it writes for others; and the small parts."""

from __future__ import annotations

import json
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509

import linkup.store as stores
from linkup.config import Settings, parse
from linkup.errors import ConfigError
from linkup.runtime import Place
from linkup.server import application, certificates
from linkup.server.rates import Attempts, Bucket
from linkup.server.viewers import FRESH_S, Viewers
from linkup.studio import Studio
from tests.server.conftest import SITES, Processes


async def listen(tmp_path: Path, settings: Settings, client_tls: ssl.SSLContext | bool) -> str:
    """Start, ask /healthz, stop; gives the address."""
    data = tmp_path / "data"
    store = await stores.open(stores.database_file(data))
    studio = Studio(settings, Processes(), store, data, run="test")
    place = Place(run=tmp_path, data=data, sites=tmp_path / "sites.yaml")
    app = application.make(place, settings, studio, store)
    try:
        async with application.run(app, settings) as listening:
            assert json.loads((data / "server.json").read_text())["port"] == listening.port
            scheme = listening.url.split(":")[0]
            async with (
                aiohttp.ClientSession() as session,
                session.get(
                    f"{scheme}://127.0.0.1:{listening.port}/healthz", ssl=client_tls
                ) as response,
            ):
                assert response.status == 200
            with pytest.raises(ConfigError, match="cannot listen on"):
                await _second(place, settings, studio, store, listening.port)
            return listening.url
    finally:
        assert not (data / "server.json").exists()
        await store.close()


async def _second(
    place: Place, settings: Settings, studio: Studio, store: stores.Store, port: int
) -> None:
    taken = settings.model_copy(
        update={"server": settings.server.model_copy(update={"port": port})}
    )
    app = application.make(place, taken, studio, store)
    async with application.run(app, taken):
        pass


async def test_plain_http_on_any_port(tmp_path: Path) -> None:
    url = await listen(tmp_path, parse(SITES), True)
    assert url.startswith("http://localhost:")


async def test_an_own_certificate(tmp_path: Path) -> None:
    settings = parse(SITES.replace("port: 0", "port: 0, tls: {mode: self-signed}"))
    certificate, key = certificates.self_signed(tmp_path / "data", settings)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = certificate.read_bytes()
    found = x509.load_pem_x509_certificate(before)
    left = found.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=729) < left < timedelta(days=731)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    assert "127.0.0.1" in map(str, names.get_values_for_type(x509.IPAddress))
    trust = ssl.create_default_context(cafile=str(certificate))
    url = await listen(tmp_path, settings, trust)
    assert url.startswith("https://127.0.0.1:")
    assert certificate.read_bytes() == before


async def test_given_files(tmp_path: Path) -> None:
    certificate, key = certificates.self_signed(tmp_path / "made", parse(SITES))
    text = f"port: 0, tls: {{mode: files, certificate: {certificate}, key: {key}}}"
    settings = parse(SITES.replace("port: 0", text))
    await listen(tmp_path, settings, ssl.create_default_context(cafile=str(certificate)))
    key.write_text("broken")
    with pytest.raises(ConfigError, match=r"server\.tls"):
        certificates.tls_context(tmp_path, settings)


def test_bucket() -> None:
    bucket = Bucket(rate=10, burst=5)
    assert [bucket.take(0.0) for _ in range(6)] == [True] * 5 + [False]
    assert bucket.take(0.1) and not bucket.take(0.1)
    assert [bucket.take(100.0) for _ in range(6)] == [True] * 5 + [False]


def test_attempts_are_limited_and_forgotten() -> None:
    attempts = Attempts(limit=3, window_s=60, keys=2)
    for at in (0.0, 10.0, 20.0):
        assert attempts.wait_s("a", at) == 0
        attempts.failed("a", at)
    assert attempts.wait_s("a", 30.0) == 30.0
    assert attempts.wait_s("a", 60.0) == 0
    attempts.forget("a")
    assert attempts.wait_s("a", 30.0) == 0
    for key in "abc":
        attempts.failed(key, 0.0)
    assert len(attempts._failed) == 2


def test_viewers_are_counted_once() -> None:
    now = 0.0
    viewers = Viewers(clock=lambda: now)
    viewers.page_opened("office")
    viewers.page_opened("office")
    viewers.fetched("office")  # one of the two pages
    viewers.fetched("television")
    assert viewers.count() == 3
    now = FRESH_S + 1
    assert viewers.count() == 2
    viewers.page_closed("office")
    viewers.fetched("office")
    viewers.page_closed("office")
    assert viewers.count() == 0
    viewers.fetched("office")  # a player without a page
    assert viewers.count() == 1
