"""The publisher of load: packets of one size at an even rate, each with the time it was sent.

They look like VP8 to a server (descriptor, frames of a thirtieth of a second, a key frame each
second); what is inside is noise, and at the end a mark and a time for the latency benchmark.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import struct
import time

from linkup import clock
from linkup.crowd.link import Link
from linkup.crowd.offers import Section
from linkup.wire import rtcp, rtp

PACKET = 1160  # bytes of a whole RTP packet before encryption
TICK_S = 0.005  # how browsers pace
MARK = b"linkup-b"
TAIL = struct.Struct("!8sQ")  # mark, CLOCK_REALTIME ns
_KEY = bytes((0x10, 0, 0, 0x9D, 0x01, 0x2A)) + struct.pack("<HH", 1280, 720)  # RFC 6386 §9.1
_DELTA = bytes((0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0))


class Source:
    """Sends `packets_per_s`; 0: nothing."""

    def __init__(self, link: Link, section: Section, ssrc: int) -> None:
        self.packets_per_s = 0
        self.sent = 0
        self.plis = self.nacks = 0
        self._link, self._ssrc = link, ssrc
        self._payload_type = section.payload_type("vp8") or 96
        mid = section.extensions.get(rtp.URI_MID)
        self._extension = rtp.pack_elements({mid: section.mid.encode()} if mid else {})
        self._sequence = secrets.randbits(15)
        self._picture = secrets.randbits(14)
        self._base = secrets.randbits(31)
        self._noise = os.urandom(PACKET)
        self._left = 0  # packets of the present frame
        self._key_at = 0.0
        self._began = time.monotonic()
        self._timestamp = 0
        link.on_rtcp = self._take

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        due, tick, reported = 0.0, loop.time(), 0.0
        while True:
            due += self.packets_per_s * TICK_S
            count, due = int(due), due - int(due)
            for _ in range(count):
                self._send()
            now = loop.time()
            if now - reported > 1:
                reported = now
                self._report()
            tick += TICK_S
            if tick < now - 0.1:  # the machine slept: do not send it all at once
                tick = now
            await asyncio.sleep(max(0.0, tick - now))

    def _send(self) -> None:
        begins = self._left == 0
        if begins:
            self._begin_frame()
        self._left -= 1
        self._sequence = (self._sequence + 1) & 0xFFFF
        first = 0x90 if self._extension else 0x80
        second = self._payload_type | (0x80 if self._left == 0 else 0)
        head = rtp.HEADER.pack(first, second, self._sequence, self._timestamp, self._ssrc)
        head += self._extension
        head += struct.pack("!BBH", 0x90 if begins else 0x80, 0x80, 0x8000 | self._picture)
        if begins:
            head += _KEY if self._key else _DELTA
        filling = self._noise[: PACKET - len(head) - TAIL.size]
        self._link.send_rtp(head + filling + TAIL.pack(MARK, time.time_ns()))
        self.sent += 1

    def _begin_frame(self) -> None:
        now = time.monotonic()
        self._left = max(1, self.packets_per_s // 30)
        self._picture = (self._picture + 1) & 0x7FFF
        self._timestamp = (self._base + round((now - self._began) * 90_000)) & 0xFFFFFFFF
        self._key = now - self._key_at >= 1
        if self._key:
            self._key_at = now

    def _report(self) -> None:
        now = clock.now_ns()
        timestamp = self._base + round((time.monotonic() - self._began) * 90_000)
        ntp = rtcp.ntp_from_utc_ns(clock.utc_ns(now))
        report = rtcp.SenderReport(self._ssrc, ntp, timestamp, self.sent, self.sent * PACKET)
        self._link.send_rtcp(rtcp.build(report, rtcp.Description(self._ssrc, "load")))

    def _take(self, data: bytes) -> None:
        for report in rtcp.parse(data):
            if isinstance(report, rtcp.Pli | rtcp.Fir):
                self.plis += 1
                if time.monotonic() - self._key_at > 0.2:
                    self._key_at = 0.0
            elif isinstance(report, rtcp.Nack):
                self.nacks += 1
