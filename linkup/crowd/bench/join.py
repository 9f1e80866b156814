"""From the click on "join" to the first remote picture, in a real Chromium on the real page."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

from linkup.crowd.bench.figures import machine, quantile
from linkup.crowd.bench.stage import Stage, stage
from linkup.errors import MissingError, PeerError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
PICTURE_S = 10.0
# Times of the click and of the first frame that a remote <video> has put on the screen
# (requestVideoFrameCallback), both of the page's own clock.
_WATCH = """
(() => {
  const seen = new WeakSet();
  window.linkupBench = {clicked: 0, shown: 0};
  document.addEventListener("click", (event) => {
    if (event.target.closest && event.target.closest("#enter")) {
      window.linkupBench.clicked = performance.now();
    }
  }, true);
  const look = () => {
    for (const video of document.querySelectorAll(".main-picture video, .others video")) {
      if (seen.has(video)) continue;
      seen.add(video);
      video.requestVideoFrameCallback((now) => { window.linkupBench.shown ||= now; });
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""


def run(joins: int = 8) -> dict[str, Any]:
    """`first_picture_ms` over so many joins."""
    return asyncio.run(_run(joins))


async def _run(joins: int) -> dict[str, Any]:
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        raise MissingError("chromium", "Chromium is not installed (Debian: chromium).")
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        raise MissingError("playwright", "pip install playwright: it drives Chromium.") from None
    with tempfile.TemporaryDirectory(prefix="linkup-bench-") as place:
        async with stage(Path(place), branches=2) as show, async_playwright() as playwright:
            # The last site's seat is for the browser.
            await show.crowd[-1].stop()
            browser = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
            try:
                times = [await _join(show, browser) for _ in range(joins + 1)]
            finally:
                await browser.close()
    # The first visit also loads the browser's own parts from disk.
    measured = times[1:]
    return {
        "first_picture_ms": {
            "p50": round(quantile(measured, 0.5), 1),
            "p95": round(quantile(measured, 0.95), 1),
        },
        "first_visit_ms": round(times[0], 1),
        "joins": len(measured),
        "machine": machine(),
    }


async def _join(show: Stage, browser: Any) -> float:
    site = show.crowd[-1].site
    # By localhost, where cameras are allowed without TLS.
    base = show.server.url.replace("127.0.0.1", "localhost")
    url = f"{base}/join/{show.server.invitation('site', site).token}"
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.add_init_script(_WATCH)
        await page.goto(url)
        button = page.locator("#enter")
        await button.wait_for()
        # A person looks at their own picture first: the camera is open by then.
        await page.wait_for_timeout(1200)
        await button.click()
        return await _first_picture(page)
    finally:
        await context.close()


async def _first_picture(page: Any) -> float:
    """Milliseconds from the click to the first frame. Asked by the debugger's own way: the page's
    policy forbids to evaluate text inside it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PICTURE_S
    while loop.time() < end:
        times = await page.evaluate("window.linkupBench")
        if times["shown"]:
            return float(times["shown"] - times["clicked"])
        await asyncio.sleep(0.05)
    raise PeerError("join", f"no picture within {PICTURE_S:g} s")
