"""Chromium for page tests."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Playwright

FAKE_MEDIA = Path(__file__).with_name("fake_media.js")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium with fake cameras."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise RuntimeError("chromium is not installed: apt-get install chromium")
    return playwright.chromium.launch(executable_path=path, args=FLAGS)


def window(browser: Browser, width: int = 1280, height: int = 720) -> BrowserContext:
    """A new profile of this size, with drawn people in place of a media server."""
    phone = width < 500
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=phone, is_mobile=phone
    )
    context.add_init_script(path=FAKE_MEDIA)
    context.set_default_timeout(8000)
    return context
