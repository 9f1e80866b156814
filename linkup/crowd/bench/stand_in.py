"""Control and media played by the benchmark, so that one process can be measured alone.

Sends the packets of encoded clips at real-time pace as the packet plane would (`wire/tap.py`), and
speaks the messages of `linkup.messages` as control.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linkup import clock, messages
from linkup.crowd.clips import Clip
from linkup.supervise import Supervisor
from linkup.wire import rtcp, rtp, tap

TICK_S = 0.01
REPORT_S = 1.0


@dataclass
class _Track:
    track: tap.Track
    sequence: int = 0
    sent: int = 0  # frames


@dataclass
class _Feed:
    """One clip in a loop."""

    clip: Clip
    audio: _Track
    video: _Track
    start: float = 0.0  # s; sites do not send their key frames all at the same moment


class Tap:
    """The media process's end of the tap."""

    def __init__(self, path: Path, clips: dict[str, Clip]) -> None:
        self.dropped = 0
        self.given = 0  # packets that the reader gave us (the program's return feed)
        self._path = path
        self._readers: list[socket.socket] = []
        self._feeds = [_feed(index, name, clip) for index, (name, clip) in enumerate(clips.items())]
        self._announced = -REPORT_S

    async def run(self) -> None:
        """Listen and send until cancelled."""
        loop = asyncio.get_running_loop()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(self._path))
        listener.listen(4)
        listener.setblocking(False)
        accepting = asyncio.create_task(self._accept(listener))
        began = loop.time()
        try:
            while True:
                await asyncio.sleep(TICK_S)
                if self._readers:
                    self._tick(loop.time() - began)
                else:
                    began = loop.time()
        finally:
            accepting.cancel()
            listener.close()
            for each in self._readers:
                loop.remove_reader(each)
                each.close()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            reader, _ = await loop.sock_accept(listener)
            reader.setblocking(False)
            self._readers.append(reader)
            loop.add_reader(reader, self._read, reader)

    def _read(self, reader: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := reader.recv(tap.MAX_MESSAGE):
                self.given += sum(kind == tap.RTP for kind, *_ in tap.entries(data))
            asyncio.get_running_loop().remove_reader(reader)
            self._readers.remove(reader)

    def _tick(self, elapsed: float) -> None:
        out = bytearray()
        now = clock.now_ns()
        announce = elapsed - self._announced >= REPORT_S
        if announce:
            self._announced = elapsed
        for feed in self._feeds:
            self._send_due(feed, elapsed - feed.start, now, announce, out)
            if len(out) > tap.MAX_MESSAGE // 2:
                self._flush(out)
        self._flush(out)

    def _send_due(
        self, feed: _Feed, elapsed: float, now: int, announce: bool, out: bytearray
    ) -> None:
        for each in (feed.audio, feed.video):
            if announce:
                out += tap.track_entry(each.track, now)
            if announce and elapsed >= 0:
                ntp = rtcp.ntp_from_utc_ns(clock.utc_ns(now))
                body = tap.REPORT_BODY.pack(ntp, round(elapsed * each.track.clock_rate))
                out += tap.entry(tap.REPORT, each.track.track, now, body)
        clip = feed.clip
        while feed.audio.sent / 50 <= elapsed:
            sound = clip.sounds[feed.audio.sent % len(clip.sounds)]
            self._packet(feed.audio, feed.audio.sent * 960, True, sound.payload, now, out)
            feed.audio.sent += 1
        while feed.video.sent / clip.fps <= elapsed:
            picture = clip.pictures[feed.video.sent % len(clip.pictures)]
            timestamp = feed.video.sent * 90_000 // clip.fps
            for index, payload in enumerate(picture.payloads):
                if clip.codec == "vp8":
                    number = 0x8000 | feed.video.sent & 0x7FFF
                    head = bytes((0x90 if index == 0 else 0x80, 0x80)) + number.to_bytes(2, "big")
                    payload = head + payload
                last = index == len(picture.payloads) - 1
                self._packet(feed.video, timestamp, last, payload, now, out)
            feed.video.sent += 1

    def _packet(
        self, track: _Track, timestamp: int, marker: bool, payload: bytes, now: int, out: bytearray
    ) -> None:
        track.sequence = (track.sequence + 1) & 0xFFFF
        second = track.track.payload_type | (0x80 if marker else 0)
        head = rtp.HEADER.pack(
            0x80, second, track.sequence, timestamp & 0xFFFFFFFF, track.track.ssrc
        )
        out += tap.entry(tap.RTP, track.track.track, now, head + payload)

    def _flush(self, out: bytearray) -> None:
        if not out:
            return  # an empty message looks like the end of the stream
        for each in list(self._readers):
            try:
                each.send(out)
            except BlockingIOError:
                self.dropped += 1
            except OSError:
                continue  # closing; `_read` takes it away
        out.clear()


def _feed(index: int, name: str, clip: Clip) -> _Feed:
    def track(number: int, kind: Any, codec: Any, rate: int, payload_type: int) -> _Track:
        return _Track(
            tap.Track(
                track=number, feed=name, kind=kind, codec=codec, clock_rate=rate,
                ssrc=1000 + number, payload_type=payload_type, peer=f"{name}-1",
            )
        )  # fmt: skip

    return _Feed(
        clip,
        track(2 * index + 1, "audio", "opus", 48_000, 111),
        track(2 * index + 2, "video", clip.codec, 90_000, 96),
        start=index * 0.13,
    )


@dataclass
class Control:
    """Control's end: takes every Hello and fact, says what `greeting` gives after each Hello."""

    path: Path
    greeting: Callable[[], list[messages.AnyMessage]]
    facts: dict[type, Any] = field(default_factory=dict)  # newest of each kind
    hello: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Listen until cancelled."""
        server = await asyncio.start_unix_server(self._talk, str(self.path))
        async with server:
            await server.serve_forever()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async for message in messages.frames(reader):
                if isinstance(message, messages.Hello):
                    for each in self.greeting():
                        writer.write(messages.encode(each))
                    self.hello.set()
                elif isinstance(message, messages.Entry):
                    continue
                self.facts[type(message)] = message
        finally:
            writer.close()


@dataclass
class Alone:
    """One process of linkup with nobody else around."""

    pid: int
    control: Control
    tap: Tap


@contextlib.asynccontextmanager
async def alone(
    name: str, sites: Path, data: Path, clips: dict[str, Clip],
    greeting: Callable[[], list[messages.AnyMessage]],
) -> AsyncIterator[Alone]:  # fmt: skip
    """Start the process `name` alone, with media and control played from here."""
    supervisor = Supervisor(sites, data, (name,))
    control = Control(supervisor.place.control_socket, greeting)
    played = Tap(supervisor.place.tap_socket, clips)
    tasks = [asyncio.create_task(control.run()), asyncio.create_task(played.run())]
    await asyncio.sleep(0)
    try:
        await supervisor.start()
        await asyncio.wait_for(control.hello.wait(), 20)
        process = supervisor.children[name].process
        assert process is not None
        yield Alone(process.pid, control, played)
    finally:
        await supervisor.stop()
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended  # our own part failed: no figure is worth anything
