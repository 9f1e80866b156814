"""Media between processes.

The media process listens on a Unix sequenced-packet socket (`{run}/tap.sock`). Any process that
connects may take feeds (recorder, mixer) and may give one (the mixer gives `program`). One message
carries all entries of one wake-up. Both ends are non-blocking: when the other end is slow the
message is dropped and counted, never waited for.

    message = entry *
    entry   = kind:u8 length:u16 track:u32 at:u64 payload[length]      (big endian)

`at` is the packet's arrival, CLOCK_MONOTONIC ns. Tracks are numbers that the sender chooses,
unique for the life of its process. The stream describes itself: a `TRACK` entry precedes the first
packet of a track, and is repeated every second, so a reader that was restarted knows everything
within a second.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Literal

import msgspec

RTP = 1  # payload: one whole RTP packet, decrypted, extensions as they came
REPORT = 2  # payload: RTCP sender report's NTP time (u64) and RTP time (u32)
TRACK = 3  # payload: JSON of `Track`
KEYFRAME = 4  # reader → media: a key frame of this track is wanted; no payload
WANT = 5  # reader → media: JSON of `Want`; track 0
GONE = 6  # the track has ended (publisher left or was replaced); no payload

HEADER = struct.Struct("!BHIQ")
REPORT_BODY = struct.Struct("!QI")
MAX_MESSAGE = 128 * 1024  # bytes; well under the default send buffer of 208 KiB


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """What a track number means."""

    track: int
    feed: str
    kind: Literal["audio", "video"]
    codec: Literal["opus", "vp8", "h264"]
    clock_rate: int
    ssrc: int
    payload_type: int
    peer: str = ""  # changes when the site reconnects


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader wants to be sent from now on: `None` is everything except its own feed."""

    reader: str  # "record", "program", …: for counters and logs
    audio: list[str] | None = None
    video: list[str] | None = None


_track = msgspec.json.Decoder(Track)
_want = msgspec.json.Decoder(Want)


def entry(kind: int, track: int, at: int, payload: bytes | bytearray | memoryview = b"") -> bytes:
    """One encoded entry. The packet plane's own fast path packs `HEADER` in place instead."""
    return HEADER.pack(kind, len(payload), track, at) + payload


def track_entry(track: Track, at: int) -> bytes:
    """The entry that announces `track`."""
    return entry(TRACK, track.track, at, msgspec.json.encode(track))


def want_entry(want: Want, at: int) -> bytes:
    """The entry by which a reader says what it wants."""
    return entry(WANT, 0, at, msgspec.json.encode(want))


def entries(message: bytes | memoryview) -> Iterator[tuple[int, int, int, memoryview]]:
    """`(kind, track, at, payload)` of each entry; stops at the first that is cut off."""
    view = memoryview(message)
    position, end = 0, len(view)
    while position + HEADER.size <= end:
        kind, length, track, at = HEADER.unpack_from(view, position)
        position += HEADER.size
        if position + length > end:
            return
        yield kind, track, at, view[position : position + length]
        position += length


def parse_track(payload: memoryview) -> Track:
    """Raises `msgspec.MsgspecError` when it is not one."""
    return _track.decode(payload)


def parse_want(payload: memoryview) -> Want:
    """Raises `msgspec.MsgspecError` when it is not one."""
    return _want.decode(payload)
