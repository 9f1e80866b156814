"""The program as HLS (RFC 8216): CMAF segments, picture and sound as renditions of their own.

Two media playlists under one multivariant playlist: the program, and sound alone for lines that
carry no picture. Segments begin with the encoder's aligned key frames, so every segment is
independent. Segment names are never used again: any cache may keep them for ever.

Files are written by one thread with a bounded queue; when the disk stalls, packets are dropped
until the next key frame and counted, and the encoder never waits. A new process of the program
continues the window of the old one after an EXT-X-DISCONTINUITY: viewers go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

import structlog

from linkup import clock
from linkup.broadcast import avc, fmp4
from linkup.broadcast.packets import Encoded, Parameters
from linkup.messages import OutputState

log = structlog.get_logger()

QUEUE = 600  # packets: about six seconds of picture and sound
KEPT_BEHIND = 3  # segments kept on disk after they left the playlist: slow readers finish them


@dataclass(frozen=True)
class Segment:
    """One finished segment of one rendition."""

    file: str
    seconds: float
    utc_ns: int  # of its first sample
    initialization: str  # file
    discontinuity: bool  # first after a restart of the program


@dataclass
class Window:
    """What a media playlist lists. Kept on disk, so that the next process continues it."""

    sequence: int = 0  # EXT-X-MEDIA-SEQUENCE
    discontinuity_sequence: int = 0
    segments: list[Segment] = field(default_factory=list)

    def append(self, segment: Segment, keep_s: float) -> list[Segment]:
        """Add the newest; returns those that fell out of the window."""
        self.segments.append(segment)
        gone: list[Segment] = []
        total = sum(each.seconds for each in self.segments)
        while len(self.segments) > 3 and total - self.segments[0].seconds >= keep_s:
            first = self.segments.pop(0)
            total -= first.seconds
            self.sequence += 1
            self.discontinuity_sequence += first.discontinuity
            gone.append(first)
        return gone

    def playlist(self, target_s: int, ended: bool) -> str:
        """The media playlist."""
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            f"#EXT-X-TARGETDURATION:{target_s}",
            f"#EXT-X-MEDIA-SEQUENCE:{self.sequence}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{self.discontinuity_sequence}",
            "#EXT-X-INDEPENDENT-SEGMENTS",
        ]
        initialization = ""
        for segment in self.segments:
            if segment.discontinuity:
                lines.append("#EXT-X-DISCONTINUITY")
            if segment.initialization != initialization:
                initialization = segment.initialization
                lines.append(f'#EXT-X-MAP:URI="{initialization}"')
            lines += [
                f"#EXT-X-PROGRAM-DATE-TIME:{clock.iso(segment.utc_ns)[:-4]}Z",
                f"#EXTINF:{segment.seconds:.5f},",
                segment.file,
            ]
        if ended:
            lines.append("#EXT-X-ENDLIST")
        return "\n".join(lines) + "\n"


class Rendition:
    """One track: collects samples, closes segments, keeps its playlist. Used by one thread."""

    def __init__(
        self, folder: Path, name: str, parameters: Parameters, segment_s: int, keep_s: float
    ) -> None:
        self._folder = folder
        self._name = name
        self._scale = fmp4.timescale(parameters)
        self._segment_ticks = segment_s * self._scale
        self._target_s = segment_s + 1  # sound's segments are up to one frame longer
        self._keep_s = keep_s
        self._video = parameters.codec == "h264"
        self._samples: list[fmp4.Sample] = []
        self._start = 0  # decode time of the open segment
        self._end = 0
        self._utc_ns = 0
        self._fragments = 0
        self._old: list[Segment] = []
        self._window = self._restore()
        self._fresh = bool(self._window.segments)  # the next segment follows a discontinuity
        self._number = self._next_number()
        self._initialization = f"{name}-{self._number:07d}-init.mp4"
        (folder / self._initialization).write_bytes(fmp4.initialization(parameters))

    def add(self, packet: Encoded) -> bool:
        """Take a packet; true when it closed a segment."""
        closed = False
        if self._samples and self._is_boundary(packet):
            self._reach(packet.pts)
            self._close_segment()
            closed = True
        if not self._samples:
            if not packet.keyframe:
                return False  # after a drop: wait for the next aligned key frame
            self._start = packet.pts
            self._utc_ns = clock.utc_ns(packet.at)
        else:
            self._reach(packet.pts)
        data = avc.sample(packet.data) if self._video else packet.data
        self._samples.append(fmp4.Sample(data, packet.duration, packet.keyframe))
        self._end = packet.pts + packet.duration
        return closed

    def _reach(self, pts: int) -> None:
        """Where a frame is missing, the one before stands until `pts`.

        So what follows keeps its time, and a player finds no hole.
        """
        missing = pts - self._end
        if 0 < missing <= self._segment_ticks:
            last = self._samples[-1]
            self._samples[-1] = fmp4.Sample(last.data, last.duration + missing, last.keyframe)
            self._end = pts

    def drop(self) -> None:
        """Packets are missing from here on: close what is whole."""
        if self._samples:
            self._close_segment()

    def finish(self) -> None:
        """Close the open segment and end the playlist."""
        if self._samples:
            self._close_segment()
        self._write_playlist(ended=True)

    def _is_boundary(self, packet: Encoded) -> bool:
        if not packet.keyframe:
            return False
        # Both tracks are cut on the same grid of the program's clock. A key frame between two
        # grid points (somebody asked for it) does not cut.
        return packet.pts // self._segment_ticks > self._start // self._segment_ticks

    def _close_segment(self) -> None:
        file = f"{self._name}-{self._number:07d}.m4s"
        self._number += 1
        self._fragments += 1
        _write(self._folder / file, fmp4.fragment(self._fragments, self._start, self._samples))
        segment = Segment(
            file=file,
            seconds=(self._end - self._start) / self._scale,
            utc_ns=self._utc_ns,
            initialization=self._initialization,
            discontinuity=self._fresh,
        )
        self._fresh = False
        self._samples = []
        self._target_s = max(self._target_s, round(segment.seconds + 0.5))
        self._old += self._window.append(segment, self._keep_s)
        self._write_playlist(ended=False)
        while len(self._old) > KEPT_BEHIND:
            self._delete(self._old.pop(0))

    def _write_playlist(self, ended: bool) -> None:
        text = self._window.playlist(self._target_s, ended)
        _write(self._folder / f"{self._name}.m3u8", text.encode())
        _write(self._state_file(), json.dumps(asdict(self._window)).encode())

    def _delete(self, segment: Segment) -> None:
        with contextlib.suppress(OSError):
            (self._folder / segment.file).unlink()
        if all(each.initialization != segment.initialization for each in self._window.segments):
            with contextlib.suppress(OSError):
                (self._folder / segment.initialization).unlink()

    def _state_file(self) -> Path:
        return self._folder / f".{self._name}.json"

    def _restore(self) -> Window:
        try:
            kept = json.loads(self._state_file().read_bytes())
            segments = [Segment(**each) for each in kept["segments"]]
            present = [each for each in segments if (self._folder / each.file).exists()]
            window = Window(kept["sequence"], kept["discontinuity_sequence"], present)
            window.sequence += len(segments) - len(present)
            return window
        except (OSError, ValueError, KeyError, TypeError):
            return Window()

    def _next_number(self) -> int:
        """One more than any file there: names are never used again."""
        numbers = [
            int(path.stem.split("-")[1])
            for path in self._folder.glob(f"{self._name}-*.m*")
            if path.stem.split("-")[1].isdigit()
        ]
        return max(numbers, default=0) + 1


class Hls:
    """The HLS output. `write` may be called from any one thread and never blocks."""

    def __init__(
        self, folder: Path, video: Parameters, audio: Parameters, segment_s: int, window_s: float
    ) -> None:
        self._folder = folder
        self._video = video
        self._audio = audio
        self._segment_s = segment_s
        self._window_s = window_s
        # (packet, whether packets are missing before it); None: the end
        self._queue: queue.Queue[tuple[Encoded, bool] | None] = queue.Queue(QUEUE)
        self._dropping = False
        self._since = clock.now_ns()
        self._bytes = 0
        self._dropped = 0
        self._trouble = ""
        self.segments = 0  # closed since the start of this process
        self._thread = threading.Thread(target=self._run, name="hls", daemon=True)
        self._thread.start()

    def write(self, packet: Encoded) -> None:
        """Queue a packet; when the disk is too slow, drop up to the next key frame."""
        if self._dropping and not (packet.kind == "video" and packet.keyframe):
            self._dropped += 1
            return
        try:
            self._queue.put_nowait((packet, self._dropping))
            self._dropping = False
        except queue.Full:
            self._dropped += 1
            self._dropping = True

    def state(self) -> OutputState:
        """How it is doing."""
        seconds = max(1.0, (clock.now_ns() - self._since) / 1e9)
        return OutputState(
            name="hls",
            kind="hls",
            state="retrying" if self._trouble else "live" if self.segments else "connecting",
            text=self._trouble,
            since=self._since,
            bytes=self._bytes,
            dropped=self._dropped,
            retries=0,
            bps=int(self._bytes * 8 / seconds),
        )

    async def close(self) -> None:
        """Close the last segment and mark the end of the playlists."""
        await asyncio.to_thread(self._queue.put, None)
        await asyncio.to_thread(self._thread.join, 2.0)

    def _run(self) -> None:
        renditions: dict[str, Rendition] = {}
        while True:
            item = self._queue.get()
            try:
                if not renditions:
                    renditions = self._open()
                if item is None:
                    for rendition in renditions.values():
                        rendition.finish()
                    return
                packet, after_gap = item
                if after_gap:
                    for rendition in renditions.values():
                        rendition.drop()
                self._bytes += len(packet.data)
                if renditions[packet.kind].add(packet) and packet.kind == "video":
                    self.segments += 1
                self._trouble = ""
            except OSError as error:
                if item is None:
                    return
                self._trouble = f"cannot write segments: {error.strerror or error}"
                self._dropped += 1

    def _open(self) -> dict[str, Rendition]:
        self._folder.mkdir(parents=True, exist_ok=True)
        folder, segment_s, keep_s = self._folder, self._segment_s, self._window_s
        renditions = {
            "video": Rendition(folder, "video", self._video, segment_s, keep_s),
            "audio": Rendition(folder, "audio", self._audio, segment_s, keep_s),
        }
        _write(self._folder / "index.m3u8", self._multivariant().encode())
        return renditions

    def _multivariant(self) -> str:
        video, audio = self._video, self._audio
        sound = 'AUDIO="sound"'
        # Peak: VBV lets one segment exceed the average by its buffer (RFC 8216 §4.3.4.2).
        average = video.bit_rate + audio.bit_rate
        peak = int(video.bit_rate * 1.5) + audio.bit_rate
        picture = avc.codec_string(video.extradata)
        return "\n".join(
            [
                "#EXTM3U",
                "#EXT-X-VERSION:7",
                "#EXT-X-INDEPENDENT-SEGMENTS",
                '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="program",DEFAULT=YES,'
                f'AUTOSELECT=YES,CHANNELS="{audio.channels}",URI="audio.m3u8"',
                f"#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},"
                f'CODECS="{picture},mp4a.40.2",RESOLUTION={video.width}x{video.height},'
                f"FRAME-RATE={video.frame_rate:.3f},{sound}",
                "video.m3u8",
                f"#EXT-X-STREAM-INF:BANDWIDTH={int(audio.bit_rate * 1.2)},"
                f'AVERAGE-BANDWIDTH={audio.bit_rate},CODECS="mp4a.40.2",{sound}',
                "audio.m3u8",
                "",
            ]
        )


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all: a reader never sees half a playlist."""
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(data)
    os.replace(part, file)
