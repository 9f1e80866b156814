"""What is in the archive: consultations, their files, chapters and events.

Everything comes from the journals. A journal only grows, so what was read of it once is kept and
only the new lines are read at the next request: a request costs the same after 100,000 lines as
after ten. It works while the consultation is still being recorded, and on a copy of the folder.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from linkup.archive.views import (
    Chapter,
    ConsultationSummary,
    ConsultationView,
    Event,
    Segment,
    Track,
    Words,
)
from linkup.archive.words import SILENT, event_text
from linkup.errors import MissingError
from linkup.record import journal

PROGRAM = "program"
RESTART_S = 15.0  # a recorder that was killed is back well within this time
MAX_CACHED = 64  # journals kept in memory
_MS = 1_000_000


def consultations(data: Path) -> list[ConsultationSummary]:
    """All consultations in the folder `data`, the newest first."""
    found = []
    for path in data.glob(f"*/{journal.NAME}"):
        with contextlib.suppress(OSError):
            found.append(_read(path.parent).summary())
    return sorted(found, key=lambda each: -each.started)


def consultation(data: Path, id: str) -> ConsultationView:
    """One consultation. Raises `MissingError` when nothing is recorded under this id."""
    return _read(folder(data, id)).view()


def folder(data: Path, id: str) -> Path:
    """The folder of a consultation. Raises `MissingError` when there is none of this id."""
    path = data / id
    if id != path.name or id in ("", ".", "..") or not (path / journal.NAME).is_file():
        raise MissingError("no-consultation", f"nothing is recorded under the id {id!r}")
    return path


def file(data: Path, id: str, name: str) -> Path:
    """The path of a recorded file, as named in `Segment.file`.

    Only files that the journal names (and the journal itself) are given out, so no name from
    outside can reach anything else. Raises `MissingError`.
    """
    place = folder(data, id)
    if name == journal.NAME or name in _read(place).segments:
        path = place / name
        if path.is_file():
            return path
    raise MissingError("no-file", f"no recording is called {name!r}")


@dataclass
class _Reading:
    """What has been read of one journal so far."""

    folder: Path
    inode: int
    offset: int = 0
    first: int = 0  # UTC ms of the first line
    last: int = 0
    newest: int = 0  # of the line read last; entries may be a little out of order
    running: bool = False  # between "record-started" and "record-stopped"
    run_ended: int = 0  # when the run before the present one was last heard of
    title: Words = field(default_factory=dict)
    names: dict[str, Words] = field(default_factory=dict)
    segments: dict[str, tuple[str, Segment]] = field(default_factory=dict)  # file → feed, segment
    chapters: list[Chapter] = field(default_factory=list)
    takes: dict[int, int] = field(default_factory=dict)  # take → place in `chapters`
    events: list[Event] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def path(self) -> Path:
        return self.folder / journal.NAME

    def catch_up(self, size: int) -> None:
        """Read the lines that came since the last time."""
        if size <= self.offset:
            return
        for raw in journal.raw_lines(self.path, self.offset):
            self.offset += len(raw)
            with contextlib.suppress(ValueError):
                self._learn(journal.parse(raw))

    def _learn(self, line: journal.Line) -> None:
        at = line.at_ns // _MS
        if line.kind == "record-started":
            self.run_ended = self.newest
        self.newest = at
        self.first = self.first or at
        self.last = max(self.last, at)
        learn = getattr(self, "_" + line.kind.replace("-", "_"), None)
        if line.kind in _LEARNED and learn is not None:
            # A line that somebody wrote in another shape must not hide all others.
            with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
                learn(line, at)
        if line.kind not in SILENT:
            text = event_text(line.kind, line.who, line.data, self.names)
            self.events.append(Event(at=at, kind=line.kind, who=line.who, text=text))

    def _record_started(self, line: journal.Line, at: int) -> None:
        self.running = True
        self.title = line.data["title"]
        self.names.update({each["id"]: each["name"] for each in line.data["sites"]})

    def _record_stopped(self, line: journal.Line, at: int) -> None:
        self.running = False

    def _segment_opened(self, line: journal.Line, at: int) -> None:
        data = line.data
        segment = Segment(
            file=data["path"],
            started=data["started_ns"] // _MS,
            ended=None,
            bytes=0,
            codec=data["codec"],
            sha256=None,
        )
        self.segments[segment.file] = (data["feed"], segment)

    def _segment_closed(self, line: journal.Line, at: int) -> None:
        data = line.data
        if data["path"] not in self.segments:
            self._segment_opened(line, at)
        feed, segment = self.segments[data["path"]]
        closed = replace(
            segment,
            started=data["started_ns"] // _MS,
            ended=data["ended_ns"] // _MS,
            bytes=data["bytes"],
            sha256=data["sha256"],
        )
        self.segments[segment.file] = (feed, closed)

    def _segment_hashed(self, line: journal.Line, at: int) -> None:
        data = line.data
        feed, segment = self.segments[data["path"]]
        hashed = replace(segment, bytes=data["bytes"], sha256=data["sha256"])
        self.segments[segment.file] = (feed, hashed)

    def _take(self, line: journal.Line, at: int) -> None:
        data = line.data
        self._end_chapter(at)
        names = data.get("names")
        if isinstance(names, dict):
            names = list(names.values())
        chapter = Chapter(
            at=at,
            until=None,
            sites=[str(site) for site in data.get("sites", [])],
            names=names or [],
            layout=str(data.get("layout", "full")),
            strip=data.get("strip"),
            by=line.who,
        )
        self.takes[int(data["take"])] = len(self.chapters)
        self.chapters.append(chapter)

    def _on_air(self, line: journal.Line, at: int) -> None:
        """The program says with which frame the take went on air: that is the chapter's time."""
        place = self.takes.get(int(line.data["take"]))
        if place is None or place != len(self.chapters) - 1:
            return
        decided = self.chapters[place].at
        self.chapters[place] = replace(self.chapters[place], at=at)
        if place and self.chapters[place - 1].until == decided:  # nothing lay between them
            self.chapters[place - 1] = replace(self.chapters[place - 1], until=at)

    def _stopped(self, line: journal.Line, at: int) -> None:
        self._end_chapter(at)
        self.takes.clear()  # the next run counts from one again

    def _started(self, line: journal.Line, at: int) -> None:
        """The whole server was started: nothing was on air since the run before ended."""
        self._end_chapter(self.run_ended or at)
        self.takes.clear()
        title = line.data.get("title")
        if isinstance(title, dict):
            self.title = title

    def _end_chapter(self, at: int) -> None:
        if self.chapters and self.chapters[-1].until is None:
            last = self.chapters[-1]
            self.chapters[-1] = replace(last, until=max(at, last.at))

    def live(self) -> bool:
        """Is it being recorded now, or was the recorder killed just now and comes back?"""
        if journal.is_written(self.path):
            return True
        return self.running and time.time() - self.path.stat().st_mtime < RESTART_S

    def ended(self, live: bool) -> int | None:
        if live:
            return None
        ends = [segment.ended or 0 for _, segment in self.segments.values()]
        return max([self.last, *ends])

    def sized(self) -> list[tuple[str, Segment]]:
        """All segments; those being written with their size of this moment."""
        result = []
        for feed, segment in self.segments.values():
            if segment.ended is None:
                with contextlib.suppress(OSError):
                    size = (self.folder / segment.file).stat().st_size
                    segment = replace(segment, bytes=size)
            result.append((feed, segment))
        return result

    def named(self, site: str) -> Words:
        if site == PROGRAM:
            return {"zh": "播出", "en": "Program"}
        return self.names.get(site, {"zh": site, "en": site})

    def summary(self) -> ConsultationSummary:
        with self.lock:
            live = self.live()
            ended = self.ended(live)
            now = int(time.time() * 1000) if ended is None else ended
            return ConsultationSummary(
                id=self.folder.name,
                title=self._titled(),
                live=live,
                started=self.first,
                ended=ended,
                duration_s=max(0.0, (now - self.first) / 1000),
                bytes=sum(segment.bytes for _, segment in self.sized()),
            )

    def view(self) -> ConsultationView:
        with self.lock:
            live = self.live()
            ended = self.ended(live)
            tracks: OrderedDict[str, list[Segment]] = OrderedDict({PROGRAM: []})
            for feed, segment in sorted(self.sized(), key=lambda each: each[1].started):
                tracks.setdefault(feed, []).append(segment)
            chapters = list(self.chapters)
            if ended is not None and chapters and chapters[-1].until is None:
                chapters[-1] = replace(chapters[-1], until=ended)
            order = [PROGRAM, *self.names]
            return ConsultationView(
                id=self.folder.name,
                title=self._titled(),
                live=live,
                started=self.first,
                ended=ended,
                tracks=[
                    Track(
                        site=site,
                        name=self.named(site),
                        kind="program" if site == PROGRAM else "site",
                        segments=segments,
                    )
                    for site, segments in sorted(
                        tracks.items(),
                        key=lambda each: order.index(each[0]) if each[0] in order else len(order),
                    )
                    if segments
                ],
                chapters=chapters,
                events=list(self.events),
            )

    def _titled(self) -> Words:
        return self.title or {"zh": self.folder.name, "en": self.folder.name}


_LEARNED = frozenset(
    {
        "record-started", "record-stopped", "segment-opened", "segment-closed", "segment-hashed",
        "take", "on-air", "started", "stopped",
    }
)  # fmt: skip

_cache: OrderedDict[Path, _Reading] = OrderedDict()
_cache_lock = threading.Lock()


def _read(place: Path) -> _Reading:
    """The reading of one journal, up to date. Raises `OSError` when it is gone."""
    status = (place / journal.NAME).stat()
    with _cache_lock:
        reading = _cache.get(place)
        if reading is None or reading.inode != status.st_ino or status.st_size < reading.offset:
            reading = _cache[place] = _Reading(folder=place, inode=status.st_ino)
        _cache.move_to_end(place)
        while len(_cache) > MAX_CACHED:
            _cache.popitem(last=False)
    with reading.lock:
        reading.catch_up(status.st_size)
    return reading
