"""The folder of one consultation: begins files, ends them, tells the journal of both.

Ending a file (its last piece, its index, its SHA-256) is done by a thread of its own: a large file
takes seconds to hash. Trouble with the disk is kept in words in `errors`, and tried again for ever.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from linkup import clock
from linkup.messages import PROGRAM
from linkup.record.writer import Container, Content, SegmentFile

log = structlog.get_logger()

RETRY_S = 1.0  # after the disk refused something
FULL = 2 * 1024 * 1024  # bytes free below which no new file is begun
REREAD = 300 * 1024 * 1024  # bytes of files that are given header and index when the process stops
_CHUNK = 1024 * 1024

Note = Callable[[str, dict[str, Any]], None]  # kind, data


def sha256(path: Path, hurry: threading.Event | None = None) -> str | None:
    """SHA-256 of a file in hex; `None` when `hurry` was set before it was done. `OSError`."""
    state = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            if hurry is not None and hurry.is_set():
                return None
            state.update(chunk)
    return state.hexdigest()


class Segment:
    """A file of the shelf with what the journal says of it."""

    def __init__(self, feed: str, peer: str, name: str, file: SegmentFile) -> None:
        self.feed = feed
        self.peer = peer
        self.name = name  # relative to the folder
        self.file = file
        self.lost = 0  # packets that never came, while this was written
        self.told = False  # the journal knows that it was opened

    @property
    def content(self) -> Content:
        return self.file.content

    @property
    def started(self) -> int:
        return self.file.started

    def opened(self) -> dict[str, Any]:
        """Data of the "segment-opened" line."""
        return {
            "path": self.name,
            "feed": self.feed,
            "peer": self.peer,
            "codec": self.content.codec,
            "width": self.content.width,
            "height": self.content.height,
            "started_ns": clock.utc_ns(self.file.started),
        }

    def closed(self, digest: str | None, why: str) -> dict[str, Any]:
        """Data of the "segment-closed" line."""
        return self.opened() | {
            "ended_ns": clock.utc_ns(self.file.ended),
            "bytes": self.file.size,
            "sha256": digest,
            "video_frames": self.file.video_frames,
            "audio_packets": self.file.audio_packets,
            "packets_lost": self.lost,
            "why": why,
        }


class Shelf:
    """Begins and ends the files of one consultation."""

    def __init__(self, folder: Path, note: Note, minimum_free: int = 0) -> None:
        """`minimum_free`: bytes; with less a warning stands in `errors`."""
        self.folder = folder
        self.errors: dict[str, str] = {}  # what → in words; empty: all is well
        self.begun: set[str] = set()  # names of all files since start
        self.bytes_closed = 0
        self.open: dict[str, Segment] = {}  # by name
        self._note = note
        self._minimum_free = minimum_free
        self._retry = 0.0
        self._left = -1  # of REREAD, once the process stops
        self._hurry = threading.Event()
        self._closer = ThreadPoolExecutor(1, thread_name_prefix="closer")

    @property
    def files(self) -> int:
        """How many were begun since start."""
        return len(self.begun)

    @property
    def bytes(self) -> int:
        """Bytes in all files since start."""
        return self.bytes_closed + sum(each.file.size for each in list(self.open.values()))

    def begin(self, feed: str, peer: str, content: Content, started: int) -> Segment | None:
        """A new file; `None` when the disk takes none now (the reason is in `errors`)."""
        if time.monotonic() < self._retry:
            return None
        place = PROGRAM if feed == PROGRAM else f"sites/{re.sub('[^A-Za-z0-9_-]', '_', feed)}"
        container: Container = "mp4" if feed == PROGRAM and content.video != "vp8" else "matroska"
        ending = "mp4" if container == "mp4" else "mkv"
        try:
            folder = self.folder / place
            folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(folder).free < FULL:
                raise OSError(28, "no space left on the disk")
            path = _free_name(folder, started, ending)
            self.begun.add(f"{place}/{path.name}")
            file = SegmentFile(path, container, content, started)
        except OSError as error:
            self._failed(f"cannot write recordings: {error.strerror or error}")
            return None
        self.errors.pop("write", None)
        segment = Segment(feed, peer, f"{place}/{path.name}", file)
        self.open[segment.name] = segment
        return segment

    def end(self, segment: Segment, why: str) -> None:
        """Finish a file: at once for the caller, in the background for the disk."""
        error = segment.file.error
        if error is not None:
            why = "disk"
            self._failed(f"cannot write {segment.name}: {error.strerror or error}")
        self._closer.submit(self._end, segment, why)

    def tell(self) -> None:
        """Tell the journal of files that have their first bytes. Call it a few times a second."""
        for segment in list(self.open.values()):
            if not segment.told and segment.file.size:
                segment.told = True
                self._note("segment-opened", segment.opened())

    def check_space(self) -> None:
        """Warn when the disk is nearly full. Call it every few seconds."""
        try:
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            self.errors["space"] = f"the folder of recordings is not there: {error.strerror}"
            return
        if free < self._minimum_free:
            self.errors["space"] = f"only {free // 1024**2} MB are free on the disk of recordings"
        else:
            self.errors.pop("space", None)

    def sync(self) -> None:
        """fsync all open files (from another thread); trouble goes to `errors`."""
        for segment in list(self.open.values()):
            try:
                segment.file.sync()
            except OSError as error:
                if error.errno != 9:  # EBADF: it was closed just now, which syncs it too
                    self.errors["write"] = f"cannot write {segment.name}: {error.strerror}"

    def stopping(self) -> None:
        """The process has few seconds left: all files get their hash, but only so many also their
        duration and seek index, which would make it necessary to read them again."""
        self._left = REREAD

    def close(self, patience_s: float) -> None:
        """Wait for all files that were ended, at most `patience_s`. In its last fifth they are no
        longer hashed (their lines then say `"sha256":null`; the next start adds what is missing).
        """
        timer = threading.Timer(patience_s * 0.8, self._hurry.set)
        timer.start()
        last = self._closer.submit(lambda: None)
        try:
            last.result(patience_s)
        except TimeoutError:
            log.error("files could not be finished in time", files=len(self.open))
        self._closer.shutdown(wait=False)
        timer.cancel()

    def _end(self, segment: Segment, why: str) -> None:
        try:
            segment.file.close(append_only=self._must_be_quick(segment.file.size))
            if segment.file.size == 0:
                segment.file.path.unlink(missing_ok=True)
                return
            if not segment.told:
                segment.told = True
                self._note("segment-opened", segment.opened())
            digest = segment.file.digest or sha256(segment.file.path, self._hurry)
            self._note("segment-closed", segment.closed(digest, why))
        except OSError as error:
            self._failed(f"cannot finish {segment.name}: {error.strerror or error}")
            self._note("segment-closed", segment.closed(None, why))
        except Exception:
            log.exception("file could not be finished", file=segment.name)
        finally:
            self.bytes_closed += segment.file.size
            self.open.pop(segment.name, None)

    def _must_be_quick(self, size: int) -> bool:
        """Is there too little time left to read so large a file again for its hash?"""
        if self._left < 0:
            return False
        if size > self._left:
            return True
        self._left -= size
        return False

    def _failed(self, text: str) -> None:
        if self.errors.get("write") != text:
            log.error("recording", error=text)
        self.errors["write"] = text
        self._retry = time.monotonic() + RETRY_S


def _free_name(folder: Path, started: int, ending: str) -> Path:
    moment = datetime.fromtimestamp(clock.utc_ns(started) / 1e9, UTC)
    stem = moment.strftime("%Y%m%dT%H%M%S.") + f"{moment.microsecond // 1000:03}Z"
    path = folder / f"{stem}.{ending}"
    number = 1
    while os.path.lexists(path):
        number += 1
        path = folder / f"{stem}-{number}.{ending}"
    return path
