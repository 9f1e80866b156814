"""Whole frames out of packets: what the VP8 and H.264 assemblers give."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Frame:
    """One complete coded picture.

    `data` is a VP8 frame, or an H.264 access unit in Annex B.
    """

    data: bytes
    timestamp: int  # RTP, 90 kHz, modulo 2³²
    keyframe: bool
    at: int  # arrival of its last packet, ns
    gap: bool  # frames or parts were lost since the last whole frame
    width: int = 0  # pixels; known at key frames
    height: int = 0


class Assembler:
    """Base: gathers payloads of one timestamp, notices gaps, never holds more than `LIMIT` bytes.

    Give it packets in order (after `wire.reorder`), with their extended sequence numbers.
    """

    LIMIT = 4 * 1024 * 1024  # bytes of one frame

    def __init__(self) -> None:
        self.broken = 0  # frames that could not be completed
        self._expected: int | None = None
        self._timestamp: int | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._damaged = False  # of the frame that is being gathered
        self._gap = False

    def _begin(self, number: int, timestamp: int) -> None:
        """Account for the packet's place in the stream; starts a new frame where one begins."""
        missing = self._expected is not None and number != self._expected
        self._expected = number + 1
        if timestamp != self._timestamp:
            if self._parts:  # its last packet never came
                self._discard()
            self._timestamp = timestamp
            self._damaged = False
        if missing:
            self._gap = True
            if self._parts:
                self._damaged = True

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self.LIMIT:
            self._damaged = True
            return
        self._parts.append(part)

    def _discard(self) -> None:
        self.broken += 1
        self._gap = True
        self._clear()

    def _clear(self) -> None:
        self._parts.clear()
        self._size = 0

    def _finish(self, at: int, keyframe: bool, size: tuple[int, int]) -> Frame:
        assert self._timestamp is not None
        frame = Frame(b"".join(self._parts), self._timestamp, keyframe, at, self._gap, *size)
        self._gap = False
        self._clear()
        return frame
