"""A wheel carries the pages and runs on a machine without Node and without this checkout."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.conftest import SITES, free_port

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    return next(folder.glob("linkup_consult-*.whl"))


def test_it_contains_the_pages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("linkup/web/dist/manifest.json"))
    for page in ("join", "console", "watch", "review", "home", "sign-in", "message"):
        assert f"linkup/web/templates/{page}.html" in names
        assert f"linkup/web/dist/{manifest[f'{page}.js']}" in names


async def test_it_serves_pages_from_anywhere(wheel: Path, tmp_path: Path) -> None:
    import socket

    place = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    port, media = free_port(), free_port(socket.SOCK_DGRAM)
    sites = tmp_path / "sites.yaml"
    sites.write_text(SITES.format(port=port, media_port=media, more=""), encoding="utf-8")
    environment = {
        "PYTHONPATH": str(place),  # the wheel alone; the libraries are those of this machine
        "PATH": "/nowhere",
        "HOME": str(tmp_path),
        **{key: os.environ[key] for key in ("LANG", "LC_ALL") if key in os.environ},
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "linkup", "serve", "--sites", str(sites), "--data",
        str(tmp_path / "data"), env=environment, cwd=tmp_path,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session:
            for _ in range(150):
                try:
                    async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)
            async with session.get(f"http://127.0.0.1:{port}/") as answer:
                page = await answer.text()
            assert answer.status == 200
            script = page.split('src="')[1].split('"')[0]
            async with session.get(f"http://127.0.0.1:{port}{script}") as answer:
                assert answer.status == 200
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0
