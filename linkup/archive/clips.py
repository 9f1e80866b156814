"""One site from one moment on, as a stream that a browser plays.

Nothing is transcoded: packets go from the recorded files into WebM (VP8, Opus) or fragmented MP4
(H.264), beginning at the key frame before the moment, across the files of the same coding, up to
`to`, or to what is on disk now. A clip runs in a thread of its own, with a small bounded queue: it
reads no faster than its receiver takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from linkup import clock
from linkup.archive import boxes, clusters, index
from linkup.archive.views import Segment
from linkup.errors import BusyError, MissingError

MAX_CLIPS = 16  # at a time
QUEUE = 16  # chunks between thread and receiver
CHUNK = 64 * 1024  # bytes
BRIDGE_MS = 10_000  # a longer pause between two files ends the clip
_POLL_S = 0.25

_MS = Fraction(1, 1000)
_Stream = av.VideoStream | av.AudioStream
_running = threading.BoundedSemaphore(MAX_CLIPS)


@dataclass(frozen=True)
class Source:
    """One recorded file of a clip. Times are UTC ms."""

    path: Path
    started: int
    skip_ms: int  # of the file; 0: from its beginning


@dataclass(frozen=True)
class Clip:
    """A clip that can be streamed. `started`: UTC ms of its first frame, or a little before."""

    content_type: str
    file_name: str
    started: int
    until: int | None
    sources: list[Source] = field(repr=False)

    async def stream(self) -> AsyncIterator[bytes]:
        """The bytes of the file. Raises `BusyError` when too many clips are running."""
        if not _running.acquire(blocking=False):
            raise BusyError("clips", f"{MAX_CLIPS} clips are being played already; try again later")
        pipe = _Pipe()
        thread = threading.Thread(target=_run, args=(self, pipe), name="clip", daemon=True)
        thread.start()  # gives `_running` back when it ends
        try:
            while chunk := await pipe.take():
                yield chunk
        finally:
            pipe.abandon()


def find(data: Path, id: str, site: str, from_ms: int, to_ms: int | None = None) -> Clip:
    """The clip of a site (or "program") from a UTC moment in ms, until `to_ms` or the end.

    When nothing was recorded at that moment, it begins with what came next. Raises `MissingError`.
    """
    view = index.consultation(data, id)
    segments = [each for track in view.tracks if track.site == site for each in track.segments]
    wanted = [s for s in segments if s.ended is None or s.ended > from_ms]
    if to_ms is not None:
        wanted = [s for s in wanted if s.started < to_ms]
    if not wanted:
        raise MissingError("no-clip", f"nothing of {site!r} is recorded at that time")
    run = _run_of(wanted)
    place = data / id
    sources = [Source(place / s.file, s.started, max(0, from_ms - s.started)) for s in run]
    mp4 = "h264" in run[0].codec
    video = "video" if run[0].codec != "opus" else "audio"
    began = max(from_ms, run[0].started)
    stamp = clock.iso(began * 1_000_000)[:19].replace(":", "")
    return Clip(
        content_type=f"{video}/mp4" if mp4 else f"{video}/webm",
        file_name=f"{id}-{site}-{stamp}.{'mp4' if mp4 else 'webm'}",
        started=began,
        until=to_ms,
        sources=sources,
    )


async def stream(
    data: Path, id: str, site: str, from_utc_ms: int, to_utc_ms: int | None = None
) -> AsyncIterator[bytes]:
    """`find` and `Clip.stream` in one, for who does not need the content type."""
    async for chunk in find(data, id, site, from_utc_ms, to_utc_ms).stream():
        yield chunk


def _run_of(segments: list[Segment]) -> list[Segment]:
    """The first segment and those behind it that go on in the same coding without a long pause."""
    run = [segments[0]]
    for segment in segments[1:]:
        end = run[-1].ended
        if end is None or segment.codec != run[0].codec or segment.started - end > BRIDGE_MS:
            break
        run.append(segment)
    return run


class _Abandoned(Exception):
    """The receiver is gone."""


class _Pipe(io.RawIOBase):
    """What the muxer writes into and the receiver reads from."""

    def __init__(self) -> None:
        super().__init__()
        self._chunks: queue.Queue[bytes] = queue.Queue(QUEUE)
        self._loop = asyncio.get_running_loop()
        self._there = asyncio.Event()
        self._gone = threading.Event()
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        self._size += len(data)
        if self._size >= CHUNK:
            self.push()
        return len(data)

    def push(self) -> None:
        """Hand over what was written."""
        if self._parts:
            self._put(b"".join(self._parts))
            self._parts, self._size = [], 0

    def finish(self) -> None:
        """Say that nothing more comes."""
        with contextlib.suppress(_Abandoned):
            self.push()
            self._put(b"")

    async def take(self) -> bytes:
        """The next chunk; empty at the end."""
        while True:
            try:
                return self._chunks.get_nowait()
            except queue.Empty:
                self._there.clear()
            if self._chunks.empty():
                await self._there.wait()

    def abandon(self) -> None:
        """The receiver takes no more."""
        self._gone.set()

    @property
    def abandoned(self) -> bool:
        return self._gone.is_set()

    def _put(self, chunk: bytes) -> None:
        while not self._gone.is_set():
            try:
                self._chunks.put(chunk, timeout=_POLL_S)
            except queue.Full:
                continue
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._there.set)
            return
        raise _Abandoned


def _run(clip: Clip, pipe: _Pipe) -> None:
    try:
        _remux(clip, pipe)
    except (_Abandoned, av.FFmpegError, OSError):
        pass  # the receiver gets what there was
    finally:
        pipe.finish()
        _running.release()


def _remux(clip: Clip, pipe: _Pipe) -> None:
    mp4 = clip.content_type.endswith("mp4")
    options = (
        {"movflags": "empty_moov+default_base_moof+frag_keyframe", "frag_duration": "1000000"}
        if mp4
        else {"cluster_time_limit": "1000"}
    )
    output: av.container.OutputContainer | None = None
    last: dict[str, int] = {}
    zero = 0
    coding: list[bytes | None] = []
    try:
        for source in clip.sources:
            for streams, packet, at in _packets(source, clip.until):
                kind = packet.stream.type
                if output is None:
                    zero = at
                    output = av.open(
                        pipe, "w", format="mp4" if mp4 else "webm",
                        options=options | {"flush_packets": "1", "max_interleave_delta": "1"},
                    )  # fmt: skip
                    output.metadata["creation_time"] = clock.iso(zero * 1_000_000)
                    coding = _coding(streams)
                    targets = {
                        each.type: output.add_stream_from_template(each, opaque=True)
                        for each in streams
                    }
                if pipe.abandoned or _coding(streams) != coding:
                    return
                time = max(at - zero, last.get(kind, -1) + 1)
                last[kind] = time
                packet.pts = packet.dts = time
                packet.time_base = _MS
                packet.stream = targets[kind]
                output.mux_one(packet)
    finally:
        if output is not None:
            output.close()


def _coding(streams: list[_Stream]) -> list[bytes | None]:
    """What must be the same in two files that are to become one."""
    return [stream.codec_context.extradata for stream in streams]


def _packets(
    source: Source, until: int | None
) -> Iterator[tuple[list[_Stream], av.Packet[Any], int]]:
    """`(all streams, packet, its UTC ms)` of a file, from the key frame before the moment."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(source.path.open("rb"))
        size = os.fstat(file.fileno()).st_size
        joined = _from_moment(file, size, source) if source.skip_ms else None
        container = stack.enter_context(av.open(joined or str(source.path), "r"))
        streams: list[_Stream] = [*container.streams.video[:1], *container.streams.audio[:1]]
        begun = False
        for packet in container.demux(streams):
            if packet.pts is None or packet.time_base is None or not packet.size:
                continue
            at = source.started + int(packet.pts * packet.time_base * 1000)
            if until is not None and at > until:
                return
            begun = begun or (packet.stream is streams[0] and packet.is_keyframe)
            if begun:
                yield streams, packet, at


class _Joined(io.RawIOBase):
    """The header of a file and then its bytes from an offset on, as one file without seeking."""

    def __init__(self, read: Callable[[int, int], bytes], header: int, begin: int, end: int):
        super().__init__()
        self._read = read
        self._ranges = [(0, header), (begin, end)]

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while self._ranges:
            begin, end = self._ranges[0]
            part = self._read(begin, min(max(size, 1), end - begin))
            if part:
                self._ranges[0] = (begin + len(part), end)
                return part
            self._ranges.pop(0)
        return b""


def _from_moment(file: io.BufferedReader, size: int, source: Source) -> _Joined | None:
    """The file from the key frame before `source.skip_ms`; `None`: from its beginning."""

    def read(offset: int, length: int) -> bytes:
        return os.pread(file.fileno(), length, offset)

    if source.path.suffix == ".mp4":
        scan = boxes.Scan()
        scan.follow(read, size)
        begin = 0
        for fragment in scan.fragments:
            if fragment.keyframe and fragment.start * 1000 <= source.skip_ms:
                begin = fragment.offset
        return _Joined(read, scan.header, begin, scan.offset) if begin else None
    found = clusters.Scan()
    found.follow(read, size)
    cluster = found.before(read, source.skip_ms)
    if cluster is None:
        return None
    return _Joined(read, found.header, cluster.offset, found.clusters[-1].end)
