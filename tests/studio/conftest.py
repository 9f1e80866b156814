"""A stage for each test; its sockets in a short path (108 bytes are the limit)."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.studio.stage import Stage, stage


@pytest_asyncio.fixture
async def show() -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="lk-") as folder:
        async with stage(Path(folder)) as made:
            yield made
