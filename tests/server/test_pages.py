"""Pages: shells, boot data, languages, headers, and what is said when a link is not valid."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from linkup import invite
from linkup.server.pages import boot_json
from tests.server.conftest import House, raw_get


def boot_of(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="boot">(.*?)</script>', text, re.S)
    assert found is not None
    return dict(json.loads(found.group(1)))


async def test_join_page_names_the_site_and_takes_no_seat(house: House) -> None:
    token = house.token()
    response = await house.client.get(f"/join/{token}")
    assert response.status == 200
    boot = boot_of(await response.text())
    assert boot["token"] == token
    assert boot["site"] == {
        "id": "school",
        "name": {"zh": "育才学校", "en": "Yucai School"},
        "city": {"zh": "株洲", "en": "Zhuzhou"},
    }
    assert boot["secure"] is True
    assert not house.studio.roster["school"].present


async def test_a_page_on_plain_http_elsewhere_is_told_so(house: House) -> None:
    response = await house.client.get(f"/join/{house.token()}", headers={"Host": "10.0.0.5:8080"})
    assert boot_of(await response.text())["secure"] is False


async def test_links_that_are_not_valid_are_explained(house: House) -> None:
    expired = house.token(hours=0.0001)
    revoked = invite.make(house.data, house.settings, "site", "school")
    await house.store.revoke(revoked.jti, "test")
    other = invite.make(
        house.data,
        house.settings.model_copy(
            update={"consultation": house.settings.consultation.model_copy(update={"id": "else"})}
        ),
        "site",
        "school",
    )
    import time

    real = time.time
    time.time = lambda: real() + 10  # type: ignore[assignment]
    try:
        for token, status, code in (
            (expired, 410, "token-expired"),
            (revoked.token, 410, "token-revoked"),
            (other.token, 403, "token-other-consultation"),
            (house.token("operator"), 403, "token-role"),
            ("nonsense", 401, "token-wrong"),
            (house.token()[:-4] + "AAAA", 401, "token-wrong"),
        ):
            response = await house.client.get(f"/join/{token}")
            text = await response.text()
            assert (response.status, boot_of(text)["message"]["code"]) == (status, code)
            assert "<h1>" in text and token not in text
    finally:
        time.time = real


async def test_headers_of_pages(house: House) -> None:
    response = await house.client.get(f"/join/{house.token()}")
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "camera=(self)" in response.headers["Permissions-Policy"]
    assert response.headers["X-Frame-Options"] == "DENY"
    text = await response.text()
    scripts = re.findall(r"<script([^>]*)>", text)
    assert all("src=" in each or "application/json" in each for each in scripts)
    assert not re.search(r"\son[a-z]+=", text) and "://" not in text
    watched = await house.client.get("/watch/river")
    assert "frame-ancestors *" in watched.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in watched.headers


async def test_language_by_query_cookie_browser_and_default(house: House) -> None:
    async def language(path: str = "/watch/river", **headers: str) -> object:
        response = await house.client.get(path, headers=headers)
        return boot_of(await response.text())["language"]

    assert await language() == "zh"
    assert await language(**{"Accept-Language": "fr, en-GB;q=0.8, zh;q=0.5"}) == "en"
    assert await language(**{"Accept-Language": "en;q=0, x;q=y"}) == "zh"
    assert await language("/watch/river?lang=en") == "en"
    assert await language() == "en"  # the cookie
    assert await language("/watch/river?lang=xx") == "en"


async def test_other_pages(house: House) -> None:
    assert boot_of(await (await house.client.get("/watch/river")).text())["hls"] == (
        "/hls/river/index.m3u8"
    )
    home = boot_of(await (await house.client.get("/")).text())
    assert home["page"] == "home" and home["user"] is None
    missing = await house.client.get("/watch/other")
    assert missing.status == 404
    assert boot_of(await missing.text())["message"]["code"] == "no-consultation"
    nothing = await house.client.get("/nothing/here")
    assert nothing.status == 404 and "<h1>" in await nothing.text()


async def test_console_and_review_ask_to_sign_in_first(house: House) -> None:
    for path in ("/console", "/review/river"):
        response = await house.client.get(path, allow_redirects=False)
        assert response.status == 303
        assert response.headers["Location"] == f"/sign-in?next={path}"
    await house.sign_in("reviewer")
    assert (await house.client.get("/review/river")).status == 200
    refused = await house.client.get("/console")
    assert refused.status == 403
    assert (await house.client.get("/review/none")).status == 404
    await house.sign_in("operator")
    boot = boot_of(await (await house.client.get("/console")).text())
    assert str(boot["user"]).startswith("operator-")


async def test_static_files_do_not_lead_out(house: House) -> None:
    for name in (
        "../templates/base.html",
        "%2e%2e/templates/base.html",
        "..%2f..%2fpyproject.toml",
        "manifest.json",
        "%2fetc%2fpasswd",
        "a%00b.js",
        "x" * 300 + ".js",
    ):
        assert (await raw_get(house, f"/static/{name}"))[0] == 404, name


async def test_scripts_are_compressed_and_kept(house: House, tmp_path: Path) -> None:
    dist = tmp_path / "web" / "dist"
    (dist / "fonts").mkdir(parents=True)
    (tmp_path / "web" / "templates").mkdir()
    (dist / "watch-AB12.js").write_text("let a = 1;\n" * 1000)
    (dist / "fonts" / "f-1.woff2").write_bytes(b"\x00" * 1000)
    (dist / "manifest.json").write_text('{"watch.js": "watch-AB12.js"}')
    house.context.assets._dist = dist
    page = await (await house.client.get("/watch/river")).text()
    assert '<script type="module" src="/static/watch-AB12.js">' in page
    script = await house.client.get("/static/watch-AB12.js")
    assert (
        script.headers["Content-Encoding"] == "gzip"
        and "immutable" in script.headers["Cache-Control"]
    )
    assert (await script.text()).startswith("let a = 1;")
    plain = await house.client.get("/static/watch-AB12.js", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert (await house.client.get("/static/watch.js")).headers["Cache-Control"] == "no-cache"
    font = await house.client.get("/static/fonts/f-1.woff2")
    assert font.headers["Content-Type"] == "font/woff2"


async def test_our_own_proxy_is_believed_no_other(house: House) -> None:
    shared = house.context
    headers = {"X-Forwarded-For": "1.2.3.4, 203.0.113.9"}
    await house.client.get("/hls/river/none.m3u8", headers=headers)
    sockets = [await house.client.ws_connect("/ws/watch/river", headers=headers)]
    assert set(shared.viewers._pages) == {"127.0.0.1"}
    server = shared.settings.server.model_copy(update={"public_url": "https://hall.example"})
    object.__setattr__(shared, "settings", shared.settings.model_copy(update={"server": server}))
    sockets.append(await house.client.ws_connect("/ws/watch/river", headers=headers))
    assert set(shared.viewers._pages) == {"127.0.0.1", "203.0.113.9"}
    for socket in sockets:
        await socket.close()


@pytest.mark.parametrize("text", ["</script><b>", "<!--", "a&b", "\u2028\u2029", '"\\'])
def test_boot_data_stays_inside_its_element(text: str) -> None:
    written = str(boot_json({"title": text}))
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == {"title": text}
