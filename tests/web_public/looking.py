"""What the tests ask of a page, in words."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Page

PROGRAM = "document.querySelector('video')"


async def time_of(page: Page) -> float:
    """Media time of the program's element, seconds."""
    return float(await page.evaluate(f"{PROGRAM}.currentTime"))


async def until(page: Page, condition: str, timeout_ms: int = 20_000) -> None:
    """Wait until a JavaScript expression holds."""
    await page.wait_for_function(condition, timeout=timeout_ms)


async def until_playing(page: Page, seconds: float = 0.5, timeout_ms: int = 20_000) -> None:
    """Wait until the picture has moved on by that much from where it is now."""
    begin = await time_of(page)
    await until(page, f"{PROGRAM}.currentTime > {begin + seconds}", timeout_ms)


async def faults_in_both_themes(page: Page) -> list[str]:
    """What axe finds wrong in the light page and in the dark one, one line each."""
    found = []
    await page.emulate_media(reduced_motion="reduce")  # or colours would be caught on their way
    for theme in ("light", "dark"):
        await page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        found += await faults_of(page)
    return found


async def faults_of(page: Page) -> list[str]:
    """What axe finds wrong, one line each."""
    results = await Axe().run(page)
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in results.response["violations"]
        for node in each["nodes"]
    ]


async def overflow_of(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))
