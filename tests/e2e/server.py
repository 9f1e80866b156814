"""A whole linkup as a newcomer starts it: `linkup serve` in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from linkup import invite
from linkup.config import Settings, load

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Server:
    """A running server. `url` is without a slash at the end."""

    sites: Path
    data: Path
    log: Path
    process: asyncio.subprocess.Process | None = None
    url: str = ""
    children: dict[str, int] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return load(self.sites)

    async def start(self) -> None:
        """Start, and wait until all four processes are ready."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "linkup", "serve",
                "--sites", str(self.sites), "--data", str(self.data),
                stderr=log, stdout=log, env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        await self.wait(self._ready, 20, "the server to be ready")

    async def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.process.wait(), 30)
        except TimeoutError:
            self.process.kill()
            raise

    async def wait(self, condition: Any, seconds: float, what: str) -> Any:
        """Poll an async condition until it gives something true."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            result = await condition()
            if result:
                return result
            if asyncio.get_running_loop().time() > deadline:
                tail = self.log.read_text(errors="replace")[-4000:]
                raise AssertionError(f"waited {seconds} s for {what}\n{tail}")
            await asyncio.sleep(0.1)

    def pids(self) -> dict[str, int]:
        """The four processes, by name, from /proc."""
        found: dict[str, int] = {}
        assert self.process is not None
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parts = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            if parent == self.process.pid and b"process" in parts:
                found[parts[parts.index(b"process") + 1].decode()] = int(entry.name)
        return found

    def kill(self, name: str) -> int:
        """`kill -9` of one of the four; returns its pid."""
        pid = self.pids()[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def invite(self, role: str, site: str | None = None) -> invite.Invitation:
        """An invitation signed with this server's key."""
        return invite.make(self.data, self.settings, role, site=site)  # type: ignore[arg-type]

    async def status(self) -> dict[str, Any]:
        """What the console would see."""
        token = self.invite("operator").token
        return await self.get("/api/v1/status", token)

    async def get(self, path: str, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.url + path, headers=headers) as response,
        ):
            body = await response.read()
            if response.status != 200:
                raise AssertionError(f"{path}: {response.status} {body[:300]!r}")
            if "json" in response.content_type:
                return json.loads(body)
            return body

    async def _ready(self) -> bool:
        assert self.process is not None
        if self.process.returncode is not None:
            raise AssertionError(self.log.read_text(errors="replace")[-4000:])
        if not self.url:
            self.url = self._address()
        if not self.url:
            return False
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(self.url + "/readyz") as response,
            ):
                return response.status == 200
        except aiohttp.ClientError:
            return False

    def _address(self) -> str:
        settings = self.settings
        return f"http://127.0.0.1:{settings.server.port}"
