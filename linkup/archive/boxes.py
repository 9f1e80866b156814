"""The boxes of a fragmented MP4 file (ISO/IEC 14496-12), as far as a playlist needs them.

PURE: bytes in, numbers out. `Scan` reads a growing file piece by piece: it never reads media data
(`mdat`), only the 8 to 16 bytes of each box and the small `moov` and `moof`, and goes on where it
stopped, so that following a file costs what was added to it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MAX_MOOF = 4 * 1024 * 1024  # bytes; a longer one is a broken file
_SYNC_DIFFERS = 0x00010000  # sample flag: not a sync sample (§8.8.3.1)

Read = Callable[[int, int], bytes]  # (offset, length) → as many bytes as there are


@dataclass(frozen=True, slots=True)
class Fragment:
    """One `moof` with its `mdat`: `offset` and `length` in bytes, times in seconds of the file."""

    offset: int
    length: int
    start: float
    duration: float
    keyframe: bool  # the video begins with a key frame (or there is no video)


@dataclass(slots=True)
class _Movie:
    timescale: dict[int, int] = field(default_factory=dict)  # by track id
    video: int | None = None  # track id
    default_duration: dict[int, int] = field(default_factory=dict)
    default_flags: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Scan:
    """What is known of one file. `header`: bytes of `ftyp` and `moov`, 0 before they are whole."""

    offset: int = 0  # everything before is understood
    header: int = 0
    fragments: list[Fragment] = field(default_factory=list)
    broken: bool = False  # what stands at `offset` is not MP4; nothing more is read
    _movie: _Movie = field(default_factory=_Movie)

    def follow(self, read: Read, size: int) -> None:
        """Take in all boxes that are whole within the first `size` bytes."""
        while not self.broken:
            here = self._box(read, self.offset, size)
            if here is None:
                return
            kind, start, end = here
            if kind == b"moov":
                if end - start > MAX_MOOF:
                    self.broken = True
                    return
                self._movie = _movie(read(start, end - start))
                self.header = end
            elif kind == b"moof":
                data = self._box(read, end, size)
                if data is None:
                    return
                if not self._fragment(read(start, end - start), data[2]):
                    return
                end = data[2]
            self.offset = end

    def _box(self, read: Read, offset: int, size: int) -> tuple[bytes, int, int] | None:
        """`(type, start of the body, end)` of the box at `offset`; `None` if it is not whole."""
        if offset + 8 > size:
            return None
        head = read(offset, 16)
        if len(head) < 8:
            return None
        length, kind = struct.unpack_from("!I4s", head)
        body = 8
        if length == 1 and len(head) == 16:
            length, body = struct.unpack_from("!Q", head, 8)[0], 16
        if length < body or not kind.isalnum():
            self.broken = True
            return None
        end = offset + length
        return (kind, offset + body, end) if end <= size else None

    def _fragment(self, moof: bytes, end: int) -> bool:
        try:
            times = list(_times(moof, self._movie))
        except (struct.error, KeyError):
            self.broken = True
            return False
        if times:
            lead = next((each for each in times if each[0] == self._movie.video), times[0])
            keyframe = self._movie.video is None or (lead[0] == self._movie.video and lead[3])
            fragment = Fragment(self.offset, end - self.offset, lead[1], lead[2], keyframe)
            self.fragments.append(fragment)
        return True


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """`(type, start of the body, end)` of each box in `data[start:end]`."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        length, kind = struct.unpack_from("!I4s", data, start)
        if length < 8 or start + length > end:
            return
        yield kind, start + 8, start + length
        start += length


def _find(data: bytes, path: tuple[bytes, ...], start: int, end: int) -> tuple[int, int] | None:
    for kind, inner, stop in boxes(data, start, end):
        if kind == path[0]:
            return (inner, stop) if len(path) == 1 else _find(data, path[1:], inner, stop)
    return None


def _movie(moov: bytes) -> _Movie:
    movie = _Movie()
    for kind, start, end in boxes(moov):
        if kind == b"trak":
            header = _find(moov, (b"tkhd",), start, end)
            media = _find(moov, (b"mdia", b"mdhd"), start, end)
            handler = _find(moov, (b"mdia", b"hdlr"), start, end)
            if not header or not media or not handler:
                continue
            track = struct.unpack_from("!I", moov, header[0] + (20 if moov[header[0]] else 12))[0]
            scale = struct.unpack_from("!I", moov, media[0] + (20 if moov[media[0]] else 12))[0]
            movie.timescale[track] = scale or 1
            if moov[handler[0] + 8 : handler[0] + 12] == b"vide":
                movie.video = track
        elif kind == b"mvex":
            for inner, at, _ in boxes(moov, start, end):
                if inner == b"trex":
                    track, _, duration, _, flags = struct.unpack_from("!5I", moov, at + 4)
                    movie.default_duration[track], movie.default_flags[track] = duration, flags
    return movie


def _times(moof: bytes, movie: _Movie) -> Iterator[tuple[int, float, float, bool]]:
    """`(track, start s, duration s, begins with a sync sample)` of each track fragment."""
    for kind, start, end in boxes(moof):
        if kind != b"traf":
            continue
        track, each, flags = _fragment_header(moof, start, end, movie)
        scale = movie.timescale[track]
        decode = _find(moof, (b"tfdt",), start, end)
        if decode is None:
            continue
        form = "!Q" if moof[decode[0]] else "!I"
        base = struct.unpack_from(form, moof, decode[0] + 4)[0]
        ticks, sync, first = 0, False, True
        for inner, at, _ in boxes(moof, start, end):
            if inner == b"trun":
                length, first_flags = _run(moof, at, each, flags)
                ticks += length
                if first:
                    sync, first = not first_flags & _SYNC_DIFFERS, False
        yield track, base / scale, ticks / scale, sync


def _fragment_header(moof: bytes, start: int, end: int, movie: _Movie) -> tuple[int, int, int]:
    """`tfhd` (§8.8.7): track, default sample duration, default sample flags."""
    found = _find(moof, (b"tfhd",), start, end)
    if found is None:
        raise KeyError("tfhd")
    options, track = struct.unpack_from("!II", moof, found[0])
    position = found[0] + 8
    position += 8 * bool(options & 0x01) + 4 * bool(options & 0x02)
    duration, flags = movie.default_duration.get(track, 0), movie.default_flags.get(track, 0)
    if options & 0x08:
        duration = struct.unpack_from("!I", moof, position)[0]
        position += 4
    position += 4 * bool(options & 0x10)
    if options & 0x20:
        flags = struct.unpack_from("!I", moof, position)[0]
    return track, duration, flags


def _run(moof: bytes, at: int, duration: int, flags: int) -> tuple[int, int]:
    """`trun` (§8.8.8): length in ticks, flags of the first sample."""
    options, count = struct.unpack_from("!II", moof, at)
    position = at + 8 + 4 * bool(options & 0x01)
    first = flags
    if options & 0x04:
        first = struct.unpack_from("!I", moof, position)[0]
        position += 4
    step = 4 * sum(bool(options & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    if options & 0x400 and not options & 0x04 and count:
        place = position + 4 * bool(options & 0x100) + 4 * bool(options & 0x200)
        first = struct.unpack_from("!I", moof, place)[0]
    if not options & 0x100:
        return count * duration, first
    total = 0
    for _ in range(count):
        total += struct.unpack_from("!I", moof, position)[0]
        position += step
    return total, first
