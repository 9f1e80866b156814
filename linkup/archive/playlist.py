"""The program from its first second as HLS, over the recording itself (RFC 8216bis).

The growing fragmented MP4 files are named by byte ranges: nothing is copied or made anew, and a
viewer can begin at the first second while the last one is being written. Each segment begins with
a key frame and is at least two seconds long.
"""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from linkup.archive import index
from linkup.archive.boxes import Fragment, Scan

CONTENT_TYPE = "application/vnd.apple.mpegurl"
SHORTEST_S = 2.0
TARGET_S = 6  # EXT-X-TARGETDURATION may not change while a playlist grows
MAX_CACHED = 256  # files whose fragments are kept in memory


@dataclass(frozen=True, slots=True)
class Range:
    """A byte range that begins with a key frame. `start` and `duration` in seconds of the file."""

    offset: int
    length: int
    start: float
    duration: float


@dataclass(frozen=True, slots=True)
class Part:
    """One file: `uri` as the player asks for it, `started` UTC ms, `header` bytes of its init."""

    uri: str
    started: int
    header: int
    ranges: list[Range]


def program(data: Path, id: str, live: bool | None = None) -> str:
    """The media playlist of a consultation's program; URIs are relative (`files/program/…`).

    `live` says whether it still grows (asked of the archive when not given): EVENT without an end,
    else with `EXT-X-ENDLIST`. Raises `MissingError`.
    """
    view = index.consultation(data, id)
    live = view.live if live is None else live
    parts = []
    for track in view.tracks:
        if track.site != index.PROGRAM:
            continue
        for place, segment in enumerate(track.segments):
            growing = live and segment.ended is None and place == len(track.segments) - 1
            scan = _scanned(data / id / segment.file)
            if scan is not None and scan.header:
                ranges = group(scan.fragments, complete=not growing)
                parts.append(Part(f"files/{segment.file}", segment.started, scan.header, ranges))
    return render(parts, ended=not live)


def group(fragments: list[Fragment], complete: bool) -> list[Range]:
    """Fragments → ranges of at least `SHORTEST_S` that begin with a key frame.

    What comes before the first key frame is left out; the last range is left out until it is
    known to be whole, unless the file is `complete`.
    """
    ranges: list[Range] = []
    first: Fragment | None = None
    last: Fragment | None = None
    for fragment in fragments:
        if first is None or last is None:
            first = fragment if fragment.keyframe else None
        elif fragment.keyframe and fragment.start - first.start >= SHORTEST_S:
            ranges.append(_range(first, last, fragment.start - first.start))
            first = fragment
        last = fragment
    if complete and first is not None and last is not None:
        ranges.append(_range(first, last, last.start + last.duration - first.start))
    return ranges


def render(parts: list[Part], ended: bool) -> str:
    """The text of the playlist."""
    longest = max((each.duration for part in parts for each in part.ranges), default=0.0)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(TARGET_S, math.ceil(longest))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:" + ("VOD" if ended else "EVENT"),
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    parts = [part for part in parts if part.ranges]
    for number, part in enumerate(parts):
        if number:
            lines.append("#EXT-X-DISCONTINUITY")
        lines.append(f'#EXT-X-MAP:URI="{part.uri}",BYTERANGE="{part.header}@0"')
        for each in part.ranges:
            moment = datetime.fromtimestamp(part.started / 1000 + each.start, UTC)
            lines += [
                f"#EXT-X-PROGRAM-DATE-TIME:{moment.isoformat(timespec='milliseconds')}",
                f"#EXTINF:{each.duration:.5f},",
                f"#EXT-X-BYTERANGE:{each.length}@{each.offset}",
                part.uri,
            ]
    if ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _range(first: Fragment, last: Fragment, duration: float) -> Range:
    length = last.offset + last.length - first.offset
    return Range(first.offset, length, first.start, duration)


_scans: OrderedDict[Path, tuple[int, Scan]] = OrderedDict()
_lock = threading.Lock()


def _scanned(path: Path) -> Scan | None:
    """The fragments of a file up to now; only what was added since the last time is read."""
    with _lock:
        try:
            file = os.open(path, os.O_RDONLY)
        except OSError:
            return None
        try:
            status = os.fstat(file)
            inode, scan = _scans.get(path, (0, Scan()))
            if inode != status.st_ino or status.st_size < scan.offset:
                scan = Scan()
            scan.follow(lambda offset, length: os.pread(file, length, offset), status.st_size)
        finally:
            os.close(file)
        _scans[path] = (status.st_ino, scan)
        _scans.move_to_end(path)
        while len(_scans) > MAX_CACHED:
            _scans.popitem(last=False)
        return scan
