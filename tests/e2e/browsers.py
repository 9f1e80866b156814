"""Real Chromium browsers with fake cameras and microphones of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


@asynccontextmanager
async def chromium(
    camera: Path | None = None, microphone: Path | None = None
) -> AsyncIterator[Browser]:
    """One browser process; its camera plays this Y4M and its microphone this WAV."""
    flags = list(FLAGS)
    if camera:
        flags.append(f"--use-file-for-fake-video-capture={camera}")
    if microphone:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def page(browser: Browser, errors: list[str], **options: Any) -> AsyncIterator[Page]:
    """A page in a context of its own; what it complains of in its console goes to `errors`."""
    context = await browser.new_context(**options)
    opened = await context.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" else None,
    )
    try:
        yield opened
    finally:
        await context.close()


async def join(opened: Page, url: str) -> None:
    """Open a join link, go straight in, and wait until media flows."""
    await opened.goto(f"{url}?lang=en")
    await opened.get_by_role("button", name="Join the session").click()
    await opened.locator(".inside").wait_for()


# The colour that most of a <video> shows now, as in `pictures.colour_of`; "" without a picture.
_COLOUR = """video => {
    if (!video || !video.videoWidth) return "";
    const canvas = document.createElement("canvas");
    canvas.width = 16; canvas.height = 9;
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, 16, 9);
    const [r, g, b] = context.getImageData(8, 3, 1, 1).data;
    const strongest = Math.max(r, g, b);
    if (strongest < 60 || strongest - Math.min(r, g, b) < 50) return "none";
    return {[b]: "blue", [g]: "green", [r]: "red"}[strongest];
}"""


async def expect_colour(opened: Page, selector: str, colour: str, seconds: float = 10) -> None:
    """Wait until the video at `selector` shows this colour."""
    import asyncio

    deadline = asyncio.get_running_loop().time() + seconds
    seen = ""
    while asyncio.get_running_loop().time() < deadline:
        video = opened.locator(selector).first
        seen = await video.evaluate(_COLOUR) if await video.count() else "no element"
        if seen == colour:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{selector} shows {seen!r}, not {colour!r}")
