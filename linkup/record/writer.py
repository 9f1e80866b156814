"""One recorded file: coded frames in, Matroska or fragmented MP4 out, nothing transcoded.

Matroska is written in clusters, MP4 in fragments, of half a second. Each is one `write` to the
file, so that whoever kills the process finds every whole cluster in the file, and everything in it
playable: nothing is needed from the end of the file. On an orderly close Matroska also gets its
duration and seek index.

PyAV does the muxing. The picture has a stream without codec context (`add_mux_stream`); the sound
borrows a context of libopus, which is never given a sample: it is the one way in PyAV to say
channel layout and OpusHead.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av

from linkup import clock
from linkup.record.tracks import Unit
from linkup.wire import h264

PIECE_MS = 500  # cluster or fragment: what a kill can cost, with `tracks.WAIT_MS` below 1 s
FILE_MODE = 0o644

Container = Literal["matroska", "mp4"]

_OPTIONS: dict[str, dict[str, str]] = {
    "matroska": {"cluster_time_limit": str(PIECE_MS)},
    "mp4": {
        # frag_discont without an edit list: each track keeps its own first time. Else the muxer
        # lets every track begin at 0, and whatever began later would be early.
        "movflags": "empty_moov+default_base_moof+frag_keyframe+frag_discont+use_metadata_tags",
        "use_editlist": "0",
        "frag_duration": str(PIECE_MS * 1000),
    },
}
# Each stream's packets come in order by themselves: waiting to interleave would only keep them
# in memory. (0 would mean "wait for ever", so 1 µs.)
# Our times count from the start of the file and are never negative. If the muxer shifted them to
# let the first packet be at 0, an earlier one of the other track would become negative, and an
# assertion of libavformat's movenc would abort the whole process.
_COMMON = {"flush_packets": "1", "max_interleave_delta": "1", "avoid_negative_ts": "disabled"}
_NS = Fraction(1, 1_000_000_000)
_TICKS = {"video": Fraction(1, 90_000), "audio": Fraction(1, 48_000)}


@dataclass(frozen=True, slots=True)
class Content:
    """What a file carries. `video` is a codec name or `None`; sizes in pixels."""

    video: Literal["vp8", "h264"] | None
    audio: bool
    width: int = 0
    height: int = 0

    @property
    def codec(self) -> str:
        """`vp8+opus`, `h264`, `opus`, …"""
        return "+".join(filter(None, (self.video or "", "opus" if self.audio else "")))


class _Sink:
    """The file as PyAV sees it. Never raises into the muxer: keeps the first error instead.

    What could only be written in part is cut off again, so the file ends with a whole piece.
    As long as it was only appended to, its SHA-256 is known without reading it again.
    """

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        self.error: OSError | None = None
        self.size = 0
        self.append_only = False  # what would change earlier bytes is left out
        self.rewritten = False
        self.hash = hashlib.sha256()
        self._position = 0

    def write(self, data: bytes) -> int:
        behind = self._position < self.size
        if self.error is None and not (behind and self.append_only):
            try:
                self._write(memoryview(data))
                self.rewritten = self.rewritten or behind
                self.hash.update(data)
            except OSError as error:
                self.error = error
                with contextlib.suppress(OSError):
                    os.ftruncate(self.file, self.size)
        self._position += len(data)
        return len(data)

    def _write(self, view: memoryview) -> None:
        position = self._position
        while view:
            written = os.pwrite(self.file, view, position)
            position += written
            view = view[written:]
        self.size = max(self.size, position)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position


class SegmentFile:
    """One file being written. Not safe between threads, but for `sync`."""

    def __init__(self, path: Path, container: Container, content: Content, started: int) -> None:
        """`started`: monotonic ns, the zero of the file. Raises `OSError`."""
        self.path = path
        self.content = content
        self.started = started
        self.ended = started  # end of what was written, monotonic ns
        self.video_frames = 0
        self.audio_packets = 0
        self._sink = _Sink(path)
        # The newest unit of each stream with its time in ticks: written when the next one comes.
        self._held: dict[str, tuple[Unit, int]] = {}
        self._step = _TICKS["video"].denominator // 30  # from picture to picture
        try:
            self._open(container)
        except BaseException:
            os.close(self._sink.file)
            path.unlink(missing_ok=True)
            raise

    def _open(self, container: Container) -> None:
        output = av.open(self._sink, "w", format=container, options=_OPTIONS[container] | _COMMON)
        begin = clock.iso(clock.utc_ns(self.started))
        output.metadata["creation_time"] = begin
        output.metadata["LINKUP_START_UTC"] = begin
        self._streams: dict[str, av.stream.Stream] = {}
        content = self.content
        if content.video:
            self._streams["video"] = output.add_mux_stream(
                content.video, width=content.width, height=content.height
            )
            self._streams["video"].time_base = _TICKS["video"]
        if content.audio:
            self._streams["audio"] = output.add_stream("libopus", rate=48_000, layout="stereo")
        self._output = output

    @property
    def error(self) -> OSError | None:
        """Why nothing more is written; `None`: all is well."""
        return self._sink.error

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._sink.size

    def write(self, kind: Literal["video", "audio"], unit: Unit) -> None:
        """Put a unit into the file; sound from before its beginning is left out. Times never go
        back: a step of the source's clock becomes a very short frame.
        """
        stream = self._streams.get(kind)
        early = unit.time + unit.duration // 2 < self.started
        if stream is None or (kind == "audio" and early):
            return
        if kind == "video" and not self.video_frames and not self._may_begin(unit):
            return
        rate = _TICKS[kind].denominator
        ticks = max(0, unit.time - self.started) * rate // 1_000_000_000
        held = self._held.get(kind)
        if held is not None:
            # Matroska counts in ms: closer ones would get the same time there.
            ticks = max(ticks, held[1] + rate // 1000)
            self._mux(kind, *held, ticks - held[1])
            self._step = ticks - held[1] if kind == "video" else self._step
        self._held[kind] = (unit, ticks)
        if kind == "video":
            self.video_frames += 1
        else:
            self.audio_packets += 1
        self.ended = max(self.ended, unit.time + unit.duration)

    def _mux(self, kind: str, unit: Unit, ticks: int, until_next: int) -> None:
        """Write a unit, now that the time of the next one is known.

        A picture is shown until the next one. A duration that reached beyond the next packet would
        end in an assertion of movenc, which aborts the process.
        """
        base = _TICKS[kind]
        packet = av.Packet(unit.data)
        packet.stream = self._streams[kind]
        packet.time_base = base
        packet.pts = packet.dts = ticks
        packet.is_keyframe = unit.keyframe
        nominal = unit.duration * base.denominator // 1_000_000_000
        packet.duration = min(nominal, until_next) if nominal else until_next
        try:
            self._output.mux_one(packet)
        except av.FFmpegError as error:
            self._fail(error)

    def _may_begin(self, unit: Unit) -> bool:
        """A file begins where a decoder can: at a key frame, H.264's with its parameter sets.

        The muxers take those from the first packet, and crash the process when it has none.
        """
        if self.content.video != "h264":
            return unit.keyframe
        kinds = {each[0] & 0x1F for each in h264.split_annex_b(unit.data) if each}
        return unit.keyframe and {h264.SPS, h264.PPS} <= kinds

    @property
    def digest(self) -> str | None:
        """SHA-256 in hex; `None` when the file must be read to know it."""
        sink = self._sink
        return None if sink.rewritten or sink.error else sink.hash.hexdigest()

    def sync(self) -> None:
        """fsync; may be called from another thread. Raises `OSError`."""
        os.fsync(self._sink.file)

    def close(self, append_only: bool = False) -> None:
        """Write the rest, duration and seek index. Never raises: see `error`.

        With `append_only` nothing that was written is changed: a Matroska file then has no
        duration in its header, as after a kill, but its `digest` is known at once.
        """
        self._sink.append_only = append_only
        for kind, (unit, ticks) in self._held.items():
            self._mux(
                kind, unit, ticks, self._step if kind == "video" else _TICKS[kind].denominator
            )
        try:
            self._output.close()
        except av.FFmpegError as error:
            self._fail(error)
        finally:
            with contextlib.suppress(OSError):
                os.fsync(self._sink.file)
            os.close(self._sink.file)

    def _fail(self, error: av.FFmpegError) -> None:
        if self._sink.error is None:
            self._sink.error = OSError(error.errno or 5, f"muxer: {error}")
