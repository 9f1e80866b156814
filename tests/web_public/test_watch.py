"""The viewer page in Chromium, playing a real broadcast."""

from __future__ import annotations

import asyncio

import pytest

from .conftest import Open
from .devserver import DevServer
from .looking import PROGRAM, faults_in_both_themes, overflow_of, time_of, until, until_playing

pytestmark = pytest.mark.asyncio(loop_scope="session")
WATCH = "/watch/river-2026"
BEHIND = f"{PROGRAM}.buffered.end({PROGRAM}.buffered.length - 1) - {PROGRAM}.currentTime"


async def test_plays_by_itself_without_sound_and_close_to_live(show: Open) -> None:
    page = await show(WATCH, 390, 844)
    await until_playing(page)
    assert await page.evaluate(f"{PROGRAM}.muted")
    assert await page.evaluate(BEHIND) < 6
    await page.get_by_role("button", name="打开声音").click()
    assert not await page.evaluate(f"{PROGRAM}.muted")
    await page.get_by_role("button", name="静音").wait_for()
    await page.get_by_text("王芳").wait_for()
    await page.get_by_text("1,284 人正在收看").wait_for()


async def test_waits_for_the_beginning_and_begins_by_itself(show: Open, server: DevServer) -> None:
    server.phase = "before"
    page = await show(WATCH)
    await page.get_by_text("协商会尚未开始").wait_for()
    assert await page.get_by_role("button", name="播放").count() == 0
    server.phase = "live"
    await server.tell()
    await until_playing(page)
    await page.get_by_text("直播中").wait_for()


async def test_goes_back_and_returns_to_live(show: Open) -> None:
    page = await show(WATCH)
    await until_playing(page)
    live = await time_of(page)
    await page.get_by_role("slider", name="播放位置").focus()
    await page.evaluate(f"{PROGRAM}.ontimeupdate = null")
    for _ in range(2):
        await page.locator("h1").click()
        await page.keyboard.press("ArrowLeft")
    await until(page, f"{PROGRAM}.currentTime < {live - 8}")
    await page.get_by_text("您看到的是").wait_for()
    await page.get_by_role("button", name="回到直播").click()
    await until(page, f"{PROGRAM}.currentTime > {live - 2}")
    await page.locator(".at-live").wait_for()
    await until_playing(page)


async def test_comes_back_by_itself_after_the_server_was_away(
    show: Open, server: DevServer
) -> None:
    page = await show(WATCH)
    await until_playing(page)
    before = await time_of(page)
    await server.stop()
    await asyncio.sleep(3)
    await server.start()
    await until(page, f"{PROGRAM}.currentTime > {before + 8}", 30_000)
    await until_playing(page)
    assert await page.evaluate(BEHIND) < 12
    server.viewers = 7
    await server.tell()
    await page.get_by_text("7 人正在收看").wait_for()


async def test_comes_back_from_a_broken_decoder(show: Open) -> None:
    page = await show(WATCH)
    await until_playing(page)
    # What Chromium does itself after a decode error: the element is emptied under the player.
    await page.evaluate(f"{PROGRAM}.dispatchEvent(new Event('waiting'))")
    await page.evaluate(f"URL.revokeObjectURL({PROGRAM}.src); {PROGRAM}.load()")
    await until_playing(page, timeout_ms=30_000)


async def test_says_what_is_happening(show: Open, server: DevServer) -> None:
    page = await show(WATCH)
    await until_playing(page)
    server.phase = "slate"
    await server.tell()
    await page.get_by_text("会间休息").wait_for()
    server.phase = "interrupted"
    await server.tell()
    await page.get_by_text("正在恢复").first.wait_for()
    server.phase = "ended"
    await server.tell()
    await page.get_by_text("直播已结束").wait_for(timeout=20_000)


async def test_an_ended_broadcast_does_not_begin_by_itself(show: Open, server: DevServer) -> None:
    server.phase = "ended"
    page = await show(WATCH)
    again = page.get_by_role("button", name="从头回看最近一段")
    await again.wait_for()
    assert await page.evaluate(f"{PROGRAM}.paused")
    await again.click()
    await until_playing(page)


async def test_speaks_both_languages_and_remembers(show: Open) -> None:
    page = await show(WATCH)
    await until_playing(page)
    await page.get_by_role("button", name="English").click()
    await page.get_by_role("heading", name="Two-city consultation").wait_for()
    assert await page.evaluate("document.documentElement.lang") == "en"
    assert await page.evaluate("document.cookie") == "linkup_lang=en"
    await until_playing(page)


async def test_copies_its_address(show: Open, server: DevServer) -> None:
    page = await show(WATCH)
    await page.get_by_role("button", name="复制").click()
    await page.get_by_role("button", name="已复制").wait_for()
    assert await page.evaluate("navigator.clipboard.readText()") == server.url + WATCH


@pytest.mark.parametrize("phase", ["live", "before", "ended"])
async def test_is_accessible(show: Open, server: DevServer, phase: str) -> None:
    server.phase = phase  # type: ignore[assignment]
    page = await show(WATCH, 360, 740)
    await page.get_by_role("heading", level=1).wait_for()
    if phase == "live":
        await until_playing(page)
    else:
        await page.locator(".curtain .say").wait_for()
    assert await faults_in_both_themes(page) == []
    assert await overflow_of(page) <= 0
