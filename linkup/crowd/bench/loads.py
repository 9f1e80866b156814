"""A server under load: one publisher here, receivers in a process of their own.

The same generator for ours and for Janus, so that only the server differs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from linkup.crowd.bench.figures import cpu_ns
from linkup.crowd.bench.janus import JanusSession, janus, publisher_offer
from linkup.crowd.bench.source import Source
from linkup.crowd.link import Link, Remote
from linkup.crowd.offers import read
from linkup.crowd.running import fit, log_to, running
from linkup.crowd.whip import Resource
from linkup.errors import PeerError

SITE = "main"  # the hall of the default configuration
LIMIT = 1 << 24  # bytes of a line from the receivers: latencies are many
WARM_S = 0.7  # after a change of load, before it is measured


@dataclass
class Sample:
    """One load, measured."""

    subscribers: int
    packets_per_s: int
    us_per_packet: float
    loss: float
    receivers: dict[str, Any]


class Receiving:
    """The process of receivers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Give an order and wait for its answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **fields}).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), 60)
        if not line:
            raise PeerError("receivers", "the process of receivers ended")
        reply: dict[str, Any] = json.loads(line)
        return reply


@contextlib.asynccontextmanager
async def receivers(spec: dict[str, Any]) -> AsyncIterator[Receiving]:
    """Start the process of receivers; it ends when its stdin does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "linkup.crowd.bench.receivers", json.dumps(spec),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LIMIT,
    )  # fmt: skip
    try:
        yield Receiving(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass
class Rig:
    """A server with a publisher and its receivers."""

    pid: int  # of the process that forwards
    source: Source
    receiving: Receiving
    subscribers: int = 0

    async def measure(self, subscribers: int, packets_per_s: int, seconds: float) -> Sample:
        """Put on a load and measure it."""
        if subscribers > self.subscribers:
            # A little load meanwhile: a receiver's first picture needs a key frame.
            self.source.packets_per_s = 60
            done = await self.receiving.ask("connect", count=subscribers - self.subscribers)
            if done["connected"] < subscribers:
                reasons = "; ".join(done["failed"][:3])
                raise PeerError("load", f"{done['connected']} of {subscribers} joined: {reasons}")
            self.subscribers = subscribers
            await asyncio.sleep(1.1)  # a key frame for everybody
        self.source.packets_per_s = packets_per_s
        await asyncio.sleep(WARM_S)
        await self.receiving.ask("mark")
        cpu = cpu_ns(self.pid)
        await asyncio.sleep(seconds)
        cpu = cpu_ns(self.pid) - cpu
        counted = await self.receiving.ask("read")
        if not counted["packets"]:
            raise PeerError("load", "no packet came through")
        return Sample(
            subscribers,
            packets_per_s,
            round(cpu / 1000 / counted["packets"], 2),
            counted["lost"] / max(1, counted["expected"]),
            counted,
        )


@contextlib.asynccontextmanager
async def ours(probes: int = 0) -> AsyncIterator[Rig]:
    """Our control and media processes; recording and mixing are not part of forwarding."""
    with tempfile.TemporaryDirectory(prefix="linkup-bench-") as place:
        folder = Path(place)
        changes = {"server": {"port": 0, "media_port": 0}}
        file, settings = fit(None, folder, loopback=True, changes=changes)
        with log_to(folder / "server.log"):
            async with running(file, settings, folder, ("control", "media")) as server:
                token = server.invitation("operator", name="bench").token
                publisher = server.invitation("site", SITE).token
                link = Link()
                offered = publisher_offer(link.addresses)
                resource = Resource(server.session, f"{server.url}/whip/{SITE}", publisher)
                spec = {
                    "kind": "whep", "url": f"{server.url}/whep/{SITE}", "token": token,
                    "probes": probes,
                }  # fmt: skip
                answered = await resource.signal(offered.sdp)
                async with _rig(link, offered, answered, server.pids()["media"], spec) as rig:
                    yield rig


@contextlib.asynccontextmanager
async def theirs(probes: int = 0) -> AsyncIterator[Rig]:
    """Janus."""
    async with janus() as server, aiohttp.ClientSession() as session:
        room = JanusSession(session, server.url)
        await room.open()
        try:
            link = Link()
            offered = publisher_offer(link.addresses)
            answered, feed = await room.publish(offered.sdp)
            spec = {"kind": "janus", "url": server.url, "feed": feed, "probes": probes}
            async with _rig(link, offered, answered, server.pid, spec) as rig:
                yield rig
        finally:
            await room.close()


@contextlib.asynccontextmanager
async def _rig(
    link: Link, offered: Any, answer: str, pid: int, spec: dict[str, Any]
) -> AsyncIterator[Rig]:
    answered = read(answer)
    remote = Remote(answered.credentials, answered.fingerprint, answered.candidates, answered.setup)
    await link.connect(offered.credentials, remote)
    source = Source(link, answered.sections[0], offered.video_ssrc)
    sending = asyncio.create_task(source.run())
    try:
        async with receivers(spec) as receiving:
            yield Rig(pid, source, receiving)
    finally:
        sending.cancel()
        link.close()
