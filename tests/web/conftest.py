from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.web.browsers import launch, window
from tests.web.stage import DIST, Stage

WEB = Path(__file__).resolve().parents[2] / "web"


@pytest.fixture(scope="session")
def built() -> None:
    """The pages, built now if nobody has built them yet."""
    if (DIST / "manifest.json").exists():
        return
    node = shutil.which("node")
    assert node, "web/dist is missing and there is no node to build it: run `make setup`"
    subprocess.run([node, "build.mjs"], cwd=WEB, check=True, capture_output=True)


# Not for the whole session: Playwright's event loop must be gone before asynchronous tests.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def stage(built: None) -> Iterator[Stage]:
    with Stage() as playing:
        yield playing


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    profile = window(browser)
    yield profile
    profile.close()
