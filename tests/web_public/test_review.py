"""The review page in Chromium, on recordings that are finished and that still grow."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from .conftest import Open
from .devserver import DevServer
from .looking import PROGRAM, faults_in_both_themes, overflow_of, time_of, until, until_playing

pytestmark = pytest.mark.asyncio(loop_scope="session")
SEALED = "/review/budget-2026"
GROWING = "/review/river-2026"


async def ready(page: Page) -> None:
    await until(page, f"{PROGRAM} && {PROGRAM}.readyState >= 2")


async def test_plays_from_the_first_second_while_it_is_recorded(show: Open) -> None:
    page = await show(GROWING)
    await ready(page)
    assert await time_of(page) < 0.5
    await page.locator(".head .badge").get_by_text("正在录制").wait_for()
    slider = page.get_by_role("slider", name="时间线")
    length = int(await slider.get_attribute("aria-valuemax") or 0)
    await page.locator(".transport .play").click()
    await until_playing(page)
    await until(
        page, f"+document.querySelector('.tracks').getAttribute('aria-valuemax') > {length + 1}"
    )


async def test_a_chapter_leads_to_its_moment(show: Open, server: DevServer) -> None:
    page = await show(SEALED)
    await ready(page)
    story = server.stories["budget-2026"]
    second = story.chapters[1]
    await page.locator(".items .item").nth(1).click()
    wanted = (second["at"] - story.started) / 1000
    await until(page, f"Math.abs({PROGRAM}.currentTime - {wanted}) < 0.1")
    await page.locator('.item[aria-current="true"]').get_by_text("正在看").wait_for()
    current = page.locator('.item[aria-current="true"] strong')
    assert second["names"][0]["zh"] in (await current.inner_text())


async def test_the_timeline_leads_to_its_moment(show: Open) -> None:
    page = await show(SEALED)
    await ready(page)
    await page.locator(".tracks").scroll_into_view_if_needed()
    box = await page.locator(".tracks").bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 40)
    await until(page, f"Math.abs({PROGRAM}.currentTime - 30) < 0.5")
    await page.locator(".tracks").focus()
    await page.keyboard.press("Home")
    await until(page, f"{PROGRAM}.currentTime < 0.5")
    await page.keyboard.press("ArrowRight")
    await until(page, f"Math.abs({PROGRAM}.currentTime - 5) < 0.5")


async def test_a_site_shows_the_same_moment(show: Open, server: DevServer) -> None:
    page = await show(SEALED + "#t=14.6")
    await ready(page)
    await page.get_by_role("button", name="看育才学校分会场的单路录制").click()
    await page.get_by_text("与播出同步").wait_for()
    await page.locator(".transport .play").click()
    await until_playing(page, 1.5)
    await page.get_by_text("与播出同步").wait_for()
    clip = "document.querySelectorAll('video')[1]"
    story = server.stories["budget-2026"]
    # The clip begins at its key frame, whole seconds in this footage.
    zero = (int(server.requests[-1].split("from=")[1]) - story.started) // 1000
    apart = f"Math.abs({zero} + {clip}.currentTime - {PROGRAM}.currentTime)"
    await until(page, f"{apart} < 0.15")
    await page.locator(".items .item").nth(2).click()
    await until(page, f"{clip}.readyState >= 2 && !{clip}.paused")
    await page.get_by_text("与播出同步").wait_for()


async def test_a_site_that_was_not_recorded_says_so(show: Open) -> None:
    page = await show(SEALED + "#t=30&site=studio")
    await page.get_by_text("此刻没有这个会场的录制").wait_for()
    await page.get_by_role("button", name="下一段从").click()
    await until(page, f"{PROGRAM}.currentTime > 31")


async def test_a_link_leads_to_its_moment(show: Open, server: DevServer) -> None:
    page = await show(SEALED + "#t=2026-11-21T01:30:20.5Z")
    await ready(page)
    await until(page, f"Math.abs({PROGRAM}.currentTime - 20.5) < 0.2")
    await page.get_by_role("button", name="复制此刻链接").click()
    await page.get_by_role("button", name="已复制").wait_for()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == server.url + SEALED + "#t=2026-11-21T01:30:20.5Z"


async def test_keys(show: Open) -> None:
    page = await show(SEALED + "#t=20")
    await ready(page)
    await until(page, f"Math.abs({PROGRAM}.currentTime - 20) < 0.2")
    for key, second in (("l", 30), ("j", 20), ("ArrowRight", 25), ("ArrowLeft", 20)):
        await page.keyboard.press(key)
        await until(page, f"Math.abs({PROGRAM}.currentTime - {second}) < 0.2")
    await page.keyboard.press(".")
    await until(page, f"{PROGRAM}.currentTime > 20.02 && {PROGRAM}.currentTime < 20.1")
    await page.keyboard.press("Space")
    await until_playing(page)
    await page.keyboard.press("k")
    await until(page, f"{PROGRAM}.paused")


async def test_finds_and_downloads(show: Open, server: DevServer) -> None:
    page = await show(SEALED)
    await page.get_by_role("searchbox").fill("陈建国")
    found = [each for each in server.stories["budget-2026"].chapters if "陈建国" in str(each)]
    assert await page.locator(".items .item").count() == len(found)
    await page.get_by_role("tab", name="文件").click()
    async with page.expect_download() as started:
        await page.locator(".file a").first.click()
    await (await started.value).cancel()
    assert await page.get_by_role("link", name="留痕").get_attribute("href") == (
        "/api/v1/consultations/budget-2026/journal"
    )


async def test_language_changes_in_place(show: Open) -> None:
    page = await show(SEALED)
    await ready(page)
    await page.get_by_role("button", name="English").click()
    await page.get_by_role("tab", name="Chapters").wait_for()
    await page.get_by_text("Sealed", exact=True).wait_for()


async def test_says_when_there_is_nothing(show: Open, server: DevServer) -> None:
    page = await show("/review/none")
    await page.get_by_text("没有这场协商会").wait_for()
    await page.get_by_role("link", name="湘江保护两地协商会").first.wait_for()
    page = await show("/review/empty-2026")
    await page.get_by_text("还没有录制内容").wait_for()
    page = await show(SEALED)
    await ready(page)
    server.denied = True
    page = await show(GROWING)
    await page.get_by_text("请先登录").wait_for()


@pytest.mark.parametrize("path", [SEALED, GROWING, "/review/busy-2026", "/review/none"])
async def test_is_accessible(show: Open, path: str) -> None:
    for width in (360, 1280):
        page = await show(path, width)
        await page.get_by_role("heading", level=1).wait_for()
        if path != "/review/none":
            await ready(page)
        assert await faults_in_both_themes(page) == []
        assert await overflow_of(page) <= 0
