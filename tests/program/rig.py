"""A studio for the program process: plays control.sock and tap.sock, with cameras that send real
media, and looks at what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np

from linkup import clock, messages
from linkup.messages import Compose, Picture
from linkup.program import process
from linkup.runtime import Place
from linkup.wire import h264, rtp, tap
from linkup.wire.reorder import Reorder
from linkup.wire.rtcp import ntp_from_utc_ns, utc_ns_from_ntp
from linkup.wire.sequence import Unwrapper
from tests.program import clips

SITES = """
consultation: {id: test, title: {zh: 两地协商会, en: Two cities}}
program: {width: 640, height: 360, preset: ultrafast, video_kbps: 1500, segment_s: 1}
"""
PATIENCE_S = 30.0


@dataclass
class Camera:
    """A site: its clips are sent again and again while somebody wants them."""

    feed: str
    number: int
    video: list[bytes] | None
    codec: str = "vp8"
    audio: list[bytes] | None = None
    video_late_ns: int = 0  # how long after the sound of the same moment the picture is sent
    reports: bool = False
    paused: bool = False
    picture_paused: bool = False
    asked: int = 0  # key frame requests
    wanted_video: bool = False
    wanted_audio: bool = False
    fresh: bool = True
    frame_filter: Callable[[int, bytes], bytes | None] = lambda _n, data: data
    sequence: dict[int, int] = field(default_factory=dict)

    @property
    def tracks(self) -> list[tap.Track]:
        """Announcements."""
        out = []
        if self.video is not None:
            out.append(self._track(self.number * 10, "video", self.codec, 90_000, 96))
        if self.audio is not None:
            out.append(self._track(self.number * 10 + 1, "audio", "opus", 48_000, 111))
        return out

    def _track(self, number: int, kind: Any, codec: Any, rate: int, pt: int) -> tap.Track:
        return tap.Track(
            track=number,
            feed=self.feed,
            kind=kind,
            codec=codec,
            clock_rate=rate,
            ssrc=number + 7,
            payload_type=pt,
        )

    def packet(self, track: int, pt: int, moment: int, payload: bytes, marker: bool) -> bytes:
        """One entry of the tap."""
        number = self.sequence.get(track, 65_500)  # wraps soon, on purpose
        self.sequence[track] = (number + 1) & 0xFFFF
        data = rtp.build(pt, number, moment, track + 7, payload, marker=marker)
        return tap.entry(tap.RTP, track, clock.now_ns(), data)


@dataclass
class Seen:
    """One decoded frame of the program."""

    at: int  # by the sender's reports, monotonic ns
    frame: av.VideoFrame


class Rig:
    """What a test holds."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.facts: list[messages.AnyMessage] = []
        self.cameras: dict[str, Camera] = {}
        self.want = tap.Want(reader="", audio=[], video=[])
        self.frames: list[Seen] = []
        self.sound: list[tuple[int, np.ndarray[Any, Any]]] = []
        self.keyframes: list[int] = []  # RTP times, unwrapped
        self._control: asyncio.StreamWriter | None = None
        self._tap: socket.socket | None = None
        self._order: Reorder[rtp.Packet] = Reorder()
        self._assembler = h264.AccessUnitAssembler()
        self._decoder: Any = av.CodecContext.create("h264", "r")
        self._opus: Any = av.CodecContext.create("libopus", "r")
        self._opus.sample_rate, self._opus.layout = 48_000, "stereo"
        self._times = {1: Unwrapper(32), 2: Unwrapper(32)}
        self._reports: dict[int, tuple[int, int]] = {}
        self._waiting_sound: list[tuple[int, Any]] = []
        self._waiting: list[Any] = []
        self.track_entries: dict[int, tap.Track] = {}
        self.jobs: list[asyncio.Task[None]] = []

    # -------------------------------------------------- for tests

    def add(self, camera: Camera) -> Camera:
        """A site begins to send."""
        self.cameras[camera.feed] = camera
        if camera.video is not None:
            self.jobs.append(asyncio.create_task(self._film(camera)))
        if camera.audio is not None:
            self.jobs.append(asyncio.create_task(self._speak(camera)))
        return camera

    def command(self, message: messages.AnyMessage) -> None:
        """Control says something."""
        assert self._control is not None
        self._control.write(messages.encode(message))

    def compose(self, take: int, on_air: Picture, **more: Any) -> None:
        """Control says what is wanted."""
        names = {feed: messages.Strip(name=feed) for feed in self.cameras}
        self.command(Compose(take=take, on_air=on_air, names=names, **more))

    async def until(self, condition: Callable[[], Any], what: str = "") -> Any:
        """Wait for something that facts or packets make true."""
        # Looked at now and then, not at every packet: conditions that decode or transform are
        # dear, and everything here shares one event loop with the process under test.
        async with asyncio.timeout(PATIENCE_S):
            while not (found := condition()):  # noqa: ASYNC110
                await asyncio.sleep(0.03)
        return found

    async def fact(self, kind: type, **fields: Any) -> Any:
        """Wait for a fact with these fields."""

        def found() -> Any:
            for each in self.facts:
                if isinstance(each, kind) and all(
                    getattr(each, key) == value for key, value in fields.items()
                ):
                    return each
            return None

        return await self.until(found)

    async def shows(self, colour: clips.Colour, where: Any = (0.3, 0.3, 0.3, 0.2)) -> Seen:
        """Wait until the newest frame has this colour."""
        seen: Seen = await self.until(
            lambda: (
                self.frames[-1]
                if self.frames and clips.near(clips.mean(self.frames[-1].frame, where), colour)
                else None
            )
        )
        return seen

    def ask_keyframe(self) -> None:
        """Media wants a key frame of the program."""
        self._send(tap.entry(tap.KEYFRAME, 1, clock.now_ns()))

    def restarted(self) -> None:
        """The program will be another process: its streams begin anew."""
        self._order = Reorder()
        self._assembler = h264.AccessUnitAssembler()
        self._decoder = av.CodecContext.create("h264", "r")
        self._times = {1: Unwrapper(32), 2: Unwrapper(32)}
        self._reports.clear()
        self._waiting.clear()
        self._waiting_sound.clear()

    def drop_control(self) -> None:
        """Control dies."""
        assert self._control is not None
        self._control.close()
        self._control = None

    # -------------------------------------------------- sockets

    async def serve_control(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._control = writer
        try:
            async for message in messages.frames(reader):
                self.facts.append(message)
        finally:
            writer.close()

    async def serve_tap(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
            self._tap = connection
            try:
                while message := await loop.sock_recv(connection, tap.MAX_MESSAGE):
                    self._take(message)
            except OSError:
                continue
            finally:
                connection.close()

    def _send(self, message: bytes) -> None:
        if self._tap is not None:
            with contextlib.suppress(OSError):
                self._tap.send(message)

    def _take(self, message: bytes) -> None:
        for kind, track, _at, payload in tap.entries(message):
            if kind == tap.WANT:
                self.want = tap.parse_want(payload)
                for camera in self.cameras.values():
                    self._apply_want(camera)
            elif kind == tap.KEYFRAME:
                for camera in self.cameras.values():
                    if camera.number * 10 == track:
                        camera.asked += 1
                        camera.fresh = True
            elif kind == tap.TRACK:
                found = tap.parse_track(payload)
                self.track_entries[found.track] = found
            elif kind == tap.REPORT:
                ntp, moment = tap.REPORT_BODY.unpack(payload)
                unwrapped = self._times[track].unwrap(moment)
                self._reports[track] = utc_ns_from_ntp(ntp) - clock.utc_ns(0), unwrapped
                self._flush()
            elif kind == tap.RTP:
                parsed = rtp.parse(bytes(payload))
                if track == 1:
                    for number, each in self._order.insert(parsed.sequence, parsed, 0):
                        frame = self._assembler.push(number, each, 0)
                        if frame is not None:
                            moment = self._times[1].unwrap(frame.timestamp)
                            if frame.keyframe:
                                self.keyframes.append(moment)
                            for picture in self._decoder.decode(av.Packet(frame.data)):
                                self._waiting.append((moment, picture))
                else:
                    moment = self._times[2].unwrap(parsed.timestamp)
                    for heard in self._opus.decode(av.Packet(parsed.payload)):
                        samples = heard.to_ndarray().reshape(-1, 2).astype(np.float32) / 32768
                        self._waiting_sound.append((moment, samples))
                self._flush()

    def _flush(self) -> None:
        """Times are known with the first report."""
        if 1 in self._reports:
            base, moment = self._reports[1]
            for at, picture in self._waiting:
                self.frames.append(Seen(base + (at - moment) * 100_000 // 9, picture))
            self._waiting.clear()
        if 2 in self._reports:
            base, moment = self._reports[2]
            for at, samples in self._waiting_sound:
                self.sound.append((base + (at - moment) * 1_000_000 // 48, samples))
            self._waiting_sound.clear()

    # -------------------------------------------------- cameras

    def _apply_want(self, camera: Camera) -> None:
        video = camera.feed in (self.want.video or [])
        audio = camera.feed in (self.want.audio or [])
        if (video and not camera.wanted_video) or (audio and not camera.wanted_audio):
            now = clock.now_ns()
            self._send(b"".join(tap.track_entry(each, now) for each in camera.tracks))
        camera.wanted_video, camera.wanted_audio = video, audio

    async def _film(self, camera: Camera) -> None:
        assert camera.video is not None
        loop = asyncio.get_running_loop()
        # All sites share a grid of whole seconds, so that clips of sound and picture agree.
        index = int(loop.time() + 1) * clips.FPS
        track = camera.number * 10
        while True:
            at = index / clips.FPS + camera.video_late_ns / 1e9
            await asyncio.sleep(max(0.0, at - loop.time()))
            self._apply_want(camera)
            place = index % len(camera.video)
            if camera.fresh and place == 0:
                camera.fresh = False
            sending = camera.wanted_video and not (camera.paused or camera.picture_paused)
            data = camera.frame_filter(index, camera.video[place])
            if sending and data is not None:
                payloads = (
                    clips.vp8_payloads(data) if camera.codec == "vp8" else h264.packetise(data)
                )
                moment = index * 90_000 // clips.FPS & 0xFFFFFFFF
                entries = [
                    camera.packet(track, 96, moment, each, number == len(payloads) - 1)
                    for number, each in enumerate(payloads)
                ]
                for start in range(0, len(entries), 40):
                    self._send(b"".join(entries[start : start + 40]))
                if camera.reports and place % 10 == 0:
                    self._report(track, index / clips.FPS, index * 90_000 // clips.FPS)
            index += 1

    async def _speak(self, camera: Camera) -> None:
        assert camera.audio is not None
        loop = asyncio.get_running_loop()
        index = int(loop.time() + 1) * 50
        track = camera.number * 10 + 1
        while True:
            await asyncio.sleep(max(0.0, index / 50 - loop.time()))
            self._apply_want(camera)
            if camera.wanted_audio and not camera.paused:
                payload = camera.audio[index % len(camera.audio)]
                self._send(camera.packet(track, 111, index * 960 & 0xFFFFFFFF, payload, False))
                if camera.reports and index % 20 == 0:
                    self._report(track, index / 50, index * 960)
            index += 1

    def _report(self, track: int, seconds: float, moment: int) -> None:
        ntp = ntp_from_utc_ns(int(seconds * 1e9) + 10**18)  # the sender's clock is its own
        body = tap.REPORT_BODY.pack(ntp, moment & 0xFFFFFFFF)
        self._send(tap.entry(tap.REPORT, track, clock.now_ns(), body))


@asynccontextmanager
async def rig(sites: str = SITES, start: bool = True) -> AsyncIterator[Rig]:
    """A running program process, in this process, with control and media played by the rig."""
    with tempfile.TemporaryDirectory(prefix="lk-") as folder:
        run = Path(folder)
        (run / "sites.yaml").write_text(sites)
        place = Place(run=run, data=run / "data", sites=run / "sites.yaml")
        held = Rig(place)
        server = await asyncio.start_unix_server(held.serve_control, str(place.control_socket))
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.setblocking(False)
        listener.bind(str(place.tap_socket))
        listener.listen()
        held.jobs.append(asyncio.create_task(held.serve_tap(listener)))
        stop = asyncio.Event()
        running = asyncio.create_task(process.main(place, stop)) if start else None
        try:
            if running is not None:
                await held.fact(messages.Hello, process="program")
            yield held
        finally:
            stop.set()
            if running is not None:
                await running
            for job in held.jobs:
                job.cancel()
            await asyncio.gather(*held.jobs, return_exceptions=True)
            server.close()
            listener.close()
            if held._tap is not None:
                held._tap.close()
            if held._control is not None:
                held._control.close()
            await asyncio.sleep(0)
