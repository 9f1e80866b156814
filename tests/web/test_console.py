"""The console: what keys and clicks ask for, and that it shows what it is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.web import states
from tests.web.stage import Stage


@pytest.fixture
def desk(stage: Stage, context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto(f"{stage.url}/console")
    expect(page.locator(".tile")).to_have_count(4)
    expect(page.locator(".status.fine")).to_be_visible()
    return page


def until(page: Page, true: Callable[[], bool]) -> None:
    """Wait for the stage to have heard something."""
    for _ in range(200):
        with contextlib.suppress(IndexError):  # nothing of that kind was heard yet
            if true():
                return
        page.wait_for_timeout(25)
    raise AssertionError("the page did not ask for it")


def test_the_wall_preview_and_program_are_shown(desk: Page) -> None:
    expect(desk.locator("[data-site=changsha] .tally")).to_have_text("播出中")
    expect(desk.locator("[data-site=school] .tally")).to_have_text("下一个")
    expect(desk.locator("#preview .name-strip")).to_contain_text("王芳")
    expect(desk.locator(".safety")).to_contain_text("可以切换")
    expect(desk.locator(".fact").first).to_contain_text("42:")
    playing = "Array.from(document.querySelectorAll('.tile video')).every(v => v.videoWidth > 0)"
    desk.wait_for_function(playing)


def test_space_takes_and_never_presses_the_button_with_the_focus(stage: Stage, desk: Page) -> None:
    desk.locator("[data-site=studio], [data-site=tax-office]").first.locator(
        ".small-action"
    ).first.click()
    until(desk, lambda: stage.got("mute") == [{"site": "tax-office", "muted": True}])
    desk.keyboard.press("Space")
    until(desk, lambda: stage.got("take") == [{"mode": "cut"}])
    expect(desk.locator("[data-site=school] .tally")).to_have_text("播出中")
    assert len(stage.got("mute")) == 1


def test_keys_of_the_desk(stage: Stage, desk: Page) -> None:
    desk.keyboard.press("m")
    until(desk, lambda: stage.got("take") == [{"mode": "mix"}])
    desk.keyboard.press("u")
    until(desk, lambda: stage.got("undo") == [{}])
    desk.keyboard.press("a")
    until(desk, lambda: stage.got("automatic") == [{"on": True}])
    desk.keyboard.press("w")
    until(desk, lambda: stage.got("preview")[-1:] == [
        {"layout": "side", "sites": ["school"], "strip": {"name": "王芳", "title": "教师"}}
    ])  # fmt: skip


def test_digits_choose_and_shift_adds(stage: Stage, desk: Page) -> None:
    desk.keyboard.press("2")
    wanted = {"layout": "full", "sites": ["guangzhou"], "strip": None}
    until(desk, lambda: stage.got("preview") == [wanted])
    expect(desk.locator("[data-site=guangzhou] .tally")).to_have_text("下一个")
    desk.keyboard.press("Shift+4")
    wanted = {"layout": "side", "sites": ["guangzhou", "tax-office"], "strip": None}
    until(desk, lambda: stage.got("preview")[-1] == wanted)
    expect(desk.locator("#preview .place")).to_have_count(2)
    desk.keyboard.press("Shift+2")
    wanted = {"layout": "full", "sites": ["tax-office"], "strip": None}
    until(desk, lambda: stage.got("preview")[-1] == wanted)


def test_a_click_puts_a_site_into_preview(stage: Stage, desk: Page) -> None:
    desk.locator("[data-site=changsha] .pick").click()
    until(desk, lambda: stage.got("preview")[0]["sites"] == ["changsha"])
    desk.locator("[data-site=guangzhou] .pick").click(modifiers=["Shift"])
    until(desk, lambda: stage.got("preview")[-1]["sites"] == ["changsha", "guangzhou"])


def test_the_slate_needs_two_keys(stage: Stage, desk: Page) -> None:
    desk.keyboard.press("s")
    expect(desk.locator(".slate.armed")).to_be_visible()
    assert stage.got("slate") == []
    desk.keyboard.press("Escape")
    expect(desk.locator(".slate.armed")).to_have_count(0)
    desk.keyboard.press("s")
    desk.keyboard.press("Enter")
    until(desk, lambda: stage.got("slate") == [{"on": True}])
    expect(desk.locator(".slate.on")).to_be_visible()


def test_nothing_happens_while_typing(stage: Stage, desk: Page) -> None:
    desk.keyboard.press("t")
    desk.keyboard.press("Control+a")
    desk.keyboard.type("sum a 1")
    desk.keyboard.press("Enter")
    strip = {"name": "sum a 1", "title": "教师"}
    until(desk, lambda: stage.got("preview") == [{"strip": strip}])
    assert not stage.got("take") and not stage.got("undo") and not stage.got("automatic")


def test_text_of_people_is_never_html(stage: Stage, desk: Page) -> None:
    evil = "<img src=x onerror=document.title='broken'>"
    stage.console["sites"][2]["name"] = {"zh": evil, "en": evil}
    stage.console["preview"]["strip"] = {"name": evil, "title": evil}
    stage.push()
    expect(desk.locator("[data-site=school] .tile-name")).to_contain_text(evil)
    assert "broken" not in desk.title()


def test_a_refusal_is_a_calm_line(stage: Stage, desk: Page) -> None:
    stage.refuse["take"] = {"zh": "预监是空的", "en": "Preview is empty"}
    desk.keyboard.press("Space")
    expect(desk.locator(".status.refusal")).to_contain_text("预监是空的")


def test_it_warns_before_a_take(stage: Stage, desk: Page) -> None:
    stage.console["sites"][2]["present"] = False
    stage.push()
    expect(desk.locator(".safety.look")).to_contain_text("育才学校分会场 离线")
    expect(desk.locator("[data-site=school] .cover")).to_contain_text("离线")


def test_the_line_comes_back_and_media_is_kept(stage: Stage, desk: Page) -> None:
    desk.wait_for_function("window.fakePeers[0].connectionState === 'connected'")
    stage.hang_up(1012)
    until(desk, lambda: stage.got("hello")[1:] == [{"peer": "p1"}])
    expect(desk.locator(".status.fine")).to_be_visible()
    assert len(stage.got("offer")) == 1


def test_a_lost_media_connection_is_made_anew(stage: Stage, desk: Page) -> None:
    desk.wait_for_function("window.fakePeers[0].connectionState === 'connected'")
    desk.evaluate("window.fakePeers[0].become('failed')")
    until(desk, lambda: len(stage.got("offer")) == 2)
    desk.wait_for_function("window.fakePeers[1].connectionState === 'connected'")
    desk.wait_for_function("window.fakePeers[0].connectionState === 'closed'")


def test_signed_out_says_so_and_stays_away(stage: Stage, desk: Page) -> None:
    stage.hang_up(4001)
    expect(desk.locator(".signed-out")).to_be_visible()
    assert len(stage.got("hello")) == 1


def test_tiles_keep_their_places(stage: Stage, desk: Page) -> None:
    stage.console = states.busy_console()
    stage.push()
    expect(desk.locator(".tile")).to_have_count(19)
    order = [each["id"] for each in stage.console["sites"]]
    shown = "Array.from(document.querySelectorAll('.tile')).map(t => t.dataset.site)"
    assert desk.evaluate(shown) == order


def test_the_language_changes_in_place(desk: Page) -> None:
    desk.get_by_role("button", name="English").click()
    expect(desk.locator("#cut")).to_contain_text("Cut")
    assert desk.evaluate("document.documentElement.lang") == "en"


def test_muting_the_others_needs_a_second_press_and_can_be_undone(stage: Stage, desk: Page) -> None:
    desk.get_by_role("button", name="其余静音").click()
    assert stage.got("mute_all") == []
    desk.get_by_role("button", name="再按一次").click()
    until(desk, lambda: stage.got("mute_all") == [{"except": ["changsha"]}])
    stage.console["sites"][1]["muted"] = True
    stage.push()
    desk.get_by_role("button", name="恢复 1 个会场的声音").click()
    until(desk, lambda: stage.got("mute") == [{"site": "guangzhou", "muted": False}])
