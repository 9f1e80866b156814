"""Signing in and out, sessions, rates of failures, requests from elsewhere."""

from __future__ import annotations

import asyncio

import pytest

from linkup import invite
from linkup.invite import passwords
from linkup.server.auth import COOKIE, SESSION_MS, hashed
from linkup.store.database import now_ms
from tests.server.conftest import House


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", hasher)


async def post(house: House, name: str, password: str, **more: str) -> int:
    response = await house.client.post(
        "/sign-in", data={"name": name, "password": password, **more}, allow_redirects=False
    )
    return response.status


async def test_name_and_password(house: House) -> None:
    await invite.add_operator(house.data, "anna", "correct horse")
    refused = await house.client.post("/sign-in", data={"name": "anna", "password": "wrong one"})
    text = await refused.text()
    assert refused.status == 401 and 'role="alert"' in text and '<form method="post"' in text
    assert await post(house, "nobody", "correct horse") == 401
    response = await house.client.post(
        "/sign-in",
        data={"name": "anna", "password": "correct horse", "next": "/review/river"},
        allow_redirects=False,
    )
    assert (response.status, response.headers["Location"]) == (303, "/review/river")
    cookie = response.cookies[COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and not cookie["secure"]
    assert await house.store.session(hashed(cookie.value)) is not None
    page = await house.client.get("/console")
    assert page.status == 200 and '"user":"anna"' in await page.text()


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/console/../x", ""])
async def test_the_way_back_leads_only_to_our_pages(house: House, target: str) -> None:
    await invite.add_operator(house.data, "anna", "correct horse")
    response = await house.client.post(
        "/sign-in",
        data={"name": "anna", "password": "correct horse", "next": target},
        allow_redirects=False,
    )
    assert response.headers["Location"] == "/console"


async def test_guessing_passwords_is_slowed_down(house: House) -> None:
    await invite.add_operator(house.data, "anna", "correct horse")
    assert [await post(house, "anna", "guess 1234") for _ in range(5)] == [401] * 5
    limited = await house.client.post(
        "/sign-in", data={"name": "anna", "password": "correct horse"}
    )
    assert limited.status == 429 and int(limited.headers["Retry-After"]) > 0
    assert await post(house, "bert", "guess 1234") == 401  # another name
    many = await asyncio.gather(*(post(house, f"n{i}", "guess 1234") for i in range(30)))
    assert many.count(429) > 10


async def test_guessing_tokens_is_slowed_down_but_a_good_one_passes(house: House) -> None:
    statuses = [(await house.client.get("/join/a.b.c")).status for _ in range(35)]
    assert statuses[0] == 401 and statuses[-1] == 429
    assert (await house.client.get(f"/join/{house.token()}")).status == 200


async def test_signed_links_sign_in_by_role(house: House) -> None:
    for role, target in (("operator", "/console"), ("reviewer", "/review/river")):
        response = await house.client.get(
            "/sign-in", params={"token": house.token(role)}, allow_redirects=False
        )
        assert (response.status, response.headers["Location"]) == (303, target)
    for role, status in (("site", 403), ("partner", 403)):
        response = await house.client.get("/sign-in", params={"token": house.token(role)})
        assert response.status == status


async def test_sessions_slide_end_and_are_revoked(house: House) -> None:
    await house.sign_in()
    value = house.client.session.cookie_jar.filter_cookies(house.client.make_url("/"))[COOKIE].value
    identifier = hashed(value)
    await house.store.prolong_session(identifier, now_ms() + 60_000)
    assert (await house.client.get("/console")).status == 200
    found = await house.store.session(identifier)
    assert found is not None and found.expires > now_ms() + SESSION_MS - 60_000
    assert found.jti is not None
    await house.store.revoke(found.jti, "test")
    response = await house.client.get("/console", allow_redirects=False)
    assert response.status == 303
    await house.sign_in()
    assert (await house.client.get("/console")).status == 200
    await house.client.post("/sign-out")
    response = await house.client.get("/console", allow_redirects=False)
    assert response.status == 303


async def test_a_made_up_cookie_opens_nothing(house: House) -> None:
    for value in ("x", "x" * 43, "x" * 5000):
        response = await house.client.get("/api/v1/status", headers={"Cookie": f"{COOKIE}={value}"})
        assert response.status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Origin": "OWN"}, 201),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "OWN"}, 403),
    ],
)
async def test_another_site_cannot_use_the_cookie(
    house: House, headers: dict[str, str], status: int
) -> None:
    await house.sign_in()
    own = f"http://{house.client.host}:{house.client.port}"
    sent = {name: value.replace("OWN", own) for name, value in headers.items()}
    response = await house.client.post(
        "/api/v1/invitations", json={"role": "partner"}, headers=sent
    )
    assert response.status == status
    if status == 403:
        assert (await response.json())["error"]["code"] == "foreign-origin"
