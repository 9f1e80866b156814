"""What every state of the pages must keep: no accessibility fault, nothing wider than the window,
no address outside; and the preview composed with the program's own numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from linkup.show import scene
from tests.web import states
from tests.web.browsers import window
from tests.web.stage import DIST, Stage

WEB = Path(__file__).resolve().parents[2] / "web"


def faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary']}"
        for each in found
        for node in each["nodes"][:3]
    ]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


SIZES = ((360, 740), (768, 1024), (1280, 720), (1920, 1080))


def fit_everywhere(page: Page) -> None:
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert fits(page), f"wider than the window at {width}"


@pytest.mark.parametrize(("width", "language"), [(360, "zh"), (1280, "en")])
def test_the_branch_page(stage: Stage, browser: Browser, width: int, language: str) -> None:
    context = window(browser, width)
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{stage.url}/join/t?lang={language}")
    expect(page.locator(".step .finding.good").first).to_be_visible()
    assert not faults(page)
    page.locator("#enter").click()
    expect(page.locator(".inside")).to_be_visible()
    for state in (states.site_on_air(), states.site_in_trouble(), states.site_next_with_note()):
        stage.site = state
        stage.push()
        expect(page.locator(f".inside.{state['tally']}")).to_be_visible()
        assert not faults(page)
    assert all(url.startswith((stage.url, "data:", "blob:")) for url in asked)
    fit_everywhere(page)
    context.close()


@pytest.mark.parametrize(("width", "language"), [(768, "zh"), (1280, "en")])
def test_the_console(stage: Stage, browser: Browser, width: int, language: str) -> None:
    stage.console = states.busy_console()
    context = window(browser, width)
    page = context.new_page()
    page.goto(f"{stage.url}/console?lang={language}")
    expect(page.locator(".tile")).to_have_count(19)
    page.keyboard.press("h")
    expect(page.locator(".help")).to_be_visible()
    assert not faults(page)
    fit_everywhere(page)
    context.close()


def test_the_preview_is_composed_with_the_program_s_numbers() -> None:
    table = json.loads((WEB / "src/console/scene.json").read_text())
    theirs = {
        layout: [
            [[each["x"], each["y"], each["width"], each["height"]] for each in places]
            for places in by_count
        ]
        for layout, by_count in scene.data().items()
    }
    assert table == theirs


def test_no_built_file_names_an_address_outside(built: None) -> None:
    allowed = ("http://www.w3.org/", "https://hlsjs", "https://github.com")
    manifest = json.loads((DIST / "manifest.json").read_text())
    for name in ("join.js", "join.css", "console.js", "console.css", "fonts.css"):
        text = (DIST / manifest[name]).read_text()
        for start in ("http://", "https://"):
            at = text.find(start)
            while at >= 0:
                assert text[at : at + 60].startswith(allowed[:1]), (name, text[at : at + 80])
                at = text.find(start, at + 1)
