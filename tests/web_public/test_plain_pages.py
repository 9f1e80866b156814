"""Home, sign-in and messages: with and without a script."""

from __future__ import annotations

import pytest

from .conftest import Open
from .devserver import DevServer
from .looking import faults_in_both_themes, overflow_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_home_says_what_is_on(show: Open, server: DevServer) -> None:
    page = await show("/")
    await page.get_by_text("正在直播").wait_for()
    href = await page.get_by_role("link", name="收看直播").get_attribute("href")
    assert href == "/watch/river-2026"
    assert await page.get_by_role("link", name="登录后打开 导播台").get_attribute("href") == (
        "/sign-in?next=%2Fconsole"
    )
    server.user = "anna"
    page = await show("/?lang=en")
    assert await page.get_by_role("link", name="Open Console").get_attribute("href") == "/console"
    await page.get_by_role("button", name="Sign out").wait_for()


@pytest.mark.parametrize("script", [True, False])
async def test_sign_in_works_with_and_without_a_script(show: Open, script: bool) -> None:
    page = await show("/sign-in", java_script_enabled=script)
    await page.get_by_label("姓名").fill("anna")
    await page.get_by_label("密码", exact=True).fill("wrong")
    await page.get_by_role("button", name="登录").click()
    await page.get_by_role("alert").get_by_text("姓名或密码不正确").wait_for()


async def test_sign_in_shows_the_password_on_request(show: Open) -> None:
    page = await show("/sign-in")
    field = page.get_by_label("密码", exact=True)
    await field.fill("secret")
    await page.get_by_role("button", name="显示密码").click()
    assert await field.get_attribute("type") == "text"


async def test_messages_change_their_language(show: Open) -> None:
    page = await show("/message/token-expired")
    await page.get_by_role("heading", name="链接已过期").wait_for()
    await page.get_by_role("button", name="English").click()
    await page.get_by_role("heading", name="This link has expired").wait_for()


async def test_only_what_may_pass_offers_another_attempt(show: Open) -> None:
    page = await show("/message/busy")
    await page.get_by_role("button", name="再试一次").wait_for()
    page = await show("/message/token-revoked")
    await page.get_by_role("banner").wait_for()
    assert await page.get_by_role("button", name="再试一次").count() == 0


@pytest.mark.parametrize("path", ["/", "/sign-in", "/message/token-wrong"])
async def test_is_accessible(show: Open, path: str) -> None:
    for width in (360, 1280):
        page = await show(path, width)
        await page.get_by_role("banner").wait_for()
        assert await faults_in_both_themes(page) == []
        assert await overflow_of(page) <= 0
