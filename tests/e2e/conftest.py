"""A running linkup for each test of this folder."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.crowd import footage
from tests.e2e.server import Server

__all__ = ["footage"]

SITES = """\
consultation: {{id: test, title: {{zh: 测试协商会, en: Test consultation}}}}
halls:
  - {{id: main, name: {{zh: 主会场, en: Main hall}}}}
branches:
  - id: one
    name: {{zh: 一号会场, en: Site one}}
    people: [{{name: {{zh: 李明, en: Li Ming}}, title: {{zh: 委员, en: Member}}}}]
  - {{id: two, name: {{zh: 二号会场, en: Site two}}}}
  - {{id: three, name: {{zh: 三号会场, en: Site three}}}}
server: {{host: 127.0.0.1, port: {port}, media_host: 127.0.0.1, media_port: {media_port}}}
program: {{width: 640, height: 360, video_kbps: 800, preset: ultrafast}}
{more}
"""


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that nobody uses at this moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configure(folder: Path, more: str = "") -> Server:
    """A server that is not started yet, with free ports."""
    sites = folder / "sites.yaml"
    sites.write_text(
        SITES.format(port=free_port(), media_port=free_port(socket.SOCK_DGRAM), more=more),
        encoding="utf-8",
    )
    return Server(sites, folder / "data", folder / "server.log")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A running server; its last words are shown when a test fails."""
    running = configure(tmp_path)
    await running.start()
    yield running
    await running.stop()
    print(running.log.read_text(errors="replace")[-3000:])
