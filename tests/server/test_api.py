"""The API: the archive with ranges, invitations, status, probes; who may; what is described."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import av
import pytest
from jsonschema import Draft202012Validator

from linkup.record import journal
from linkup.server import openapi
from tests.archive.conftest import Archive
from tests.server.conftest import House, raw_get

ARCHIVE = "/api/v1/consultations/river"


@pytest.fixture
async def recorded(house: House) -> tuple[House, Archive]:
    """The server over a real small archive."""
    made = await asyncio.to_thread(_record, house)
    return house, made


def _record(house: House) -> Archive:
    made = Archive(house.data)
    made.record()
    made.finish()
    return made


def schema_of(name: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": openapi.SCHEMAS}}
    )


async def test_lists_and_details_are_as_described(recorded: tuple[House, Archive]) -> None:
    house, _ = recorded
    bearer = house.bearer("reviewer")
    summaries = await (await house.client.get("/api/v1/consultations", headers=bearer)).json()
    assert [each["id"] for each in summaries] == ["river"]
    schema_of("Summary").validate(summaries[0])
    detail = await (await house.client.get(ARCHIVE, headers=bearer)).json()
    schema_of("Consultation").validate(detail)
    assert {track["site"] for track in detail["tracks"]} == {"program", "hall", "school"}
    playlist = await house.client.get(ARCHIVE + "/program.m3u8", headers=bearer)
    assert (await playlist.text()).startswith("#EXTM3U")
    lines = await house.client.get(ARCHIVE + "/journal", headers=bearer)
    assert lines.content_type == "application/x-ndjson"
    assert len((await lines.text()).splitlines()) > 3


async def test_files_with_ranges_and_download(recorded: tuple[House, Archive]) -> None:
    house, _ = recorded
    bearer = house.bearer("reviewer")
    detail = await (await house.client.get(ARCHIVE, headers=bearer)).json()
    segment = detail["tracks"][0]["segments"][0]
    path = f"{ARCHIVE}/files/{segment['file']}"
    whole = await house.client.get(path, headers=bearer)
    body = await whole.read()
    assert whole.status == 200 and whole.headers["Accept-Ranges"] == "bytes"
    assert len(body) == segment["bytes"]
    for header, part in (
        ("bytes=0-9", body[:10]), ("bytes=100-", body[100:]), ("bytes=-7", body[-7:]),
    ):  # fmt: skip
        got = await house.client.get(path, headers=bearer | {"Range": header})
        assert got.status == 206 and await got.read() == part
    beyond = await house.client.get(path, headers=bearer | {"Range": "bytes=99999999-"})
    assert beyond.status == 416
    saved = await house.client.get(path + "?download=1", headers=bearer)
    assert saved.headers["Content-Disposition"].startswith("attachment")
    head = await house.client.head(path, headers=bearer)
    assert int(head.headers["Content-Length"]) == len(body)


async def test_a_clip_is_a_playable_file(recorded: tuple[House, Archive]) -> None:
    house, archive = recorded
    query = {"site": "hall", "from": str(archive.ms(2)), "to": str(archive.ms(4))}
    response = await house.client.get(
        ARCHIVE + "/clip", params=query, headers=house.bearer("reviewer")
    )
    assert response.status == 200 and response.content_type == "video/webm"
    with av.open(io.BytesIO(await response.read())) as container:
        assert sum(1 for _ in container.decode(video=0)) > 10
    for wrong in ({"from": "x"}, {}, {"from": "9", "to": "8"}, {"from": "5", "to": "z"}):
        refused = await house.client.get(
            ARCHIVE + "/clip", params=wrong | {"site": "hall"}, headers=house.bearer("reviewer")
        )
        assert refused.status == 400
    missing = await house.client.get(
        ARCHIVE + "/clip", params=query | {"site": "nobody"}, headers=house.bearer("reviewer")
    )
    assert missing.status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/consultations/none", "/api/v1/consultations/keys",
        "/api/v1/consultations/keys/files/tokens.pem", "/api/v1/consultations/keys/journal",
        ARCHIVE + "/files/none.mkv", ARCHIVE + "/files/../linkup.db",
        ARCHIVE + "/files/..%2flinkup.db", ARCHIVE + "/files/%2e%2e/keys/tokens.pem",
        ARCHIVE + "/files/%2fetc%2fpasswd", "/api/v1/consultations/..%2fx", "/api/v1/nothing",
        "/api/v1/consultations/%2e%2e/files/x",
    ],
)  # fmt: skip
async def test_nothing_else_is_given_out(recorded: tuple[House, Archive], path: str) -> None:
    house, _ = recorded
    header = f"Authorization: Bearer {house.token('operator')}\r\n"
    status, answer = await raw_get(house, path, header)
    assert status == 404 and b"PRIVATE KEY" not in answer
    if path.startswith("/api/v1/") and b"<html" not in answer:  # the rest is no route of the API
        error = json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]
        assert error["code"] and error["text"]["zh"] and error["text"]["en"]


REVIEWED = [
    ARCHIVE[: ARCHIVE.rindex("/")], ARCHIVE, ARCHIVE + "/program.m3u8", ARCHIVE + "/files/x",
    ARCHIVE + "/clip", ARCHIVE + "/journal",
]  # fmt: skip
OPERATED = [
    ("GET", "/api/v1/status"), ("GET", "/api/v1/invitations"), ("POST", "/api/v1/invitations"),
    ("POST", "/api/v1/invitations/abc/revoke"),
]  # fmt: skip


async def test_every_route_asks_who_it_is(house: House) -> None:
    for path in REVIEWED:
        for role in (None, "site", "partner"):
            headers = house.bearer(role) if role else {}
            response = await house.client.get(path, headers=headers)
            assert response.status == (403 if role else 401), (path, role)
            schema_of("Error").validate(await response.json())
    for method, path in OPERATED:
        for role in (None, "site", "partner", "reviewer"):
            headers = house.bearer(role) if role else {}
            response = await house.client.request(method, path, headers=headers)
            assert response.status == (403 if role else 401), (path, role)


async def test_invitations_are_made_listed_and_revoked(house: House) -> None:
    bearer = house.bearer()
    made = await house.client.post(
        "/api/v1/invitations", json={"role": "site", "site": "tax", "hours": 2}, headers=bearer
    )
    assert made.status == 201
    invitation = await made.json()
    schema_of("Invitation").validate(invitation)
    path = invitation["url"][invitation["url"].index("/join/") :]
    assert (await house.client.get(path)).status == 200
    listed = await (await house.client.get("/api/v1/invitations", headers=bearer)).json()
    schema_of("IssuedInvitation").validate(listed[0])
    assert listed[0]["site"] == "tax" and "token" not in listed[0]
    await house.client.post(f"/api/v1/invitations/{invitation['jti']}/revoke", headers=bearer)
    assert (await house.client.get(path)).status == 410
    for wrong, status in (
        ({"role": "king"}, 400), ({"role": "site", "site": "none"}, 404), ({}, 400), ([], 400),
        ({"role": "operator", "hours": -1}, 400), ({"role": "operator", "hours": 1e9}, 400),
        ({"role": "operator", "x": 1}, 400),
    ):  # fmt: skip
        response = await house.client.post("/api/v1/invitations", json=wrong, headers=bearer)
        assert response.status == status, wrong


async def test_status_and_probes(house: House) -> None:
    status = await (await house.client.get("/api/v1/status", headers=house.bearer())).json()
    assert status["consultation"]["id"] == "river" and len(status["sites"]) == 3
    down = await house.client.get("/api/v1/probe?bytes=100000")
    assert len(await down.read()) == 100_000
    for wrong in ("-1", "x", str(1024 * 1024 + 1)):
        assert (await house.client.get(f"/api/v1/probe?bytes={wrong}")).status == 400
    up = await house.client.post("/api/v1/probe", data=b"x" * 50_000)
    assert await up.json() == {"bytes": 50_000}
    assert (await house.client.post("/api/v1/probe", data=b"x" * 300_000)).status == 413


async def test_health_readiness_metrics(house: House) -> None:
    assert (await house.client.get("/healthz")).status == 200
    assert (await house.client.get("/readyz")).status == 200
    house.processes.away.add("program")
    response = await house.client.get("/readyz")
    assert response.status == 503
    assert (await response.json())["processes"]["program"] is False
    await house.client.get("/join/secret-token")
    text = await (await house.client.get("/metrics")).text()
    assert 'linkup_http_requests_total{method="GET",route="/join/{token}",status="401"}' in text
    assert "linkup_sockets_open 0.0" in text and "linkup_tokens_refused_token_wrong_total" in text
    assert "secret-token" not in text


def paths_of(house: House) -> dict[str, set[str]]:
    """The routes that the document must have, with their methods."""
    found: dict[str, set[str]] = {}
    for route in house.client.app.router.routes():
        path = route.resource.canonical if route.resource else ""
        if path.startswith(("/api/", "/whip/", "/whep/")) and not path.endswith("/"):
            found.setdefault(path, set()).add(route.method.lower())
    return {path: methods - {"head"} for path, methods in found.items()}


async def test_every_route_is_described_and_the_reverse(house: House) -> None:
    document: dict[str, Any] = await (await house.client.get("/api/v1/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    described = {path: set(methods) for path, methods in document["paths"].items()}
    assert described == paths_of(house)
    names = [each["operationId"] for one in document["paths"].values() for each in one.values()]
    assert len(names) == len(set(names))
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    text = str(document)
    for name in set(openapi.SCHEMAS) - {"Summary"}:
        assert f"'#/components/schemas/{name}'" in text


def test_journal_name_is_served() -> None:
    assert journal.NAME.endswith(".jsonl")
