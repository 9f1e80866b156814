"""A whole linkup started from here: for the demo and for benchmarks.

The configuration is taken from a file (or made), fitted (ports, number of branches) and written
beside the data, so that the server reads a `sites.yaml` like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from linkup import config, invite
from linkup.config import Settings
from linkup.errors import ConfigError, PeerError
from linkup.supervise import NAMES, Supervisor

READY_S = 30.0
POLL_S = 0.05
# The branch sites of a first visit, when no sites.yaml is there.
_BRANCHES = (
    ("school", "育才学校分会场", "Yucai School"),
    ("tax-office", "税务中心分会场", "Tax service centre"),
    ("studio", "委员工作室", "Members' studio"),
    ("village", "河西村分会场", "Hexi village"),
    ("hospital", "第一医院分会场", "First hospital"),
    ("field", "现场督查组", "Supervision group in the field"),
)


@dataclass
class Running:
    """A linkup that runs. `url` reaches it on this machine."""

    settings: Settings
    sites: Path
    data: Path
    url: str
    supervisor: Supervisor
    session: aiohttp.ClientSession
    last_metrics: dict[str, float] = field(default_factory=dict)

    def invitation(self, role: str, site: str | None = None, name: str = "") -> invite.Invitation:
        """A signed invitation of this server."""
        return invite.make(self.data, self.settings, role, site, name=name)

    async def metrics(self) -> dict[str, float]:
        """`/metrics` without labels, by name; what was known last when control is away."""
        with contextlib.suppress(aiohttp.ClientError, OSError, ValueError, TimeoutError):
            async with self.session.get(f"{self.url}/metrics") as answer:
                text = await answer.text()
            values = {}
            for line in text.splitlines():
                name, _, value = line.rpartition(" ")
                if name and not line.startswith("#") and "{" not in name:
                    values[name] = float(value)
            self.last_metrics = values
        return self.last_metrics

    def pids(self) -> dict[str, int]:
        """Process ids by name, of those that live now."""
        return {
            name: child.process.pid
            for name, child in self.supervisor.children.items()
            if child.process is not None and child.process.returncode is None
        }


def fit(
    source: Path | None, folder: Path, *, branches: int | None = None, halls: int | None = None,
    loopback: bool = False, changes: dict[str, Any] | None = None,
) -> tuple[Path, Settings]:  # fmt: skip
    """Write a configuration with so many branches and free ports; raises `ConfigError`.

    `loopback`: listen there only. `changes`: sections that replace or add single keys.
    """
    if source is not None:
        config.load(source)  # all problems at once, with the lines of the user's own file
    raw = yaml.safe_load(source.read_text(encoding="utf-8")) if source else {}
    data: dict[str, Any] = copy.deepcopy(raw) if isinstance(raw, dict) else {}
    if halls is not None:
        data["halls"] = _cut(data.get("halls"), halls, "hall", "主会场", "Hall")
    if branches is not None:
        taken = {str(each.get("id")) for each in data.get("halls") or []}
        data["branches"] = _cut(data.get("branches"), branches, "site", "分会场", "Branch", taken)
    server = data["server"] = data.get("server") or {}
    if loopback:
        server |= {"host": "127.0.0.1", "media_host": "127.0.0.1", "public_addresses": []}
        server["tls"] = {"mode": "off"}
    for section, keys in (changes or {}).items():
        data[section] = data.get(section) or {}
        data[section] |= keys
    settings = Settings.model_validate(data)
    server["port"] = _free(settings.server.host, settings.server.port, socket.SOCK_STREAM)
    server["media_port"] = _free(
        settings.server.media_host, settings.server.media_port, socket.SOCK_DGRAM
    )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "sites.yaml"
    head = "# Made by linkup for a demo or benchmark; written anew each time.\n"
    file.write_text(head + yaml.safe_dump(data, allow_unicode=True, sort_keys=False), "utf-8")
    return file, config.load(file)


def _cut(
    given: Any, count: int, prefix: str, zh: str, en: str, taken: set[str] | None = None
) -> list[dict[str, Any]]:
    """The first `count` of what is given, with made-up ones behind when there are fewer."""
    found = [dict(each) for each in given or []][:count]
    ids = {str(each.get("id")) for each in found} | (taken or set())
    spare = [each for each in _BRANCHES if prefix == "site" and each[0] not in ids]
    number = 0
    while len(found) < count:
        if spare:
            identifier, name_zh, name_en = spare.pop(0)
        else:
            number += 1
            identifier = f"{prefix}-{number:02d}"
            name_zh, name_en = f"{zh} {number}", f"{en} {number}"
            if identifier in ids:
                continue
        found.append({"id": identifier, "name": {"zh": name_zh, "en": name_en}})
    return found


def _free(host: str, port: int, kind: socket.SocketKind) -> int:
    """The port, or a free one when somebody has it (0 asks for a free one)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in (port, 0):
        with contextlib.suppress(OSError), socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, candidate))
            return int(probe.getsockname()[1])
    if family == socket.AF_INET6 and host == "::":
        return _free("0.0.0.0", port, kind)  # a machine without IPv6
    raise ConfigError([f"server: cannot listen on {host}: no such address on this machine"])


@contextlib.asynccontextmanager
async def running(
    sites: Path, settings: Settings, data: Path, names: tuple[str, ...] = NAMES
) -> AsyncIterator[Running]:
    """Start a linkup and stop it in the end. Raises `PeerError` when it does not get ready."""
    supervisor = Supervisor(sites, data, names)
    context: ssl.SSLContext | bool = True
    if settings.server.tls.mode != "off":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # this very machine
    scheme = "http" if settings.server.tls.mode == "off" else "https"
    host = settings.server.host
    host = "127.0.0.1" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20))
    running = Running(
        settings, sites, data, f"{scheme}://{host}:{settings.server.port}", supervisor, session
    )
    try:
        await supervisor.start()
        await _ready(running)
        yield running
    finally:
        await session.close()
        await supervisor.stop()


async def _ready(running: Running) -> None:
    end = asyncio.get_running_loop().time() + READY_S
    told = "no answer"
    while asyncio.get_running_loop().time() < end:
        with contextlib.suppress(aiohttp.ClientError, OSError, ValueError):
            async with running.session.get(f"{running.url}/readyz") as answer:
                told = await answer.text()
                if _all_up(told, running.supervisor.children):
                    return
        await asyncio.sleep(POLL_S)
    raise PeerError("not-ready", f"the server did not get ready in {READY_S:g} s: {told[:300]}")


def _all_up(text: str, names: Iterable[str]) -> bool:
    """Whether the processes that were started are up (benchmarks start some only)."""
    processes = json.loads(text).get("processes", {})
    return all(processes.get(name) for name in names)


@contextlib.contextmanager
def log_to(file: Path) -> Iterator[None]:
    """What the processes write to stderr goes to a file meanwhile, so that a screen stays clear."""
    file.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    before = os.dup(2)
    with file.open("ab") as log:
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)
