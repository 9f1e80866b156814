"""Pictures of the branch page and the console in every state, size and language, to be looked at.

`python -m tests.web.photos FOLDER [NAME …]` writes PNGs; NAME picks shots by the start of their
names.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.web import states
from tests.web.browsers import launch, window
from tests.web.stage import Stage

SIZES = {360: 740, 768: 1024, 1280: 720, 1920: 1080}
LEVELS = {each: -14 - n * 3 for n, each in enumerate(["changsha", "school", "port", "guangzhou"])}

INSIDE = {
    "watching": states.site_state,
    "air": states.site_on_air,
    "next": states.site_next_with_note,
    "trouble": states.site_in_trouble,
    "waiting": states.site_before,
}
DESK = {
    "normal": states.console_state,
    "busy": states.busy_console,
    "empty": states.empty_console,
}


def main(folder: Path, wanted: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with Stage() as stage, sync_playwright() as playwright:
        browser = launch(playwright)
        for width, height in SIZES.items():
            for language in ("zh", "en"):
                shots = Shots(stage, browser, width, height, language, folder, wanted)
                shots.lobby()
                shots.inside()
                shots.ended()
                shots.desk()
        browser.close()


class Shots:
    def __init__(
        self, stage: Stage, browser: Browser, width: int, height: int,
        language: str, folder: Path, wanted: list[str],
    ) -> None:  # fmt: skip
        self.stage, self.browser, self.language = stage, browser, language
        self.width, self.height = width, height
        self.folder, self.wanted = folder, wanted

    def name(self, what: str) -> str:
        return f"{what}-{self.width}-{self.language}"

    def is_wanted(self, what: str) -> bool:
        return not self.wanted or any(self.name(what).startswith(each) for each in self.wanted)

    def shoot(self, page: Page, what: str) -> None:
        page.wait_for_timeout(600)  # let pictures come and transitions end
        page.screenshot(path=self.folder / f"{self.name(what)}.png", full_page=self.width < 1000)

    def open(self, path: str) -> Page:
        page = window(self.browser, self.width, self.height).new_page()
        page.on("pageerror", lambda error: print("PAGE ERROR", error))
        page.goto(f"{self.stage.url}{path}?lang={self.language}")
        return page

    def lobby(self) -> None:
        if not self.is_wanted("lobby"):
            return
        page = self.open("/join/t")
        page.wait_for_timeout(2500)
        self.shoot(page, "lobby-1")
        for n in (2, 3):
            page.locator(".step-head").nth(n - 1).click()
            self.shoot(page, f"lobby-{n}")
        page.context.close()

    def inside(self) -> None:
        if not any(self.is_wanted(f"inside-{each}") for each in INSIDE):
            return
        self.stage.site = states.site_state()
        page = self.open("/join/t")
        page.locator("#enter").click()
        page.locator(".inside").wait_for()
        for what, make in INSIDE.items():
            self.show_site(page, make(), f"inside-{what}")
        page.context.close()

    def show_site(self, page: Page, state: dict[str, Any], what: str) -> None:
        if self.is_wanted(what):
            self.stage.site = state
            self.stage.push()
            self.stage.levels(LEVELS)
            self.shoot(page, what)

    def ended(self) -> None:
        if not self.is_wanted("ended"):
            return
        page = self.open("/join/t")
        page.locator("#enter").click()
        page.locator(".inside").wait_for()
        page.wait_for_timeout(300)
        self.stage.hang_up(4003)
        self.shoot(page, "ended-taken")
        page.context.close()

    def desk(self) -> None:
        if not any(self.is_wanted(f"desk-{each}") for each in [*DESK, "help"]):
            return
        page = self.open("/console")
        page.locator("#app > *").first.wait_for()
        for what, make in DESK.items():
            if self.is_wanted(f"desk-{what}"):
                self.stage.console = make()
                self.stage.push()
                self.stage.levels(LEVELS | {"program": -16})
                self.shoot(page, f"desk-{what}")
        if self.is_wanted("desk-help"):
            page.keyboard.press("h")
            self.shoot(page, "desk-help")
        page.context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
