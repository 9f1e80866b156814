"""The branch page: the checks before, the session, and everything that can end or disturb it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.web import states
from tests.web.stage import Stage
from tests.web.test_console import until


@pytest.fixture
def lobby(stage: Stage, context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto(f"{stage.url}/join/t")
    expect(page.locator("#enter")).to_be_visible()
    return page


@pytest.fixture
def inside(stage: Stage, lobby: Page) -> Page:
    lobby.locator("#enter").click()
    expect(lobby.locator(".sentence")).to_contain_text("正在播出：长沙主会场")
    return lobby


def show(stage: Stage, **more: object) -> None:
    stage.site = states.changed(states.site_state(), **more)
    stage.push()


# ---------------------------------------------------------------- before


def test_the_three_checks_end_in_words(lobby: Page) -> None:
    step = lobby.locator(".step")
    expect(step.nth(0)).to_contain_text("看得到您")
    expect(step.nth(0)).to_contain_text("听得到您", timeout=10_000)
    lobby.get_by_role("button", name="下一步").click()
    lobby.get_by_role("button", name="听到了").click()
    expect(step.nth(1)).to_contain_text("您听得到会场")
    expect(step.nth(2)).to_contain_text("线路良好")
    expect(lobby.locator(".step.current .notice.good")).to_contain_text("往返")


def test_blocked_media_is_told_as_such(stage: Stage, context: BrowserContext) -> None:
    stage.media_passes = False
    page = context.new_page()
    page.goto(f"{stage.url}/join/t")
    expect(page.locator(".step").nth(2)).to_contain_text("网页能打开")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("NotAllowedError", "没有获准使用摄像头"),
        ("NotFoundError", "没有找到摄像头"),
        ("NotReadableError", "正被别的程序使用"),
    ],
)
def test_trouble_with_devices_is_explained(
    stage: Stage, context: BrowserContext, error: str, sentence: str
) -> None:
    context.add_init_script(
        f"navigator.mediaDevices.getUserMedia = async () => "
        f"{{ throw new DOMException('', '{error}') }}"
    )
    page = context.new_page()
    page.goto(f"{stage.url}/join/t")
    expect(page.locator(".notice.warn").first).to_contain_text(sentence)
    page.locator("#enter").click()
    expect(page.locator(".inside")).to_be_visible()
    until(page, lambda: stage.got("microphone") == [{"open": False}])


def test_an_insecure_page_says_what_to_do(stage: Stage, context: BrowserContext) -> None:
    context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'mediaDevices', { get: () => undefined })"
    )
    page = context.new_page()
    page.goto(f"{stage.url}/join/t")
    expect(page.locator(".notice.warn").first).to_contain_text("https")


# ---------------------------------------------------------------- inside


def test_joining_takes_the_seat_and_offers_in_one_breath(stage: Stage, inside: Page) -> None:
    kinds = [each["type"] for each in stage.received]
    assert kinds[0] == "hello" and kinds.count("offer") == 1
    assert re.fullmatch(r"[0-9a-f]{16}", stage.received[0]["device"])
    until(inside, lambda: stage.got("microphone") == [{"open": True}])
    inside.wait_for_function("performance.getEntriesByName('linkup:first-picture').length === 1")
    expect(inside.locator(".main-picture strong")).to_have_text("长沙主会场")
    expect(inside.locator(".others li:not(.empty)")).to_have_count(2)


def test_the_three_buttons_and_their_keys(stage: Stage, inside: Page) -> None:
    inside.locator("#hand").click()
    until(inside, lambda: stage.got("hand") == [{"raised": True}])
    expect(inside.locator(".sentence")).to_contain_text("前面还有 2 位")
    inside.keyboard.press("m")
    until(inside, lambda: stage.got("microphone")[-1] == {"open": False})
    expect(inside.locator("#microphone")).to_contain_text("麦克风已关")
    inside.keyboard.press("c")
    until(inside, lambda: stage.got("camera")[-1] == {"on": False})
    inside.keyboard.press("c")
    until(inside, lambda: stage.got("camera")[-1] == {"on": True})


def test_on_air_next_and_muted_are_said_in_words(stage: Stage, inside: Page) -> None:
    show(stage, tally="air", strip={"name": "王芳", "title": "教师"})
    expect(inside.locator(".inside.air .tally")).to_have_text("播出中")
    expect(inside.locator(".sentence")).to_contain_text("您正在播出，请讲话")
    expect(inside.locator(".public")).to_contain_text("王芳")
    show(stage, tally="air", muted=True)
    expect(inside.locator(".sentence")).to_contain_text("主会场暂时关闭了您的麦克风")
    expect(inside.locator("#microphone")).to_contain_text("主会场已静音")
    show(stage, tally="next")
    expect(inside.locator(".sentence")).to_contain_text("下一个就是您")


def test_what_the_operator_wrote_stands_out(stage: Stage, inside: Page) -> None:
    show(stage, note={"text": "<b>两分钟后轮到您</b>", "at": states.NOW})
    expect(inside.locator(".note-text")).to_have_text("<b>两分钟后轮到您</b>")


def test_the_large_picture_can_be_the_program(stage: Stage, inside: Page) -> None:
    inside.get_by_role("button", name="播出画面").click()
    until(inside, lambda: stage.got("main") == [{"show": "program"}])


# ---------------------------------------------------------------- disturbances


def test_a_lost_line_comes_back_with_the_same_media(stage: Stage, inside: Page) -> None:
    inside.wait_for_function("window.fakePeers[0].connectionState === 'connected'")
    stage.hang_up(1006)
    until(inside, lambda: stage.got("hello")[1:2] != [])
    assert stage.got("hello")[1]["peer"] == "p1"
    assert len(stage.got("offer")) == 1


def test_a_peer_that_the_server_forgot_is_made_anew(stage: Stage, inside: Page) -> None:
    inside.wait_for_function("window.fakePeers[0].connectionState === 'connected'")
    stage.peers.clear()
    stage.hang_up(1012)
    until(inside, lambda: len(stage.got("offer")) == 2)


def test_a_reload_goes_straight_back_inside(stage: Stage, inside: Page) -> None:
    device = stage.got("hello")[0]["device"]
    inside.reload()
    expect(inside.locator(".inside")).to_be_visible()
    until(inside, lambda: len(stage.got("hello")) == 2)
    assert stage.got("hello")[1]["device"] == device


def test_a_taken_seat_is_not_fought_over(stage: Stage, inside: Page) -> None:
    stage.hang_up(4003)
    expect(inside.get_by_role("alert")).to_contain_text("另一台设备")
    assert len(stage.got("hello")) == 1
    inside.get_by_role("button", name="在这台设备上参加").click()
    until(inside, lambda: len(stage.got("hello")) == 2)


def test_dropped_by_the_hall(stage: Stage, inside: Page) -> None:
    stage.say_goodbye("dropped", "主会场结束了您的连接", "The hall ended your connection")
    stage.hang_up(4003)
    expect(inside.get_by_role("alert")).to_contain_text("主会场结束了您的连接")


def test_a_link_that_no_longer_works(stage: Stage, inside: Page) -> None:
    stage.hang_up(4001)
    expect(inside.get_by_role("alert")).to_contain_text("链接已失效")


def test_leaving_needs_a_second_press(stage: Stage, inside: Page) -> None:
    inside.locator(".leave").click()
    assert stage.got("leave") == []
    inside.locator(".leave").click()
    expect(inside.get_by_role("alert")).to_contain_text("您已离开会场")
    until(inside, lambda: stage.got("leave") == [{}])


def test_a_silent_media_connection_is_asked_about(stage: Stage, inside: Page) -> None:
    inside.wait_for_function("window.fakePeers[0].connectionState === 'connected'")
    stage.peers.clear()  # the media process died and came back: nobody knows the peer
    show(stage, slots=[None] * 4)
    until(inside, lambda: stage.got("hello")[-1].get("peer") == "p1")
    until(inside, lambda: len(stage.got("offer")) == 2)
