"""VP8 and H.264 → pictures, each feed in a thread of its own.

The program's clock never waits for a decoder: it takes what is ready. A feed whose bitstream is
broken or hostile costs itself its picture, nobody else: frames are bounded in number and size,
errors end in a key frame request, and until that key frame comes the last good picture stands.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import av
import structlog

log = structlog.get_logger()

VideoCodec = Literal["vp8", "h264"]
CODED = 90  # frames waiting to be decoded: 3 s; more is a decoder that is too slow
READY = 45  # decoded frames waiting for their moment; longer than the longest playout delay
MAX_PIXELS = 4096 * 2304


@dataclass(frozen=True, slots=True)
class Coded:
    """One whole coded frame."""

    data: bytes
    rtp: int  # unwrapped, 90 kHz
    keyframe: bool
    gap: bool  # something before it is missing


@dataclass(frozen=True, slots=True)
class Decoded:
    """One picture."""

    rtp: int
    frame: av.VideoFrame


class VideoDecoder:
    """Decodes one feed. `put`, `close` from the network's thread, `ready` by the clock's."""

    def __init__(self, feed: str, codec: VideoCodec, trouble: Callable[[], None]) -> None:
        """`trouble` is called, from any thread, whenever only a key frame helps."""
        self.codec = codec
        self.ready: deque[Decoded] = deque(maxlen=READY)
        self.errors = 0
        self.dropped = 0
        self._feed = feed
        self._trouble = trouble
        self._coded: deque[Coded] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._starved = True  # only a key frame can be decoded next
        self._thread = threading.Thread(target=self._run, name=f"decode-{feed}", daemon=True)
        self._thread.start()

    def put(self, coded: Coded) -> None:
        """A frame, in decoding order."""
        with self._wake:
            if len(self._coded) >= CODED:
                self.dropped += len(self._coded)
                self._coded.clear()
                self._starved = True
            self._coded.append(coded)
            self._wake.notify()

    def close(self) -> None:
        """End the thread; it finishes the frame that it is decoding."""
        with self._wake:
            self._closed = True
            self._coded.clear()
            self._wake.notify()

    def _run(self) -> None:
        context = self._open()
        while True:
            with self._wake:
                while not self._coded and not self._closed:
                    self._wake.wait()
                if self._closed:
                    return
                coded = self._coded.popleft()
            if coded.keyframe:
                self._starved = False
            elif coded.gap or self._starved:
                # Decoding on would show smeared pictures; the last good one stands instead.
                self._starved = True
                self.dropped += 1
                self._trouble()
                continue
            if not self._decode(context, coded):
                self.errors += 1
                self._starved = True
                self._trouble()
                context.flush_buffers()  # keeps an H.264 sender's parameter sets

    def _open(self) -> Any:
        context: Any = av.CodecContext.create(self.codec, "r")
        context.thread_count = 1
        context.options = {"max_pixels": str(MAX_PIXELS), "flags": "low_delay"}
        return context

    def _decode(self, context: Any, coded: Coded) -> bool:
        packet = av.Packet(coded.data)
        packet.pts = coded.rtp
        try:
            frames = context.decode(packet)
            for frame in frames:
                if frame.is_corrupt:
                    return False
                self.ready.append(Decoded(coded.rtp, _plain(frame)))
        except (av.FFmpegError, ValueError, MemoryError) as error:
            log.info("a frame could not be decoded", feed=self._feed, error=str(error))
            return False
        return True


def _plain(frame: av.VideoFrame) -> av.VideoFrame:
    """The frame as yuv420p of limited range, with even sides of at least 16 pixels."""
    width, height = max(16, frame.width // 2 * 2), max(16, frame.height // 2 * 2)
    if frame.format.name == "yuv420p" and (width, height) == (frame.width, frame.height):
        return frame
    return frame.reformat(width=width, height=height, format="yuv420p")
