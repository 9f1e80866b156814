"""The receivers of load, in a process of their own that only counts.

Told what to do by JSON lines on stdin, answers by JSON lines on stdout:
    {"do": "connect", "count": N}          N more receivers → {"connected": total, "failed": …}
    {"do": "mark"}                         count anew from now on
    {"do": "read"}                         → packets, lost, cpu_s, decrypted, latencies_us, …
Each receiver is a real WebRTC peer (ICE, DTLS, SRTP, consent, receiver reports). After that its
packets are only counted by their sequence numbers (`drain`); some are decrypted as a proof, and
those of a few probes are all decrypted, for the time that the publisher wrote into them and the
time at which the kernel got them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
import time
from collections import deque
from typing import Any

import aiohttp
import pylibsrtp

from linkup.crowd.bench.drain import Count, Drain
from linkup.crowd.bench.janus import JanusSession
from linkup.crowd.bench.source import MARK, TAIL
from linkup.crowd.link import Link, Remote
from linkup.crowd.offers import Wish, build, read
from linkup.crowd.whip import Resource
from linkup.errors import LinkupError
from linkup.wire import rtcp

TICK_S = 0.01
REPORT_S = 1.0
AT_ONCE = 8  # connections being made at the same time
SO_TIMESTAMPNS = 35  # socket(7), x86 and ARM
_TIMESPEC = struct.Struct("@qq")
SAMPLES = 200_000  # latencies kept


class Subscriber:
    """One receiver."""

    def __init__(self, probe: bool) -> None:
        self.link = Link()
        self.probe = probe
        self.count = Count()
        self.ssrc = 0
        self.latencies: deque[int] = deque(maxlen=SAMPLES)  # µs
        if probe:
            self.link.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    async def by_whep(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        """Connect to ours."""
        wish = Wish(audio=False, video=None, video_slots=1, audio_slots=0)
        offered = build(wish, self.link.addresses)
        answered = read(await Resource(session, url, token).signal(offered.sdp))
        self.ssrc = answered.sections[0].ssrcs[0] if answered.sections[0].ssrcs else 1
        remote = Remote(
            answered.credentials, answered.fingerprint, answered.candidates, answered.setup
        )
        await self.link.connect(offered.credentials, remote)

    async def by_janus(self, session: JanusSession, feed: int) -> None:
        """Connect to Janus."""
        offered = await session.subscribe(feed, self.link.addresses)
        theirs = read(offered.sdp)
        self.ssrc = theirs.sections[0].ssrcs[0] if theirs.sections[0].ssrcs else 1
        remote = Remote(theirs.credentials, theirs.fingerprint, theirs.candidates, "passive")
        await self.link.connect(offered.credentials, remote)

    def only_count(self) -> None:
        """From now on the drain reads the socket, not the link."""
        asyncio.get_running_loop().remove_reader(self.link.socket)

    def other(self, data: bytes) -> None:
        """Consent answers keep the link alive; reports are not needed."""
        if data and data[0] < 4:
            self.link.take(data, self.link.peer)

    def decrypt_one(self) -> bool | None:
        """Read one packet and decrypt it, as a proof that the load is real. None: none came."""
        try:
            data = self.link.socket.recv(2048)
        except (BlockingIOError, OSError):
            return None
        if not 127 < data[0] < 192 or 192 <= data[1] <= 223:
            self.other(data)
            return None
        self.count.add(int.from_bytes(data[2:4], "big"))
        return self._open(data) is not None

    def _open(self, data: bytes) -> bytes | None:
        assert self.link.dtls is not None
        try:
            packet: bytes = self.link.dtls.inbound.unprotect(data)
        except pylibsrtp.Error:
            return None
        return packet

    def read_probe(self) -> None:
        """All that waits, with the kernel's time of arrival."""
        while True:
            try:
                data, extra, _, _ = self.link.socket.recvmsg(2048, 64)
            except (BlockingIOError, OSError):
                return
            if not 127 < data[0] < 192 or 192 <= data[1] <= 223:
                self.other(data)
                continue
            self.count.add(int.from_bytes(data[2:4], "big"))
            packet = self._open(data)
            if packet is None or not extra:
                continue
            seconds, nanoseconds = _TIMESPEC.unpack(extra[0][2])
            mark, sent = TAIL.unpack_from(packet, len(packet) - TAIL.size)
            if mark == MARK:
                self.latencies.append((seconds * 1_000_000_000 + nanoseconds - sent) // 1000)

    def report(self) -> None:
        """A receiver report, as browsers send one."""
        block = rtcp.Block(self.ssrc, 0, 0, self.count.highest, 0, 0, 0)
        report = rtcp.ReceiverReport(1, (block,))
        self.link.send_rtcp(rtcp.build(report, rtcp.Description(1, "load")))


class Receivers:
    """All receivers of this process."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        self._all: list[Subscriber] = []
        self._drain = Drain()
        self._failed: list[str] = []
        self._decrypted = self._spoilt = 0
        self._next_sample = 0
        self._cpu = time.process_time()
        self._marked = time.monotonic()
        self._late = 0

    async def run(self) -> None:
        """Until stdin ends."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        counting = asyncio.create_task(self._count())
        timeout = aiohttp.ClientTimeout(total=60)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            janus = None
            if self._spec["kind"] == "janus":
                janus = JanusSession(session, self._spec["url"])
                await janus.open()
            while line := await reader.readline():
                reply = await self._obey(json.loads(line), session, janus)
                print(json.dumps(reply), flush=True)
            counting.cancel()
            for each in self._all:
                each.link.close()
            if janus is not None:
                await janus.close()

    async def _obey(
        self, order: dict[str, Any], session: aiohttp.ClientSession, janus: JanusSession | None
    ) -> dict[str, Any]:
        if order["do"] == "connect":
            await self._connect(order["count"], session, janus)
            return {"connected": len(self._all), "failed": self._failed}
        if order["do"] == "mark":
            for each in self._all:
                each.count.mark()
                each.latencies.clear()
            self._cpu, self._marked = time.process_time(), time.monotonic()
            self._decrypted = self._spoilt = self._late = 0
            return {"marked": True}
        return self._read()

    def _read(self) -> dict[str, Any]:
        seconds = time.monotonic() - self._marked
        packets = sum(each.count.packets for each in self._all)
        expected = sum(each.count.expected for each in self._all)
        latencies = [value for each in self._all for value in each.latencies]
        return {
            "seconds": seconds,
            "packets": packets,
            "expected": expected,
            "silent": sum(each.count.packets == 0 for each in self._all),
            "lost": max(0, expected - packets),
            "decrypted": self._decrypted,
            "spoilt": self._spoilt,
            "cpu_s": time.process_time() - self._cpu,
            "late_ticks": self._late,
            "latencies_us": latencies,
        }

    async def _connect(
        self, count: int, session: aiohttp.ClientSession, janus: JanusSession | None
    ) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            probe = number < self._spec.get("probes", 0)
            each = Subscriber(probe)
            async with gate:
                try:
                    if janus is not None:
                        await each.by_janus(janus, self._spec["feed"])
                    else:
                        await each.by_whep(session, self._spec["url"], self._spec["token"])
                except (LinkupError, TimeoutError, aiohttp.ClientError) as error:
                    self._failed.append(str(error))
                    each.link.close()
                    return
            each.only_count()
            self._all.append(each)

        await asyncio.gather(*(one(len(self._all) + number) for number in range(count)))

    async def _count(self) -> None:
        """The tick: everything that waits in every socket, a sample of it decrypted."""
        loop = asyncio.get_running_loop()
        tick = loop.time()
        turn = 0
        while True:
            self._sample()
            everyone = list(self._all)
            for index, each in enumerate(everyone):
                if each.probe:
                    each.read_probe()
                else:
                    self._drain.drain(each.link.socket, each.count, each.other)
                if index % 100 == turn % 100:  # each once a second, not all at once
                    each.report()
            turn += 1
            tick += TICK_S
            now = loop.time()
            if now > tick + TICK_S:
                self._late += 1
                tick = now
            await asyncio.sleep(max(0.0, tick - now))

    def _sample(self) -> None:
        if not self._all:
            return
        self._next_sample = (self._next_sample + 1) % len(self._all)
        each = self._all[self._next_sample]
        if not each.probe and (good := each.decrypt_one()) is not None:
            self._decrypted += 1
            self._spoilt += not good


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(Receivers(json.loads(sys.argv[1])).run())
