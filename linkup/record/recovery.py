"""After a kill: the files of the run before are found, measured, hashed and closed in the journal.

They need no repair: everything in them is playable as it is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import structlog

from linkup.messages import PROGRAM
from linkup.record import journal
from linkup.record.shelf import Note, sha256

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Orphan:
    """A file without an end in the journal. `opened`: data of its "segment-opened" line."""

    path: str
    opened: dict[str, Any] | None
    closed: bool = False  # closed, but without hash


@dataclass(frozen=True, slots=True)
class Measured:
    """What is in a recorded file. Times in ns of the file."""

    end_ns: int
    codec: str
    width: int
    height: int
    video_frames: int
    audio_packets: int
    started_ns: int  # UTC, from the file's own tags; 0: not there


def orphans(folder: Path) -> list[Orphan]:
    """Recordings in a consultation's folder that the journal does not say the hash of."""
    open_: dict[str, dict[str, Any]] = {}
    unhashed: set[str] = set()
    hashed: set[str] = set()
    path = folder / journal.NAME
    for raw in journal.raw_lines(path) if path.exists() else ():
        if b'"kind":"segment-' not in raw:
            continue
        try:
            line = journal.parse(raw)
            name = str(line.data["path"])
        except (ValueError, KeyError):
            continue
        if line.kind == "segment-opened":
            open_[name] = line.data
        elif line.data.get("sha256") is None:
            open_.pop(name, None)
            unhashed.add(name)
        else:
            open_.pop(name, None)
            hashed.add(name)
    found = [Orphan(name, data) for name, data in open_.items()]
    found += [Orphan(name, None, closed=True) for name in sorted(unhashed - hashed)]
    known = open_.keys() | unhashed | hashed
    found += [Orphan(name, None) for name in recordings(folder) if name not in known]
    return found


def recordings(folder: Path) -> Iterator[str]:
    """Names of all recorded files in a consultation's folder."""
    for pattern in ("sites/*/*.mkv", f"{PROGRAM}/*.mp4", f"{PROGRAM}/*.mkv"):
        for path in sorted(folder.glob(pattern)):
            yield path.relative_to(folder).as_posix()


def measure(path: Path) -> Measured:
    """Read a file to its end, without decoding. Raises `av.FFmpegError`, `OSError`."""
    with av.open(str(path)) as file:
        counts = {"video": 0, "audio": 0}
        end = 0
        for packet in file.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            counts[packet.stream.type] = counts.get(packet.stream.type, 0) + 1
            last = packet.pts + (packet.duration or 0)
            end = max(end, int(last * packet.time_base * 1_000_000_000))
        video = next(iter(file.streams.video), None)
        names = [stream.codec_context.name for stream in file.streams if stream.codec_context]
        begin = file.metadata.get("LINKUP_START_UTC", "")
        return Measured(
            end_ns=end,
            codec="+".join("opus" if name == "libopus" else name for name in names),
            width=video.codec_context.width if video else 0,
            height=video.codec_context.height if video else 0,
            video_frames=counts["video"],
            audio_packets=counts["audio"],
            started_ns=_utc_ns(begin),
        )


def close_orphans(folder: Path, found: list[Orphan], note: Note, stop: threading.Event) -> int:
    """Enter the ends of these files into the journal; how many were closed."""
    done = 0
    for orphan in found:
        if stop.is_set():
            return done
        try:
            done += _close(folder, orphan, note, stop)
        except Exception as error:  # one strange file must not keep the others open
            log.error("file of an earlier run", file=orphan.path, error=str(error))
            note("segment-unreadable", {"path": orphan.path, "text": str(error)})
    if done:
        note("recovered", {"files": done})
    return done


def _close(folder: Path, orphan: Orphan, note: Note, stop: threading.Event) -> bool:
    path = folder / orphan.path
    if not path.exists():
        if orphan.opened:
            note("segment-missing", {"path": orphan.path})
        return False
    size = path.stat().st_size
    digest = sha256(path, stop)
    if digest is None:
        return False
    if orphan.closed:
        note("segment-hashed", {"path": orphan.path, "bytes": size, "sha256": digest})
        return True
    found = measure(path)
    opened = orphan.opened or {
        "path": orphan.path,
        "feed": PROGRAM if orphan.path.startswith(PROGRAM) else Path(orphan.path).parent.name,
        "peer": "",
        "codec": found.codec,
        "width": found.width,
        "height": found.height,
        "started_ns": found.started_ns,
    }
    told = {
        "ended_ns": opened["started_ns"] + found.end_ns,
        "bytes": size,
        "sha256": digest,
        "video_frames": found.video_frames,
        "audio_packets": found.audio_packets,
        "packets_lost": None,  # nobody counted to the end
        "why": "recovered",
    }
    note("segment-closed", opened | told)
    return True


def _utc_ns(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000
