"""The program process: decode what is on air and next, mix, encode, give to the world.

Three kinds of threads: the event loop (packets, commands, facts), the clock (pictures and sound of
each moment, `linkup.program.mixer`), and workers that the clock never waits for (a decoder a feed,
the encoders, drawings). Nothing is asked of control: after `Hello` it sends `Compose` again, and
until then, or when it is away, everything goes on as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sys
from collections.abc import Callable

import msgspec
import structlog

from linkup import clock, messages
from linkup.broadcast.hls import Hls
from linkup.broadcast.packets import Encoded, Output
from linkup.broadcast.push import Push
from linkup.config import Settings
from linkup.messages import Compose, OutputState, SwitchOutput
from linkup.program import fonts
from linkup.program.drawings import Drawings
from linkup.program.encode import Encoders, EncodeThread, Stream
from linkup.program.feed import VIDEO_TRACK, ProgramFeed
from linkup.program.line import TapLine
from linkup.program.mixer import ProgramClock
from linkup.program.sources import Source
from linkup.runtime import ControlLine, Place, cpu_seconds, rss_mb
from linkup.wire import tap
from linkup.wire.tap import Track

log = structlog.get_logger()

TICK_S = 0.05
LINGER_S = 2.5  # a source that left is kept: a take may wait for pictures, a mix takes time
ASK_NS = 500_000_000  # key frame requests of one track; media makes them one a second
TRACKS = 1000  # remembered
UNDELIVERED = 400  # packets between the encoder's thread and the event loop


class ProgramProcess:
    """Everything of one program; lives in the event loop."""

    def __init__(self, place: Place, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._sources: dict[str, Source] = {}
        self._leaving: dict[str, float] = {}  # feed → loop time at which it is dropped
        self._lingering: set[str] = set()  # of those leaving, the ones whose pictures still come
        self._tracks: dict[int, Track] = {}
        self._asked: dict[int, int] = {}
        self._needed: set[str] = set()
        self._seen: set[str] = set()  # of these the pictures are needed, of the others the sound
        self._undelivered = 0
        self._frames_before: tuple[int, int] | None = None

        self.line = ControlLine(place, self._hello, self._command)
        self.tap = TapLine(place.tap_socket, self._entry, self._tap_connected)
        encoders = Encoders(settings.program)
        self._video, self._aac = encoders.video, encoders.aac
        self.hls = Hls(
            place.live_hls(settings.consultation.id),
            self._video,
            self._aac,
            settings.program.segment_s,
            settings.program.window_s,
        )
        self.pushes: dict[str, Push] = {}
        self.feed = ProgramFeed(self.tap.send, self._video.extradata)
        self.encoder = EncodeThread(encoders, self._deliver)
        self.drawings = Drawings(settings)
        self.clock = ProgramClock(settings.program, self.drawings, self.encoder, self._fact)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then finish what is open."""
        for output in self._settings.outputs:
            if output.enabled:
                self._switch(output.name, True)
        self.encoder.start()
        self.clock.start()
        tasks = [
            asyncio.create_task(each) for each in (self.line.run(), self.tap.run(), self._ticks())
        ]
        await stop.wait()
        await asyncio.to_thread(self.clock.stop)
        await asyncio.to_thread(self.encoder.close)
        self.feed.close()
        outputs: list[Output] = [self.hls, *self.pushes.values()]
        await asyncio.gather(*(each.close() for each in outputs), return_exceptions=True)
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for source in self._sources.values():
            source.close()
        self.drawings.close()

    # ------------------------------------------------------------ control

    def _hello(self) -> messages.Hello:
        self._loop.call_soon(self._repeat_on_air)
        return messages.Hello(process="program", pid=os.getpid())

    def _repeat_on_air(self) -> None:
        """A control that was killed may not have kept the last word of its predecessor."""
        if self.clock.on_air is not None:
            self.line.send(self.clock.on_air)

    async def _command(self, message: messages.AnyMessage) -> None:
        if isinstance(message, Compose):
            self._compose(message)
        elif isinstance(message, SwitchOutput):
            self._switch(message.output, message.on)

    def _compose(self, command: Compose) -> None:
        seen = set(command.on_air.feeds)
        if command.next is not None:
            seen |= set(command.next.feeds)
        now = clock.now_ns()
        leaves_at = self._loop.time() + LINGER_S + command.mix_ms / 1000
        self._needed = seen | set(command.microphones)
        sources = dict(self._sources)
        for feed in self._needed - sources.keys():
            sources[feed] = Source(feed, self._ask_from_thread, now)
        for feed in (self._seen - seen) | (sources.keys() - self._needed):
            self._leaving.setdefault(feed, leaves_at)
        self._lingering = (self._lingering | self._seen) - seen
        for feed in seen:
            if self._leaving.pop(feed, None) is None and feed not in self._seen:
                sources[feed].watch(now)
        self._seen = seen
        self._set_sources(sources)
        self._say_want()
        self.clock.compose(command)

    def _say_want(self) -> None:
        self.tap.want(audio=sorted(self._sources), video=sorted(self._seen | self._lingering))

    def _set_sources(self, sources: dict[str, Source]) -> None:
        self._sources = sources
        self.clock.sources = dict(sources)
        for track in self._tracks.values():
            if track.feed in sources and self._takes(track):
                sources[track.feed].announce(track)

    def _switch(self, name: str, on: bool) -> None:
        push = self.pushes.get(name)
        if on and push is None:
            output = next((each for each in self._settings.outputs if each.name == name), None)
            if output is None:
                self.line.send(messages.Failed(request=0, code="output", text=f"no {name!r}"))
                return
            # A new dictionary: the encoder's thread reads the old one.
            self.pushes = {**self.pushes, name: Push(output, self._video, self._aac)}
        elif not on and push is not None:
            self.pushes = {key: each for key, each in self.pushes.items() if key != name}
            self._closing = asyncio.create_task(push.close())

    # ------------------------------------------------------------ media

    def _tap_connected(self) -> None:
        self._tracks.clear()  # a restarted media process begins its numbers anew
        self.feed.announce()

    def _entry(self, kind: int, number: int, at: int, payload: memoryview) -> None:
        if kind == tap.RTP:
            source = self._source(number)
            if source is not None:
                source.packet(number, payload, at)
        elif kind == tap.TRACK:
            self._announce(payload)
        elif kind == tap.REPORT and len(payload) == tap.REPORT_BODY.size:
            source = self._source(number)
            if source is not None:
                source.report(number, *tap.REPORT_BODY.unpack(payload))
        elif kind == tap.KEYFRAME and number == VIDEO_TRACK:
            self.encoder.ask_keyframe()
        elif kind == tap.GONE:
            source = self._source(number)
            self._tracks.pop(number, None)
            if source is not None:
                source.ended(number)

    def _announce(self, payload: memoryview) -> None:
        try:
            track = tap.parse_track(payload)
        except msgspec.MsgspecError:
            self.tap.garbage += 1
            return
        if len(self._tracks) >= TRACKS and track.track not in self._tracks:
            self._tracks.pop(next(iter(self._tracks)))
        self._tracks[track.track] = track
        source = self._sources.get(track.feed)
        if source is not None and self._takes(track):
            source.announce(track)

    def _takes(self, track: Track) -> bool:
        """Pictures of feeds that are only heard are not decoded."""
        return track.kind == "audio" or track.feed in self._seen | self._lingering

    def _source(self, number: int) -> Source | None:
        track = self._tracks.get(number)
        return None if track is None else self._sources.get(track.feed)

    def _ask_from_thread(self, track: int) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed
            self._loop.call_soon_threadsafe(self._ask, track)

    def _ask(self, track: int) -> None:
        now = clock.now_ns()
        if now - self._asked.get(track, 0) >= ASK_NS:
            self._asked[track] = now
            self.tap.ask_keyframe(track)

    # ------------------------------------------------------------ from the threads

    def _fact(self, message: messages.AnyMessage) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.line.send, message)

    def _deliver(self, stream: Stream, packet: Encoded) -> None:
        """From the encoder's thread: outputs have queues of their own, the feed has the loop."""
        if stream != "opus":
            self.hls.write(packet)
            for push in self.pushes.values():
                push.write(packet)
        if stream == "aac":
            return
        if self._undelivered > UNDELIVERED:
            self.encoder.ask_keyframe()
            return
        give = self.feed.video if stream == "video" else self.feed.audio
        self._undelivered += 1
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._give, give, packet)

    def _give(self, give: Callable[[Encoded], None], packet: Encoded) -> None:
        self._undelivered -= 1
        give(packet)

    # ------------------------------------------------------------ from time to time

    async def _ticks(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            now = clock.now_ns()
            for source in self._sources.values():
                source.tick(now)
                if source.feed in self._seen and source.shown is None:
                    source.ask_keyframe()
            self._drop_left()
            ticks += 1
            if ticks % round(1 / TICK_S) == 0:
                self.feed.announce()
                self.line.send(self._stats(now))

    def _drop_left(self) -> None:
        now = self._loop.time()
        over = [feed for feed, at in self._leaving.items() if now >= at]
        if not over:
            return
        dropped = []
        for feed in over:
            del self._leaving[feed]
            self._lingering.discard(feed)
            if feed in self._needed and feed in self._sources:
                self._sources[feed].end_picture()
            elif feed in self._sources:
                dropped.append(feed)
        closing = [self._sources[feed] for feed in dropped]
        self._set_sources({k: v for k, v in self._sources.items() if k not in dropped})
        self._say_want()
        for source in closing:
            source.close()

    def _stats(self, now: int) -> messages.ProgramStats:
        frames = self.clock.frames
        before, self._frames_before = self._frames_before, (frames, now)
        fps = 0.0
        if before is not None and now > before[1]:
            fps = (frames - before[0]) * 1e9 / (now - before[1])
        return messages.ProgramStats(
            frames=frames,
            missed=self.clock.missed,
            fps=round(fps, 2),
            level=self.clock.level,
            outputs=self._outputs(),
            hls_segments=self.hls.segments,
            cpu_s=cpu_seconds(),
            rss_mb=rss_mb(),
            at=now,
        )

    def _outputs(self) -> list[OutputState]:
        states = [self.hls.state()]
        for output in self._settings.outputs:
            push = self.pushes.get(output.name)
            states.append(push.state() if push is not None else _off(output.name))
        return states


def _off(name: str) -> OutputState:
    return OutputState(
        name=name, kind="rtmp", state="off", text="", since=0, bytes=0, dropped=0, retries=0, bps=0
    )


def _share_memory() -> None:
    """Two arenas for all threads: with one each, glibc keeps 100 MB of old pictures for nothing."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(-8, 2)  # M_ARENA_MAX


async def main(place: Place, stop: asyncio.Event) -> None:
    """The program process, until `stop` is set."""
    # The clock's thread must get its turn within a fraction of a frame.
    sys.setswitchinterval(0.001)
    _share_memory()
    if not fonts.found().chinese:
        log.warning(
            "no Chinese font: name strips will show boxes",
            remedy="install fonts-noto-cjk (Debian) or linkup-consult[fonts], or set LINKUP_FONT",
        )
    await ProgramProcess(place, place.settings()).run(stop)
